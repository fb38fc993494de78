namespace StreamMLOps.Pipeline;

/// <summary>A prediction as it stands in the sink: what was answered, for which record, and by which exact version.</summary>
/// <param name="Id">The record's id; <c>partition-offset</c> where it has none.</param>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Partition">Partition of the record.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="Offset">Offset of the record.</param>
/// <param name="Version">The version that scored it.</param>
/// <param name="Score">The score, to the bit.</param>
/// <param name="Label">The decision (<see cref="Decision"/>).</param>
/// <param name="EventTime">Event time in milliseconds since 1970 UTC, where the record has one.</param>
/// <param name="Time">When it was predicted, milliseconds since 1970 UTC.</param>
/// <param name="Relearned">Whether the version had learned the row already: it was scored again, after a crash.</param>
public sealed record Prediction(
    string Id,
    string Pipeline,
    int Partition,
    ulong Epoch,
    long Offset,
    ModelVersion Version,
    double Score,
    double Label,
    long? EventTime,
    long Time,
    bool Relearned)
{
    /// <summary>Probabilities of all classes seen by then, by class number, to the bit; null for kinds whose answer is one score. Then <see cref="Score"/> is the largest and <see cref="Label"/> its class, both NaN before any class was seen.</summary>
    public IReadOnlyList<double>? Scores { get; init; }
}
