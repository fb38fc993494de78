namespace StreamMLOps.Pipeline;

/// <summary>
/// Where the fields of a row are in a JSON record: paths of property names with dots between (<c>payload.features</c>). The
/// defaults are what the published StreamMLOps producers send: <c>{"id": ..., "f": {...}, "y": ..., "st": ...}</c>.
/// </summary>
/// <param name="Id">A string or a number; may be absent.</param>
/// <param name="Features">An object of feature names or indices and their values; required. <c>*</c>: every field of the record that is mapped to nothing else.</param>
/// <param name="Label">A number, a boolean or a number in a string; absent or null: the row has no label.</param>
/// <param name="EventTime">Milliseconds since 1970 UTC or ISO 8601 text (UTC where it names no zone); may be absent.</param>
public sealed record JsonMapping(string Id = "id", string Features = "f", string Label = "y", string EventTime = "st")
{
    /// <summary>The path that means all fields.</summary>
    public const string All = "*";

    /// <summary>Whether every field that is mapped to nothing else is a feature.</summary>
    public bool AllFields => Features == All;

    /// <summary>Whether objects and arrays among the features are flattened; otherwise they are refused.</summary>
    public bool Nested { get; init; }

    /// <summary>Longest name of a feature in bytes; a longer one makes its record a dead letter.</summary>
    public int MaxNameBytes { get; init; } = 1_024;

    /// <summary>Longest id in bytes; a longer one makes its record a dead letter.</summary>
    public int MaxIdBytes { get; init; } = 1_024;

    /// <summary>Deepest nesting of a record.</summary>
    public int MaxDepth { get; init; } = 64;
}
