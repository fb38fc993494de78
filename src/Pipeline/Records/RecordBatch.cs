using System.Buffers;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Records as bytes, one after the other in one pooled buffer, with nothing between them. One owner at a time; not thread-safe.
/// </summary>
public class RecordBatch : IDisposable
{
    private byte[] _buffer;
    private int[] _ends;
    private RecordBatch? _keys;
    private int _used;
    private bool _disposed;

    public RecordBatch(int bytes = 256 * 1024, int records = 256)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(bytes);
        _ends = ArrayPool<int>.Shared.Rent(records);
    }

    /// <summary>Complete records.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of all complete records.</summary>
    public int ByteCount => Count == 0 ? 0 : _ends[Count - 1];

    /// <summary>All records, one after the other.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, ByteCount);

    /// <summary>Record <paramref name="i"/>.</summary>
    public ReadOnlySpan<byte> this[int i] => _buffer.AsSpan(i == 0 ? 0 : _ends[i - 1], _ends[i] - (i == 0 ? 0 : _ends[i - 1]));

    /// <summary>Record <paramref name="i"/> as memory, valid while the batch lives unchanged.</summary>
    public ReadOnlyMemory<byte> MemoryOf(int i) => _buffer.AsMemory(i == 0 ? 0 : _ends[i - 1], _ends[i] - (i == 0 ? 0 : _ends[i - 1]));

    /// <summary>Adds a record.</summary>
    public void Add(ReadOnlySpan<byte> record)
    {
        record.CopyTo(GetSpan(record.Length));
        Advance(record.Length);
        EndRecord();
    }

    /// <summary>Room for at least <paramref name="count"/> bytes more of the record under construction.</summary>
    public Span<byte> GetSpan(int count)
    {
        if (_buffer.Length - _used < count) Grow(ref _buffer, _used, _used + count);
        return _buffer.AsSpan(_used);
    }

    /// <summary>Takes <paramref name="count"/> bytes written to <see cref="GetSpan"/> into the record under construction.</summary>
    public void Advance(int count) => _used += count;

    /// <summary>Completes the record under construction.</summary>
    public void EndRecord()
    {
        if (Count == _ends.Length) Grow(ref _ends, Count, Count + 1);
        _ends[Count++] = _used;
    }

    /// <summary>Key of record <paramref name="i"/>; empty where it has none.</summary>
    public ReadOnlySpan<byte> KeyOf(int i) => _keys is { } keys && i < keys.Count ? keys[i] : default;

    /// <summary>States the key of the last record completed; those before it that were given none have none.</summary>
    public void SetKey(ReadOnlySpan<byte> key)
    {
        _keys ??= new RecordBatch(16 * Count, _ends.Length);
        while (_keys.Count < Count - 1) _keys.EndRecord();
        _keys.Add(key);
    }

    /// <summary>Returns the buffers to the pool.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _keys?.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        ArrayPool<int>.Shared.Return(_ends);
        GC.SuppressFinalize(this);
    }

    private static void Grow<T>(ref T[] array, int used, int needed)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(needed, array.Length * 2));
        array.AsSpan(0, used).CopyTo(larger);
        ArrayPool<T>.Shared.Return(array);
        array = larger;
    }
}

/// <summary>
/// Consecutive records of one partition, as read: record <c>i</c> has the offset <see cref="OffsetOf"/>. The chunk accounts for
/// all offsets in [<see cref="From"/>, <see cref="To"/>), compacted ones included.
/// </summary>
public sealed class RawChunk(int partition, ulong epoch, long from, int bytes = 256 * 1024, int records = 256) : RecordBatch(bytes, records)
{
    private long[]? _offsets; // only for logs with gaps
    private List<(int Record, long Length)>? _cuts;
    private Dictionary<int, string>? _refusals;

    public int Partition { get; } = partition;

    public ulong Epoch { get; } = epoch;

    public long From { get; } = from;

    /// <summary>Offset after the last one this chunk accounts for.</summary>
    public long To { get; set; } = from;

    public OffsetRange Range => new(Partition, Epoch, From, To);

    /// <summary>Offset of record <paramref name="i"/>.</summary>
    public long OffsetOf(int i) => _offsets is null ? From + i : _offsets[i];

    /// <summary>Whether offsets are stated record by record.</summary>
    public bool HasGaps => _offsets is not null;

    /// <summary>States the offset of the last record added, for logs whose offsets have gaps; call it for every record from the first gap on.</summary>
    public void SetOffset(long offset)
    {
        if (_offsets is null)
        {
            _offsets = new long[Math.Max(256, Count)];
            for (var i = 0; i < Count - 1; i++) _offsets[i] = From + i;
        }
        if (_offsets.Length < Count) Array.Resize(ref _offsets, Count * 2);
        _offsets[Count - 1] = offset;
        To = offset + 1;
    }

    /// <summary>States that the last record added is only the beginning of one that was too large to be kept.</summary>
    /// <param name="originalLength">Bytes of the whole record.</param>
    public void MarkCut(long originalLength) => (_cuts ??= []).Add((Count - 1, originalLength));

    /// <summary>States that the last record added cannot be a row, and why: it is refused as a record that was cut is.</summary>
    public void MarkRefused(string reason)
    {
        (_refusals ??= [])[Count - 1] = reason;
        MarkCut(this[Count - 1].Length);
    }

    /// <summary>Why record <paramref name="i"/> was refused; null where <see cref="MarkRefused"/> said nothing of it.</summary>
    public string? RefusalOf(int i) => _refusals?.GetValueOrDefault(i);

    /// <summary>Whether record <paramref name="i"/> was too large and is here only in part; and the length of the whole in any case.</summary>
    public bool IsCut(int i, out long originalLength)
    {
        originalLength = this[i].Length;
        if (_cuts is null) return false;
        foreach (var (record, length) in _cuts)
        {
            if (record != i) continue;
            originalLength = length;
            return true;
        }
        return false;
    }
}
