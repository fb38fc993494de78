using System.Diagnostics;
using Akka;
using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using Akka.Streams;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// The shell of a learner: recovers the fold, runs the learn leg from the fold's own positions, persists sealed events one at a
/// time and serves them to replicas. All arithmetic is in <see cref="LearnerFold"/>.
/// </summary>
/// <remarks>
/// Rows are folded when they arrive, while the previous event is on its way into the database; so the fold runs ahead of the
/// journal by at most one event under construction. If a persist fails, the actor stops and recovers from the journal: what
/// was not persisted is read from the source again, at the positions that the journal has.
/// </remarks>
public sealed class LearnerActor : ReceivePersistentActor, IWithTimers
{
    private static readonly TimeSpan SourceRetry = TimeSpan.FromSeconds(1);
    private readonly LearnerDefinition _definition;
    private readonly SnapshotHealth _health;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly ReplicaFeed _feed;
    private readonly SnapshotSchedule _snapshots;
    private readonly ScoredWatermark _scored = new();
    private readonly List<IActorRef> _drainers = [];
    private readonly GrownSource _grown;
    private readonly LearnLegs _legs;
    private readonly PendingStoreOwner _pending;
    private readonly RecoveredEvents _recovered;
    private readonly LearnerAlarms _alarms;
    private readonly LearnerChanges _changes = new();
    private LearnerFold? _fold;
    private LearnerState _state = LearnerState.Recovering;
    private string _detail = "";
    private long _persisted;
    private long _persistStarted;
    private bool _persisting;
    private JournalEvent? _last;
    private bool _draining;
    private bool _waitTimer;
    private bool _snapshotDamaged;

    public LearnerActor(LearnerDefinition definition, SnapshotHealth health)
    {
        _definition = definition;
        _health = health;
        _feed = new ReplicaFeed(definition.Options.RingBytes);
        _snapshots = new SnapshotSchedule(definition.Options);
        _grown = new GrownSource(definition);
        _alarms = new LearnerAlarms(definition);
        _recovered = new RecoveredEvents(definition, Context.System);
        _pending = new PendingStoreOwner(definition);
        _legs = new LearnLegs(definition, _scored, Self, new ChunksWaiting());

        Recover<SnapshotOffer>(OpenSnapshot);
        Recover<Genesis>(genesis => _fold = new LearnerFold(genesis, definition.Define(genesis)));
        Recover<JournalEvent>(e => (_fold ??= _recovered.FoldBefore(LastSequenceNr, e)).Apply(LastSequenceNr, _recovered.WithRows(LastSequenceNr, e)));
        Recover<RecoveryCompleted>(_ => Begin());

        Command<Scored>(Hear);
        Command<Wake>(_ => { });
        Command<ChunksWaiting>(_ => TakeChunks());
        Command<WaitElapsed>(_ =>
        {
            _waitTimer = false;
            SealIfDue(waited: true);
        });
        Command<LegEnded>(Ended);
        Command<StartLeg>(_ => StartLearnLegs());
        Command<PendingStoreOwner.Ready>(Take);
        Command<Pull>(Serve);
        Command<Terminated>(t => _feed.Forget(t.ActorRef));
        Command<GetLearnerStatus>(_ => Sender.Tell(Status()));
        Command<Freeze>(Change);
        Command<Thaw>(Change);
        Command<Revoke>(Change);
        Command<Drain>(_ => BeginDrain());
        Command<KeptStill>(_ => Context.Stop(Self)); // the next message starts it again: what the other writer wrote is recovered then
        Command<SaveSnapshotSuccess>(SnapshotSaved);
        Command<SaveSnapshotFailure>(f =>
        {
            _log.Warning(f.Cause, "{0}: snapshot at {1} was not saved; the journal has all of it, recovery takes longer", PersistenceId, f.Metadata.SequenceNr);
            FinishDrain();
        });
        Command<DeleteSnapshotSuccess>(_ => { });
        Command<DeleteSnapshotFailure>(f => _log.Warning(f.Cause, "{0}: snapshot {1} was not deleted", PersistenceId, f.Metadata.SequenceNr));
    }

    public override string PersistenceId => _definition.PersistenceId;

    public ITimerScheduler Timers { get; set; } = null!;

    public override Recovery Recovery => new(new SnapshotSelectionCriteria(_health.NewestUsable(PersistenceId), DateTime.MaxValue));

    private long Now => _definition.Time.GetUtcNow().ToUnixTimeMilliseconds();

    protected override void PostStop()
    {
        _alarms.Stopped(Self);
        _legs.Close();
        _pending.Close();
        _recovered.Close();
        _fold?.Dispose();
        base.PostStop();
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        if (Fencing.IsRefusal(cause))
        {
            _log.Error("{0}: FENCED: another writer has written event {1}; this learner stops", PersistenceId, sequenceNr);
            _health.Fenced(PersistenceId, sequenceNr);
            _alarms.Fenced(sequenceNr);
            return;
        }
        _log.Error(cause, "{0}: event {1} was not persisted; learning stops and recovers from the journal, scoring goes on from version {2}", PersistenceId, sequenceNr, _persisted);
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        _log.Error(cause, "{0}: the journal rejected event {1}; learning stops and recovers from the journal", PersistenceId, sequenceNr);
        Context.Stop(Self);
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        // The learner's status is gone with it, so that the health keeps why, for the node to show.
        _health.Failed(PersistenceId, reason);
        // The next life recovers from the snapshot before: nothing failed that does not succeed then.
        if (!_snapshotDamaged) _alarms.RecoveryFailed(LastSequenceNr, reason);
        base.OnRecoveryFailure(reason, message);
    }

    private void OpenSnapshot(SnapshotOffer offer)
    {
        var envelope = (SnapshotEnvelope)offer.Snapshot;
        try
        {
            _fold = envelope.Open(_definition.Define);
        }
        catch (StateFormatException e)
        {
            _log.Error("{0}: snapshot {1} is unusable ({2}); recovering from the one before", PersistenceId, offer.Metadata.SequenceNr, e.Message);
            _health.Damaged(PersistenceId, offer.Metadata.SequenceNr);
            _alarms.SnapshotDamaged(offer.Metadata.SequenceNr, e.Message);
            _snapshotDamaged = true;
            throw;
        }
        _snapshots.Found(envelope, _fold);
    }

    private void Begin()
    {
        _health.Recovered(PersistenceId);
        if (_health.FencedFor(PersistenceId) is { Ticks: > 0 } left)
        {
            _state = LearnerState.Fenced;
            _detail = "another writer wrote to this learner's journal: two clusters, or two halves of one, work on it";
            Timers.StartSingleTimer("still", new KeptStill(), left);
            return;
        }
        if (_fold is not null)
        {
            if (_fold.Genesis.Settings != _definition.GenesisSettings)
            {
                Refuse(GenesisDifference.Explain(_fold.Genesis, _definition));
                return;
            }
            Run();
            return;
        }
        IReadOnlyList<PartitionPosition> start;
        IReadOnlyList<PartitionPosition>? labels;
        try
        {
            start = _definition.Source.Partitions();
            labels = _definition.Labels?.Source.Partitions();
        }
        catch (Exception e) when (e is SourceException or SourceUnavailableException)
        {
            _state = LearnerState.WaitingForSource;
            _detail = e.Message;
            Timers.StartSingleTimer("begin", new StartLeg(), SourceRetry);
            return;
        }
        var genesis = Genesis.Create(_definition.Name, _definition.Lineage, _definition.Shard, _definition.GenesisSettings, Now, start, labels);
        Persist(genesis, e =>
        {
            _fold = new LearnerFold(e, _definition.Define(e));
            Run();
        });
    }

    private void Hear(Scored hint)
    {
        _scored.Advance(hint.Position);
        if (_fold is null || !_grown.Note(hint.Position.Partition, _fold.Genesis)) return;
        _health.Alarms.Raise($"{PersistenceId}: {_grown.Detail}");
        _log.Error("{0}: {1}", PersistenceId, _grown.Detail);
        _alarms.UnknownPartition(hint.Position.Partition, _grown.Detail);
    }

    private void Run()
    {
        _recovered.Close();
        _fold!.RowsByReference = _definition.Options.RowsByReference;
        _persisted = LastSequenceNr;
        _feed.Start(_persisted);
        _alarms.Started(Self);
        StartLearnLegs();
        ChangeIfDue();
    }

    private void StartLearnLegs()
    {
        if (_fold is null)
        {
            Begin();
            return;
        }
        if (_draining || _state == LearnerState.Refused) return;
        if (_fold.Join is not null && _pending.Store is null)
        {
            (_state, _detail) = (LearnerState.Recovering, "the pending store is made from journal and logs");
            _pending.Make(_fold, Context.System, Self);
            return;
        }
        try
        {
            _legs.Start(_fold, Context.System.Materializer());
            _state = LearnerState.Running;
            _detail = "";
            _alarms.Runs();
        }
        catch (Exception e) when (e is SourceException or SourceUnavailableException)
        {
            Fail(e);
        }
    }

    private void Take(PendingStoreOwner.Ready ready)
    {
        if (_pending.End(ready) is { } cause)
        {
            Fail(cause);
        }
        else
        {
            _fold!.Join!.Attach(_pending.Store!);
            StartLearnLegs();
        }
        FinishDrain();
    }

    private void Ended(LegEnded ended)
    {
        if (!_legs.Note(ended)) return;
        if (ended.Cause is null) _legs.Signal();
        else Fail(ended.Cause);
        FinishDrain();
    }

    private void Fail(Exception cause)
    {
        _legs.Close();
        if (cause is SourceException or FoldException)
        {
            Refuse(cause.Message);
            return;
        }
        _log.Warning(cause, "{0}: the learn leg failed and is started again", PersistenceId);
        _state = LearnerState.WaitingForSource;
        _detail = cause.Message;
        Timers.StartSingleTimer("leg", new StartLeg(), SourceRetry);
    }

    // Not a failure of the program: a person has to decide, and says so by changing the source or the configuration.
    private void Refuse(string why)
    {
        _log.Error("{0} refuses to learn: {1}", PersistenceId, why);
        _state = LearnerState.Refused;
        _detail = why;
        _persisted = LastSequenceNr;
        _feed.Start(_persisted);
        _alarms.Refused(_persisted, why);
        _changes.Refuse($"this learner does not learn: {why}");
        _alarms.Started(Self);
    }

    private void TakeChunks()
    {
        if (_fold is null) return;
        _legs.Seen();
        if (_changes.Any) return; // the next event is theirs
        var options = _definition.Options;
        // A few chunks a turn, so that hints, pulls and status questions are answered in between.
        for (var turn = 0; turn < 4; turn++)
        {
            if (_persisting && IsFull(options)) return;
            if (!TryLearn(out var more)) return;
            if (!more)
            {
                SealIfDue(waited: false);
                if (_legs.Done) SealIfDue(waited: true);
                return;
            }
            SealIfDue(waited: false);
        }
        _legs.Signal();
    }

    // Learns what is there next; false where the learner refuses to go on.
    private bool TryLearn(out bool more)
    {
        more = false;
        var (started, before) = (Stopwatch.GetTimestamp(), _fold!.Learner.Rows);
        try
        {
            more = _legs.TryLearn(_fold, _definition.Options.MaxBytes, out var wait);
            if (more) _definition.Clocks.Learn.Add(started, (int)(_fold.Learner.Rows - before));
            else if (wait is { } time) Timers.StartSingleTimer("other-log", new ChunksWaiting(), time);
            return true;
        }
        catch (FoldException e)
        {
            _legs.Close();
            Refuse(e.Message);
            return false;
        }
    }

    private bool IsFull(LearnerOptions options) => _fold!.Open.Rows >= options.MaxRows || _fold.Open.Bytes >= options.MaxBytes;

    private void SealIfDue(bool waited)
    {
        if (_fold is null || !_fold.Open.HasRanges)
        {
            if (_legs.Done && !_persisting && _fold is not null && !_fold.Open.HasRanges) Caught();
            return;
        }
        if (_persisting) return;
        if (!waited && !_draining && !_legs.Done && !IsFull(_definition.Options))
        {
            if (_waitTimer) return;
            _waitTimer = true;
            Timers.StartSingleTimer("wait", new WaitElapsed(), _definition.Options.Wait);
            return;
        }
        var started = Stopwatch.GetTimestamp();
        var rows = _fold.Open.Rows;
        var learned = _last = _fold.Seal(Now);
        _definition.Clocks.Seal.Add(started, rows);
        TakeSnapshot();
        Store(learned, rows, null);
    }

    private void Store(JournalEvent journalEvent, int rows, IActorRef? replyTo)
    {
        _persisting = true;
        _persistStarted = Stopwatch.GetTimestamp();
        CrashPoints.Pass(CrashPoints.AfterPending);
        PersistAsync(journalEvent, e =>
        {
            CrashPoints.Pass(CrashPoints.AfterPersist);
            _definition.Clocks.Persist.Add(_persistStarted, rows);
            _persisting = false;
            _persisted = LastSequenceNr;
            _feed.Publish(new Published(_persisted, e, Now));
            replyTo?.Tell(new Changed(_fold!.Version));
            SaveDueSnapshot();
            if (_changes.Any) ChangeIfDue();
            else SealIfDue(waited: false);
            _legs.Signal();
            FinishDrain();
        });
    }

    private void Change(object asked)
    {
        _changes.Add(asked, Sender);
        if (_state is LearnerState.Refused or LearnerState.Fenced) _changes.Refuse($"this learner does not learn: {_detail}");
        if (_draining) _changes.Refuse("this learner is about to stop; ask again when it runs");
        ChangeIfDue();
    }

    private void ChangeIfDue()
    {
        if (!_changes.Any || _fold is null || _persisting) return;
        if (_fold.Open.HasRanges)
        {
            SealIfDue(waited: true);
            return;
        }
        if (_changes.Next(_fold, Now) is not { } next)
        {
            _legs.Signal();
            return;
        }
        _fold.Apply(_fold.Sequence + 1, next.Event);
        _last = next.Event;
        Store(next.Event, 0, next.By);
    }

    private void Serve(Pull pull)
    {
        Context.Watch(Sender);
        _feed.Serve(Sender, pull);
    }

    private void TakeSnapshot(bool force = false)
    {
        var started = Stopwatch.GetTimestamp();
        // Where an event had to end early, the state is ahead of it.
        if (_fold!.Open.HasRanges || !_snapshots.Take(_fold, force)) return;
        // The store is at the same event as the state: what comes later is found again from here.
        if (_last is not null) _pending.Checkpoint(_fold.Sequence, _last, force);
        CrashPoints.Pass(CrashPoints.InSnapshot);
        _definition.Clocks.Snapshot.Add(started, 0);
    }

    private void SaveDueSnapshot()
    {
        if (_snapshots.Due() is { } due) SaveSnapshot(due);
    }

    private void SnapshotSaved(SaveSnapshotSuccess saved)
    {
        foreach (var surplus in _snapshots.Saved(saved.Metadata.SequenceNr)) DeleteSnapshot(surplus);
        FinishDrain();
    }

    // The end of a bounded log: a snapshot makes the next start quick.
    private void Caught()
    {
        if (_state != LearnerState.Running) return;
        _state = LearnerState.Finished;
        TakeSnapshot(force: true);
        SaveDueSnapshot();
    }

    private void BeginDrain()
    {
        if (!Sender.IsNobody()) _drainers.Add(Sender);
        if (!_draining)
        {
            _draining = true;
            _changes.Refuse("this learner is about to stop; ask again when it runs");
            _legs.Stop();
            _pending.Cancel();
        }
        _legs.Signal();
        FinishDrain();
    }

    private void FinishDrain()
    {
        if (!_draining) return;
        if (_fold is not null && _state is not (LearnerState.Refused or LearnerState.Fenced))
        {
            if (_legs.Running || _persisting || _pending.IsMaking) return;
            if (TryLearn(out var more) && more)
            {
                Self.Tell(Drain.Instance, ActorRefs.Nobody);
                return;
            }
            if (_fold.Open.HasRanges)
            {
                SealIfDue(waited: true);
                return;
            }
            if (_fold.Sequence != _snapshots.Newest)
            {
                TakeSnapshot(force: true);
                SaveDueSnapshot();
                return;
            }
        }
        foreach (var drainer in _drainers) drainer.Tell(new Drained(Status()));
        _drainers.Clear();
        Context.Stop(Self);
    }

    private LearnerStatus Status()
    {
        var slow = _persisting && Stopwatch.GetElapsedTime(_persistStarted) > TimeSpan.FromSeconds(1);
        return new LearnerStatus(
            slow ? LearnerState.WaitingForDatabase : _state,
            slow ? "an event has been on its way into the database for over a second" : _detail.Length > 0 ? _detail : _grown.Detail,
            new ModelVersion(_definition.Lineage, _definition.Shard, _persisted),
            _fold is null ? [] : [.. _fold.Partitions],
            _fold?.Learner.Metrics.Report() ?? [],
            _fold?.Learner.Model.Features ?? 0,
            _fold?.Learner.Rows ?? 0,
            _fold?.EventBytes ?? 0,
            _snapshots.Newest,
            ((ExtendedActorSystem)Context.System).Provider.DefaultAddress is { Host: { } host } address ? $"{host}:{address.Port}" : "")
        {
            Labels = _fold is null ? [] : [.. _fold.Labels],
        };
    }

    private sealed record ChunksWaiting;

    private sealed record WaitElapsed;

    private sealed record KeptStill;

    private sealed record StartLeg;
}
