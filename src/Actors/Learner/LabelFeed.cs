using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Labels that come apart from their rows, and where rows wait for them.</summary>
/// <param name="Source">The log of labels.</param>
/// <param name="Decoder">Records to <see cref="LabelRows"/>.</param>
/// <param name="OpenStore">Opens the pending store; true: empty, whatever it held is thrown away.</param>
/// <param name="RowPatience">How long labels wait for a log of rows that has nothing to read now; null: the log has an end, which is waited for.</param>
/// <param name="LabelPatience">How long rows wait for the log of labels, likewise.</param>
/// <param name="DeadLetters">Takes records that are no labels, before they are accounted for.</param>
/// <param name="Encode">Makes records of dead letters.</param>
public sealed record LabelFeed(
    ISource Source, IDecoder Decoder, Func<bool, IPendingStore> OpenStore, TimeSpan? RowPatience, TimeSpan? LabelPatience, ISink DeadLetters, Func<IReadOnlyList<DeadLetter>, RecordBatch?> Encode)
{
    /// <summary>Takes note of labels and of records that are none, for an alarm; null: nobody does.</summary>
    public Action<int, IReadOnlyList<DeadLetter>>? Count { get; init; }

    internal async ValueTask Refuse(Chunk chunk)
    {
        Count?.Invoke(chunk.Count, chunk.DeadLetters);
        if (chunk.DeadLetters.Count == 0) return;
        using var records = Encode(chunk.DeadLetters);
        if (records is null) return;
        await DeadLetters.Write(records).ConfigureAwait(false);
        await DeadLetters.Flush().ConfigureAwait(false);
    }
}
