using System.Buffers;

namespace StreamMLOps.Pipeline;

/// <summary>A pending store in memory, for tests and for small streams: what it holds is gone with the process.</summary>
public sealed class MemoryPendingStore : IPendingStore
{
    private readonly Dictionary<byte[], (JoinEntry Entry, byte[] Row)> _entries = new(Bytes.Comparer);
    private readonly Queue<(byte[] Id, JoinEntry Entry)> _order = new();

    /// <inheritdoc/>
    public byte[] Note => [];

    /// <inheritdoc/>
    public long Count => _entries.Count;

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> id, out JoinEntry entry, IBufferWriter<byte>? row = null)
    {
        var found = _entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(id, out var known);
        entry = known.Entry;
        if (found) row?.Write(known.Row);
        return found;
    }

    /// <inheritdoc/>
    public void Put(ReadOnlySpan<byte> id, in JoinEntry entry, ReadOnlySpan<byte> row = default)
    {
        var key = id.ToArray();
        _entries[key] = (entry, row.ToArray());
        _order.Enqueue((key, entry));
    }

    /// <inheritdoc/>
    public void Prefetch(IReadOnlyList<ReadOnlyMemory<byte>> ids)
    {
    }

    /// <inheritdoc/>
    public bool Sweep(long stamp, SweptEntry swept, int most = int.MaxValue)
    {
        for (var n = 0; _order.TryPeek(out var oldest) && oldest.Entry.Stamp < stamp; n++)
        {
            if (n == most) return false;
            _order.Dequeue();
            // What was replaced since is further back in the queue.
            if (!_entries.TryGetValue(oldest.Id, out var known) || known.Entry != oldest.Entry) continue;
            _entries.Remove(oldest.Id);
            swept(oldest.Id, oldest.Entry, known.Row);
        }
        return true;
    }

    /// <inheritdoc/>
    public Task Checkpoint(ReadOnlySpan<byte> note) => Task.CompletedTask;

    public void Dispose()
    {
    }

    private sealed class Bytes : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static Bytes Comparer { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)System.IO.Hashing.XxHash3.HashToUInt64(alternate);

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
