namespace StreamMLOps.Pipeline;

/// <summary>
/// How far the score leg has come in each partition, as the learn leg knows it. Monotone, so hints may be late, repeated or out
/// of order. Safe for use by many threads.
/// </summary>
public sealed class ScoredWatermark : IGate
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, PartitionPosition> _positions = [];
    private Action? _moved;

    /// <inheritdoc/>
    public event Action Moved
    {
        add { lock (_lock) _moved += value; }
        remove { lock (_lock) _moved -= value; }
    }

    /// <summary>Whether every record of the chunk was scored: none is learned before.</summary>
    public bool LetsThrough(RawChunk chunk) => chunk.To <= Below(chunk.Partition, chunk.Epoch);

    /// <summary>The offset below which the partition's records were scored; 0 for an epoch it has not heard of.</summary>
    public long Below(int partition, ulong epoch)
    {
        lock (_lock) return _positions.TryGetValue(partition, out var p) && p.Epoch == epoch ? p.Next : 0;
    }

    /// <summary>Raises the watermark; a lower position of the same epoch changes nothing.</summary>
    public void Advance(PartitionPosition position)
    {
        Action? moved;
        lock (_lock)
        {
            if (_positions.TryGetValue(position.Partition, out var known) && known.Epoch == position.Epoch && known.Next >= position.Next) return;
            _positions[position.Partition] = position;
            moved = _moved;
        }
        moved?.Invoke();
    }
}
