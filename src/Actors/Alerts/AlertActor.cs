using Akka.Actor;
using Akka.Event;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Write all alerts up to an event, from the journal, and answer <see cref="AlertsWritten"/>.</summary>
/// <param name="Through">Number of the event.</param>
public sealed record WriteAlerts(long Through);

/// <summary>Answer to <see cref="WriteAlerts"/>: they are written, or cannot be at present.</summary>
public sealed record AlertsWritten;

/// <summary>
/// Writes a pipeline's alerts on a node: those of the node, and, while the learner is here, those that follow from its journal. It follows the journal as a replica
/// does, from the event up to which the log of alerts says that all are there; so nothing but that event's number must survive a crash, and learning never waits for it.
/// </summary>
public sealed class AlertActor : ReceiveActor, IWithTimers
{
    private const int Credit = 8;
    private const long RememberEvery = 256; // events without an alert
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);
    private readonly LearnerDefinition _definition;
    private readonly AlertFeed _feed;
    private readonly JournalReader _journal;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Alert> _pending = [];
    private Genesis? _genesis;
    private JournalAlerts? _alerts;
    private (IActorRef Asker, long Through)? _asked;
    private bool _opened;
    private bool _busy;         // a task is under way; it ends with Done
    private bool _paused;       // it failed; the next tick tries again
    private bool _pulling;
    private long _remembered;
    private long _applied;
    private long _written;
    private long _failedAt;     // the event that could not be replayed; 0: none

    public AlertActor(LearnerDefinition definition, JournalReader journal)
    {
        (_definition, _journal) = (definition, journal);
        _feed = definition.Alerts!;
        Receive<Done>(Take);
        Receive<Published>(Take);
        Receive<Behind>(_ => Run(() => Read(_applied + 1)));
        Receive<WriteAlerts>(w =>
        {
            _asked = (Sender, w.Through);
            (_paused, _pulling) = (false, false);
            Next();
        });
        Receive<Changed>(_ => Next());
        Receive<Ticked>(_ =>
        {
            (_paused, _pulling) = (false, false);
            Next();
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        var self = Self;
        _feed.Changed = () => self.Tell(new Changed());
        Timers.StartPeriodicTimer("tick", new Ticked(), Tick);
        Next();
    }

    protected override void PostStop()
    {
        _feed.Changed = null;
        _stopping.Cancel();
        _stopping.Dispose();
        _alerts?.Dispose();
    }

    private void Next()
    {
        _feed.Status = new AlertStatus(_written, _remembered, _feed.Log.Trouble.Length > 0 ? _feed.Log.Trouble : _paused ? _feed.Status.Trouble : "");
        if (_busy || _paused) return;
        if (_feed.Waiting() is { Count: > 0 } waiting)
        {
            Run(() => Note(waiting));
            return;
        }
        var learner = _feed.Learner;
        if (learner is null && _asked is null)
        {
            _opened = false; // the next learner here goes on from what is remembered then, as any other node does meanwhile
            return;
        }
        if (!_opened)
        {
            Run(Open);
            return;
        }
        var end = _asked is { } a && _applied >= a.Through;
        if (_pending.Count > 0 || _applied - _remembered >= RememberEvery || (end && _applied > _remembered))
        {
            var (alerts, through) = (_pending.ToArray(), _applied);
            Run(() => Write(alerts, through));
            return;
        }
        if (end)
        {
            Answer();
            return;
        }
        // Where the learner is to be gone, the journal has all.
        if (_asked is not null) Run(() => Read(_applied + 1));
        else if (!_pulling)
        {
            _pulling = true;
            learner!.Tell(new Pull(_applied, Credit));
        }
    }

    private void Answer()
    {
        _asked?.Asker.Tell(new AlertsWritten());
        _asked = null;
    }

    private void Take(Published published)
    {
        _pulling = false;
        if (_opened && _alerts is not null) Apply(published.Sequence, published.Event);
        Next();
    }

    private void Apply(long sequence, JournalEvent e)
    {
        if (sequence != _applied + 1 || _alerts is null) return;
        try
        {
            foreach (var alert in _alerts.Apply(sequence, e)) _pending.Add(alert);
            _applied = sequence;
            Replayed();
        }
        catch (Exception fault) when (IsOfJournal(fault))
        {
            Fail(fault);
        }
    }

    private void Take(Done done)
    {
        _busy = false;
        if (done.Cause is { } cause) Fail(cause);
        else done.Then?.Invoke();
        Next();
    }

    private void Fail(Exception cause)
    {
        var what = $"alerts of {_definition.PersistenceId} cannot be written to {_feed.Log.Name} now, and are tried again: {cause.GetBaseException().Message}";
        if (_feed.Status.Trouble != what) _log.Warning("{0}", what);
        _feed.Status = new AlertStatus(_written, _remembered, what);
        if (IsOfJournal(cause))
        {
            if (_failedAt == 0) _failedAt = _applied + 1;
            _feed.Raise("replay-failed", -1, _applied + 1, $"{_definition.PersistenceId} cannot be replayed past event {_applied}: {cause.Message}");
            _alerts?.Dispose();
            _alerts = null;
        }
        // Whether what failed was written is known when the log is opened again.
        (_opened, _paused) = (false, true);
        Answer(); // who stops the node does not wait: they follow from the journal, and are written at the next start
    }

    // Not before it is past the event that failed: opening alone says nothing of that one.
    private void Replayed()
    {
        if (_failedAt == 0 || _applied < _failedAt) return;
        _failedAt = 0;
        _feed.Clear("replay-failed", -1, $"{_definition.PersistenceId} is replayed again");
    }

    private static bool IsOfJournal(Exception cause) => cause is FoldException or JournalFormatException or StateFormatException or RowsGoneException;

    private async Task<Action?> Open()
    {
        var genesis = _genesis;
        if (genesis is null)
        {
            await foreach (var (_, e) in _journal.ReadStored(_definition.PersistenceId, 1, 1, _stopping.Token).ConfigureAwait(false)) genesis = e as Genesis;
            if (genesis is null) return () => _paused = true; // not yet
        }
        var remembered = await _feed.Log.Open(JournalAlerts.HistoryOf(genesis)).ConfigureAwait(false);
        if (_alerts is not null && remembered >= _remembered && remembered <= _applied)
        {
            return () =>
            {
                _pending.RemoveAll(a => a.Sequence <= remembered);
                (_opened, _pulling, _remembered) = (true, false, remembered);
            };
        }
        var definition = _definition.Define(genesis);
        var alerts = !JournalAlerts.NeedState(definition) ? JournalAlerts.Reading(genesis, Math.Max(1, remembered))
            : await _journal.Rebuild(_definition.PersistenceId, _definition.Define, Math.Max(1, remembered), cancellation: _stopping.Token).ConfigureAwait(false) is { } fold ? JournalAlerts.From(fold)
            : throw new FoldException($"the journal has no event of {_definition.PersistenceId}");
        if (alerts.Sequence < remembered) throw new FoldException($"alerts are remembered up to event {remembered}, but the journal ends at event {alerts.Sequence}: it is an older copy");
        return () =>
        {
            _alerts?.Dispose();
            _pending.Clear();
            (_genesis, _alerts, _opened, _pulling, _remembered, _applied) = (genesis, alerts, true, false, remembered, alerts.Sequence);
            Replayed();
            if (remembered == 0) _pending.Add(JournalAlerts.Began(genesis));
        };
    }

    private async Task<Action?> Read(long from)
    {
        List<(long Sequence, JournalEvent Event)> events;
        try
        {
            events = await Range(from, from + Credit - 1).ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfJournal(e.GetBaseException()))
        {
            events = await Range(from, from).ConfigureAwait(false); // those before the one that fails, so that it is known which
        }
        return () =>
        {
            _pulling = false;
            foreach (var (n, e) in events) Apply(n, e);
            if (events.Count == 0) _paused = true;
        };
    }

    private async Task<List<(long Sequence, JournalEvent Event)>> Range(long from, long to)
    {
        var events = new List<(long Sequence, JournalEvent Event)>();
        await foreach (var read in _journal.Read(_definition.PersistenceId, from, to, _stopping.Token).ConfigureAwait(false)) events.Add(read);
        return events;
    }

    private async Task<Action?> Write(IReadOnlyCollection<Alert> alerts, long through)
    {
        if (alerts.Count > 0) CrashPoints.Pass(CrashPoints.BeforeAlerts);
        await _feed.Log.Write(alerts, through).ConfigureAwait(false);
        return () =>
        {
            _pending.RemoveRange(0, alerts.Count);
            _written += alerts.Count;
            _remembered = through;
            _pulling = false;
        };
    }

    private async Task<Action?> Note(IReadOnlyList<Alert> alerts)
    {
        await _feed.Log.Note(alerts).ConfigureAwait(false);
        _feed.Written(alerts);
        return () => _written += alerts.Count;
    }

    private void Run(Func<Task<Action?>> work)
    {
        if (_busy) return;
        _busy = true;
        Task.Run(work, _stopping.Token)
            .ContinueWith(t => new Done(t.IsCompletedSuccessfully ? t.Result : null, t.IsCompletedSuccessfully ? null : t.Exception?.GetBaseException() ?? new OperationCanceledException()), TaskScheduler.Default)
            .PipeTo(Self);
    }

    private sealed record Done(Action? Then, Exception? Cause);

    private sealed record Changed;

    private sealed record Ticked;
}
