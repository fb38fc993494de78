namespace StreamMLOps.Pipeline;

/// <summary>
/// Where some rows of a file start, about one for each 256 KiB, learned while reading and shared by all readers of a source, so
/// that a second reading of a distant row seeks instead of counting lines. 16 bytes an entry. Thread-safe.
/// </summary>
internal sealed class LineIndex(ulong epoch)
{
    private const long Spacing = 256 * 1024;

    private readonly Lock _lock = new();
    private readonly List<(long Row, long Offset)> _entries = [(0, 0)];

    /// <summary>The log whose rows these are.</summary>
    public ulong Epoch { get; } = epoch;

    /// <summary>States that <paramref name="row"/> starts at the byte <paramref name="offset"/>.</summary>
    public void Add(long row, long offset)
    {
        lock (_lock)
        {
            if (offset >= _entries[^1].Offset + Spacing) _entries.Add((row, offset));
        }
    }

    /// <summary>The last known row start at or below <paramref name="row"/>.</summary>
    public (long Row, long Offset) Below(long row)
    {
        lock (_lock)
        {
            var low = 0;
            for (var high = _entries.Count - 1; low < high;)
            {
                var middle = (low + high + 1) / 2;
                if (_entries[middle].Row <= row) low = middle;
                else high = middle - 1;
            }
            return _entries[low];
        }
    }
}
