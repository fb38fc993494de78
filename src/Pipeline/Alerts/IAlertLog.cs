namespace StreamMLOps.Pipeline;

/// <summary>
/// Where a pipeline's alerts go, and how far those of its journal are there. Whatever fails may be asked again: an alert has an id, and what is remembered is never
/// ahead of what is written. One call at a time.
/// </summary>
public interface IAlertLog : IAsyncDisposable
{
    /// <summary>For people: <c>file alerts.jsonl</c>, <c>topic alerts</c>.</summary>
    string Name { get; }

    /// <summary>What is wrong at present and is waited for, for people; empty where all is well.</summary>
    string Trouble => "";

    /// <summary>Makes this writer the one of the journal.</summary>
    /// <returns>Number of the event up to which all alerts of the journal are known to be there; 0: none is.</returns>
    ValueTask<long> Open(AlertHistory history);

    /// <summary>Writes the next alerts of the opened journal, in order, and remembers that all up to an event are there.</summary>
    /// <param name="alerts">The alerts that follow from the events up to it, as far as they are not remembered; may be none.</param>
    /// <param name="through">Number of the event.</param>
    ValueTask Write(IReadOnlyCollection<Alert> alerts, long through);

    /// <summary>Writes alerts that follow from no journal.</summary>
    ValueTask Note(IReadOnlyCollection<Alert> alerts);
}
