namespace StreamMLOps.Actors;

/// <summary>Rows of consecutive offsets that an event has learned, one after the other.</summary>
/// <param name="Range">Number of the partition's range in the event.</param>
/// <param name="Skip">Offsets that were passed since the range's row before, and not learned.</param>
/// <param name="Rows">Rows.</param>
internal readonly record struct RowStretch(int Range, long Skip, int Rows);

/// <summary>Where the rows of a <see cref="Learned"/> event are, which names them by position: in the order in which they were learned.</summary>
/// <param name="Bytes">How many bytes they are in the form of an event.</param>
/// <param name="Hash">XXH3-64 of those bytes: the log still has what was learned, or it does not.</param>
/// <param name="Stretches">Their positions.</param>
internal sealed record RowReference(int Bytes, ulong Hash, IReadOnlyList<RowStretch> Stretches);
