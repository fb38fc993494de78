using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Where the next unread record of a partition is. The epoch is the identity of the log (of a file: its first line; of a
/// topic: cluster and topic id): an offset means nothing in another log, and a position never silently moves to one.
/// </summary>
/// <param name="Partition">Partition number, 0 for a log of one partition.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="Next">Offset of the next record; all records below it are behind.</param>
public readonly record struct PartitionPosition(int Partition, ulong Epoch, long Next)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Partition}@{Next} of {Epoch:x16}");
}

/// <summary>A half-open range [From, To) of a partition's offsets: everything in it is accounted for, rows or not.</summary>
/// <param name="Partition">Partition number.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="From">First offset.</param>
/// <param name="To">Offset after the last.</param>
public readonly record struct OffsetRange(int Partition, ulong Epoch, long From, long To)
{
    /// <summary>Offsets covered.</summary>
    public long Length => To - From;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Partition}@[{From}, {To}) of {Epoch:x16}");
}

/// <summary>The exact version of a model: its lineage, the shard, and the sequence number of the last journal event applied.</summary>
/// <param name="Lineage">Name of the lineage, from its genesis.</param>
/// <param name="Shard">Shard number.</param>
/// <param name="Sequence">Journal sequence number; 0 before any event.</param>
public readonly record struct ModelVersion(string Lineage, int Shard, long Sequence)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Lineage}/{Shard}/{Sequence}");
}
