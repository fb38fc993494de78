using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>The two families of alerts.</summary>
public enum AlertFamily
{
    /// <summary>A detector found that answers change.</summary>
    Drift,

    /// <summary>Something that a person should know of.</summary>
    Alert,
}

/// <summary>What became of the cause of an alert.</summary>
public enum AlertState
{
    /// <summary>It happened, and has no end.</summary>
    Noted,

    /// <summary>It began.</summary>
    Raised,

    /// <summary>It ended.</summary>
    Cleared,
}

/// <summary>A message about the stream or its model. Two of the same <see cref="Id"/> are the same alert.</summary>
/// <param name="Family">Which family.</param>
/// <param name="Id">Name of the alert, equal however often it is sent.</param>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Kind">What happened, a word of docs/messages.md.</param>
/// <param name="State">What became of it.</param>
/// <param name="Text">The same for people.</param>
/// <param name="Time">Milliseconds since 1970 UTC: of the event that it follows from, else of the node's clock.</param>
public sealed record Alert(AlertFamily Family, string Id, string Pipeline, string Kind, AlertState State, string Text, long Time)
{
    /// <summary>Which journal it follows from; null: from none, but from what one node saw.</summary>
    public AlertHistory? History { get; init; }

    /// <summary>Number of the event that it follows from.</summary>
    public long Sequence { get; init; }

    /// <summary>Where in the log it happened; null: nowhere in it.</summary>
    public AlertPosition? Position { get; init; }

    /// <summary>Of a drift: what was watched, by which detector, and the value at which it found the drift.</summary>
    public DriftFinding? Drift { get; init; }

    /// <summary>Address of the node that saw it; empty for what follows from a journal.</summary>
    public string Node { get; init; } = "";
}

/// <summary>A record of the log.</summary>
public readonly record struct AlertPosition(int Partition, ulong Epoch, long Offset);

/// <summary>What a detector found.</summary>
/// <param name="Watched">What it watches: errors, scores or the model itself.</param>
/// <param name="Detector">Its kind.</param>
/// <param name="Value">The value at which it found it.</param>
/// <param name="Rows">Rows that the lineage had learned by then.</param>
public sealed record DriftFinding(string Watched, string Detector, double Value, long Rows);

/// <summary>The journal of one learner: what is in it is named by the number of the event.</summary>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Lineage">Name of the lineage.</param>
/// <param name="Shard">Shard number.</param>
/// <param name="Journal">Hash of the first event: a lineage that was begun anew under the same name has another one.</param>
public sealed record AlertHistory(string Pipeline, string Lineage, int Shard, ulong Journal)
{
    /// <summary>Id of an alert that follows from an event.</summary>
    /// <param name="sequence">Number of the event.</param>
    /// <param name="kind">Kind of the alert.</param>
    /// <param name="ordinal">How many of that kind follow from the same event before it.</param>
    public string IdOf(long sequence, string kind, int ordinal) => string.Create(CultureInfo.InvariantCulture, $"{Pipeline}/{Lineage}/{Shard}/{Journal:x16}/{sequence}/{kind}/{ordinal}");
}
