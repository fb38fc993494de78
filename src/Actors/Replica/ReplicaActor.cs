using Akka.Actor;
using Akka.Event;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// Keeps a node's <see cref="Replica"/> up to date: rebuilds it from snapshot and journal, then pulls events from the learner with
/// credit, so that a slow replica holds a handful of events and nobody else's memory grows.
/// </summary>
public sealed class ReplicaActor : ReceiveActor, IWithTimers
{
    private const int Credit = 8;
    private const long FewEvents = 256;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private readonly LearnerDefinition _definition;
    private readonly Replica _replica;
    private readonly JournalReader _journal;
    private readonly IActorRef _learners;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly CancellationTokenSource _stopping = new();
    private long _received;
    private bool _rebuilding;
    private bool _asked;

    public ReplicaActor(LearnerDefinition definition, Replica replica, JournalReader journal, IActorRef learners)
    {
        _definition = definition;
        _replica = replica;
        _journal = journal;
        _learners = learners;
        Receive<Rebuilt>(Take);
        Receive<Published>(Take);
        Receive<Behind>(CatchUp);
        Receive<FromJournal>(Take);
        Receive<Progress>(_ => Next());
        Receive<Tick>(_ =>
        {
            _asked = false;
            Next();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        var self = Self;
        _replica.Changed = () => self.Tell(new Progress());
        Timers.StartPeriodicTimer("tick", new Tick(), Patience);
        Rebuild();
    }

    protected override void PostStop()
    {
        _replica.Changed = null;
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private void Rebuild()
    {
        if (_rebuilding) return;
        _rebuilding = true;
        var cancellation = _stopping.Token;
        Task.Run(() => _journal.Rebuild(_definition.PersistenceId, _definition.Define, cancellation: cancellation), cancellation)
            .ContinueWith(t => new Rebuilt(t.IsCompletedSuccessfully ? t.Result : null, t.Exception?.GetBaseException()), TaskScheduler.Default)
            .PipeTo(Self);
    }

    /// <summary>The learner's memory begins later: a few events are read from the journal, many are skipped by way of a snapshot.</summary>
    private void CatchUp(Behind behind)
    {
        if (_rebuilding) return;
        if (behind.Newest - _received > FewEvents)
        {
            Rebuild();
            return;
        }
        _rebuilding = true;
        var (from, cancellation) = (_received + 1, _stopping.Token);
        Task.Run(async () =>
        {
            var events = new List<Published>();
            await foreach (var (n, e) in _journal.Read(_definition.PersistenceId, from, from + Credit - 1, cancellation).ConfigureAwait(false)) events.Add(new Published(n, e));
            return events;
        }, cancellation).ContinueWith(t => new FromJournal(t.IsCompletedSuccessfully ? t.Result : [], t.Exception?.GetBaseException()), TaskScheduler.Default).PipeTo(Self);
    }

    private void Take(FromJournal read)
    {
        _rebuilding = false;
        if (read.Cause is not null) _log.Warning("{0}: the replica cannot catch up from the journal now: {1}", _definition.PersistenceId, read.Cause.Message);
        foreach (var published in read.Events)
        {
            if (published.Sequence != _received + 1) continue;
            _received = published.Sequence;
            _replica.Offer(published);
        }
        _asked = false;
        if (read.Events.Count > 0) Next(); // else the next tick
    }

    private void Take(Rebuilt rebuilt)
    {
        _rebuilding = false;
        if (rebuilt.Fold is { } fold)
        {
            _received = fold.Sequence;
            _replica.Replace(fold);
            Next();
            return;
        }
        // No genesis yet, or the database is away: the next tick tries again, and the learner's own first event may come first.
        if (rebuilt.Cause is not null) _log.Warning("{0}: the replica cannot be rebuilt now: {1}", _definition.PersistenceId, rebuilt.Cause.Message);
    }

    private void Take(Published published)
    {
        _asked = false;
        if (published.Sequence != _received + 1) return;
        _received = published.Sequence;
        _replica.Offer(published);
        Next();
    }

    private void Next()
    {
        if (_rebuilding) return;
        if (_received == 0)
        {
            if (!_asked)
            {
                _asked = true;
                _learners.Tell(new LearnerEnvelope(_definition.EntityId, Wake.Instance));
                Rebuild();
            }
            return;
        }
        if (_replica.Broken is { } broken)
        {
            _log.Error("{0}: the replica is rebuilt from the journal: {1}", _definition.PersistenceId, broken);
            Rebuild();
            return;
        }
        var room = Credit - _replica.Pending;
        if (_asked || room <= 0) return;
        _asked = true;
        _learners.Tell(new LearnerEnvelope(_definition.EntityId, new Pull(_received, room)));
    }

    private sealed record Rebuilt(LearnerFold? Fold, Exception? Cause);

    private sealed record FromJournal(IReadOnlyList<Published> Events, Exception? Cause);

    private sealed record Progress;

    private sealed record Tick;
}
