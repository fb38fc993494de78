using System.Diagnostics;

namespace StreamMLOps.Pipeline;

/// <summary>
/// One partition in one assignment, with the chunk that its records fill; a partition that comes back later is another one of these.
/// </summary>
internal sealed class AssignedPartition(PartitionPosition start, CommittedPartition? committed)
{
    private int _bytes = 16 * 1024; // of the chunk before, which the next one will have about

    public int Number { get; } = start.Partition;

    public ulong Epoch { get; } = start.Epoch;

    /// <summary>Offset after the last one that a chunk accounts for. The consumer's thread only.</summary>
    public long Next { get; private set; } = start.Next;

    /// <summary>The chunk that is being filled. The consumer's thread only.</summary>
    public RawChunk? Open { get; private set; }

    /// <summary>When <see cref="Open"/> was opened, in ticks of the stopwatch. The consumer's thread only.</summary>
    public long OpenedAt { get; private set; }

    /// <summary>Whether the partition was taken away. Under the queue's lock.</summary>
    public bool Released { get; set; }

    /// <summary>Ends of the chunks that the stream has and that are not committed. Under the queue's lock.</summary>
    public Queue<long> InFlight { get; } = [];

    /// <summary>The last commit; null before the first. Under the queue's lock.</summary>
    public CommittedPartition? Committed { get; set; } = committed;

    /// <summary>Adds a record; one that lies behind is left out. The consumer's thread only.</summary>
    /// <returns>Whether the chunk is full.</returns>
    public bool Add(long offset, ReadOnlySpan<byte> record, ChunkLimits limits)
    {
        if (offset < Next) return false; // fetched before a pause, delivered again after it
        var chunk = Fill(limits);
        chunk.Add(record[..Math.Min(record.Length, limits.RecordBytes)]);
        if (record.Length > limits.RecordBytes) chunk.MarkCut(record.Length);
        if (chunk.HasGaps || offset != chunk.From + chunk.Count - 1) chunk.SetOffset(offset);
        chunk.To = Next = offset + 1;
        return chunk.Count >= limits.Rows || chunk.ByteCount >= limits.Bytes;
    }

    /// <summary>Accounts for offsets without a record: transaction markers, and what compaction took. The consumer's thread only.</summary>
    public void SkipTo(long offset, ChunkLimits limits)
    {
        if (offset > Next) Fill(limits).To = Next = offset;
    }

    /// <summary>States that <see cref="Open"/>, of this many bytes, has another owner now. The consumer's thread only.</summary>
    public void HandedOver(int bytes) => (Open, _bytes) = (null, bytes);

    /// <summary>Throws away what is not in the queue yet. The consumer's thread only.</summary>
    public void Drop()
    {
        Open?.Dispose();
        Open = null;
    }

    private RawChunk Fill(ChunkLimits limits)
    {
        if (Open is { } open) return open;
        OpenedAt = Stopwatch.GetTimestamp();
        return Open = new RawChunk(Number, Epoch, Next, Math.Min(Math.Max(_bytes + _bytes / 4, 4096), limits.Bytes), limits.Rows);
    }
}
