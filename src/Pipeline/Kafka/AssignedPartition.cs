namespace StreamMLOps.Pipeline;

/// <summary>One partition in one assignment; a partition that comes back later is another one of these.</summary>
internal sealed class AssignedPartition(PartitionPosition start, CommittedPartition? committed)
{
    public int Number { get; } = start.Partition;

    public ulong Epoch { get; } = start.Epoch;

    /// <summary>Offset after the last one that a chunk accounts for. The consumer's thread only.</summary>
    public long Next { get; set; } = start.Next;

    /// <summary>The chunk that is being filled. The consumer's thread only.</summary>
    public RawChunk? Open { get; set; }

    /// <summary>When <see cref="Open"/> was opened, in ticks of the stopwatch. The consumer's thread only.</summary>
    public long OpenedAt { get; set; }

    /// <summary>Bytes of the chunk before, which the next one will have about. The consumer's thread only.</summary>
    public int LastBytes { get; set; } = 16 * 1024;

    /// <summary>Whether the partition was taken away. Under the queue's lock.</summary>
    public bool Released { get; set; }

    /// <summary>Ends of the chunks that the stream has and that are not committed. Under the queue's lock.</summary>
    public Queue<long> InFlight { get; } = [];

    /// <summary>The last commit; null before the first. Under the queue's lock.</summary>
    public CommittedPartition? Committed { get; set; } = committed;

    /// <summary>Throws away what is not in the queue yet. The consumer's thread only.</summary>
    public void Drop()
    {
        Open?.Dispose();
        Open = null;
    }
}
