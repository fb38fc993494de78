using System.Buffers;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The event under construction: rows encoded as they are learned, and a growing range for each partition.</summary>
/// <param name="before">Fingerprint of the state before it.</param>
/// <param name="referenced">Whether the event names its rows by position.</param>
internal sealed class OpenEvent(ulong before, bool referenced = false) : IDisposable
{
    private readonly List<RowStretch> _stretches = [];
    private readonly List<RangeCounts> _ranges = [];
    private readonly List<long> _nextRow = []; // per range: the offset after its last row, which the next row's delta starts from
    private readonly List<PseudoLabelledRow> _pseudo = [];
    private byte[] _rows = ArrayPool<byte>.Shared.Rent(64 * 1024);

    public int Rows { get; private set; }

    public int Bytes { get; private set; }

    public bool HasRanges => _ranges.Count > 0;

    public long? NextOf(int partition)
    {
        foreach (var r in _ranges)
            if (r.Range.Partition == partition) return r.Range.To;
        return null;
    }

    /// <summary>Starts or continues the partition's range; returns its ordinal.</summary>
    public int Begin(OffsetRange range)
    {
        for (var i = 0; i < _ranges.Count; i++)
            if (_ranges[i].Range.Partition == range.Partition) return i;
        _ranges.Add(new RangeCounts(range with { To = range.From }, 0, 0, 0, 0, 0));
        _nextRow.Add(range.From);
        return _ranges.Count - 1;
    }

    public void Append(Chunk chunk, int row, int ordinal)
    {
        var needed = Bytes + RowCodec.MaxLength(chunk, row);
        if (needed > _rows.Length) Grow(needed);
        var offset = chunk.OffsetOf(row);
        Bytes += RowCodec.Write(_rows.AsSpan(Bytes), chunk, row, ordinal, offset - _nextRow[ordinal]);
        if (referenced) Refer(ordinal, offset - _nextRow[ordinal]);
        _nextRow[ordinal] = offset + 1;
        Rows++;
    }

    /// <summary>States what the last row, which has no label, was taken for.</summary>
    public void TakenFor(PseudoLabel label)
    {
        if (label.Class != PseudoClass.None) _pseudo.Add(new(Rows - 1, label));
    }

    public void End(int ordinal, RangeCounts c)
    {
        var r = _ranges[ordinal];
        _ranges[ordinal] = new(r.Range with { To = c.Range.To }, r.Learned + c.Learned, r.Unlabelled + c.Unlabelled, r.DeadLettered + c.DeadLettered, r.Skipped + c.Skipped, r.Frozen + c.Frozen);
    }

    public Learned Seal(ulong after, long time) => Learned.Create(before, after, time, _ranges, Rows, _rows.AsSpan(0, Bytes), _pseudo, referenced ? _stretches : null);

    private void Refer(int ordinal, long skip)
    {
        if (skip == 0 && _stretches.Count > 0 && _stretches[^1] is var last && last.Range == ordinal) _stretches[^1] = last with { Rows = last.Rows + 1 };
        else _stretches.Add(new RowStretch(ordinal, skip, 1));
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_rows);
        _rows = [];
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _rows.Length * 2));
        _rows.AsSpan(0, Bytes).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_rows);
        _rows = larger;
    }
}
