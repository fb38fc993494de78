using System.Globalization;
using Akka.Actor;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>How the writing of alerts stands on a node.</summary>
/// <param name="Written">Alerts written since the node started.</param>
/// <param name="Through">Number of the journal's event up to which all alerts are written and that is remembered; 0: none, or the learner is elsewhere.</param>
/// <param name="Trouble">What is waited for, for people; empty where all is well.</param>
public sealed record AlertStatus(long Written, long Through, string Trouble);

/// <summary>
/// Where a pipeline's alerts on a node come together: those of the node itself, and whether the learner, and so its journal's alerts, is here. Whoever raises an
/// alarm never waits: what cannot be written waits in memory, the newest <see cref="Most"/>. Safe for use by many threads.
/// </summary>
/// <param name="pipeline">Name of the pipeline.</param>
/// <param name="log">Where alerts go.</param>
/// <param name="node">Address of the node.</param>
/// <param name="time">Clock.</param>
public sealed class AlertFeed(string pipeline, IAlertLog log, string node, TimeProvider time)
{
    /// <summary>Alerts of the node that wait at most.</summary>
    public const int Most = 1000;

    private readonly Lock _lock = new();
    private readonly Queue<Alert> _waiting = [];
    private readonly Dictionary<(string Kind, int Partition), string> _raised = [];
    private IActorRef? _learner;

    /// <summary>Where alerts go.</summary>
    public IAlertLog Log { get; } = log;

    /// <summary>How it stands.</summary>
    public AlertStatus Status { get; internal set; } = new(0, 0, "");

    /// <summary>The learner, where it runs on this node.</summary>
    internal IActorRef? Learner
    {
        get { lock (_lock) return _learner; }
    }

    /// <summary>Called when there is something to do, on any thread.</summary>
    internal Action? Changed { get; set; }

    /// <summary>Something is wrong from now on; told once until <see cref="Clear"/>.</summary>
    /// <param name="kind">A word of docs/messages.md.</param>
    /// <param name="partition">Partition; -1: of none.</param>
    /// <param name="at">The offset, count or event number at which it began.</param>
    /// <param name="text">For people.</param>
    /// <param name="position">Where in the log, if it is there.</param>
    public void Raise(string kind, int partition, long at, string text, AlertPosition? position = null)
    {
        var id = IdOf(kind, partition, at);
        lock (_lock)
        {
            if (!_raised.TryAdd((kind, partition), id)) return;
        }
        Add(new Alert(AlertFamily.Alert, $"{id}/raised", pipeline, kind, AlertState.Raised, text, Now) { Position = position, Node = node });
    }

    /// <summary>It is over; nothing where it was not raised.</summary>
    public void Clear(string kind, int partition, string text)
    {
        string? id;
        lock (_lock)
        {
            if (!_raised.Remove((kind, partition), out id)) return;
        }
        Add(new Alert(AlertFamily.Alert, $"{id}/cleared", pipeline, kind, AlertState.Cleared, text, Now) { Node = node });
    }

    /// <summary>Something happened that has no end.</summary>
    public void Note(string kind, int partition, long at, string text) =>
        Add(new Alert(AlertFamily.Alert, IdOf(kind, partition, at), pipeline, kind, AlertState.Noted, text, Now) { Node = node });

    internal void LearnerStarted(IActorRef learner)
    {
        lock (_lock) _learner = learner;
        Changed?.Invoke();
    }

    internal void LearnerStopped(IActorRef learner)
    {
        lock (_lock)
        {
            if (learner.Equals(_learner)) _learner = null;
        }
        Changed?.Invoke();
    }

    /// <summary>Alerts of the node that wait, oldest first.</summary>
    internal IReadOnlyList<Alert> Waiting()
    {
        lock (_lock) return [.. _waiting];
    }

    /// <summary>These are written.</summary>
    internal void Written(IReadOnlyCollection<Alert> alerts)
    {
        lock (_lock)
        {
            while (_waiting.TryPeek(out var first) && alerts.Contains(first)) _waiting.Dequeue();
        }
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private string IdOf(string kind, int partition, long at) => string.Create(CultureInfo.InvariantCulture, $"{pipeline}/{kind}/{(partition < 0 ? "all" : partition)}/{at}");

    private void Add(Alert alert)
    {
        lock (_lock)
        {
            if (_waiting.Count == Most) _waiting.Dequeue();
            _waiting.Enqueue(alert);
        }
        Changed?.Invoke();
    }
}
