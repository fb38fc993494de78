using System.Buffers.Binary;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The <see cref="Joined"/> event under construction: entries encoded as they are decided, and how far each partition had come before it.</summary>
/// <param name="before">Fingerprint of the state before it.</param>
/// <param name="from">The stream's time before it.</param>
/// <param name="buffers">Keeps the bytes of events before it, for those after it: events are large, and each would grow its own from nothing.</param>
internal sealed class OpenJoin(ulong before, long from, Stack<byte[]> buffers) : IDisposable
{
    private const int KeptBuffers = 2;
    private readonly List<(JoinPartition Partition, JoinMark Mark)> _ranges = [];
    private readonly List<JoinedStretch> _stretches = [];
    private byte[] _bytes = buffers.TryPop(out var kept) ? kept : new byte[64 * 1024];
    private int _entries;
    private readonly long _from = from;
    private long _stamp = from;
    private bool _hasUnlabelled;

    public int Rows { get; private set; }

    public int Bytes { get; private set; }

    public bool HasRanges => _ranges.Count > 0;

    /// <summary>Encoded entries.</summary>
    public ReadOnlySpan<byte> Encoded => _bytes.AsSpan(0, Bytes);

    /// <summary>The partition is about to be read on.</summary>
    public int Begin(JoinPartition partition)
    {
        for (var i = 0; i < _ranges.Count; i++)
            if (ReferenceEquals(_ranges[i].Partition, partition)) return i;
        _ranges.Add((partition, partition.Mark()));
        return _ranges.Count - 1;
    }

    /// <summary>So many offsets of the range were taken.</summary>
    public void Took(int range, long offsets, long time)
    {
        if (offsets == 0) return;
        // Stretches of one partition that follow each other are one.
        if (_stretches.Count > 0 && _stretches[^1] is var last && last.Range == range) _stretches[^1] = last with { Length = last.Length + offsets, Time = time };
        else _stretches.Add(new JoinedStretch(range, offsets, time));
    }

    /// <summary>A pair to be learned.</summary>
    /// <returns>Where its row begins in <see cref="Encoded"/>.</returns>
    public int Learn(in JoinedPair pair, long stamp, ReadOnlySpan<byte> row)
    {
        Pair(JoinedKind.Learned, pair, stamp, row.Length + 8);
        var at = Bytes;
        Bytes += RowCodec.Relabel(_bytes.AsSpan(at), row, pair.Label);
        Rows++;
        return at;
    }

    public void Freeze(in JoinedPair pair, long stamp, ReadOnlySpan<byte> id)
    {
        Pair(JoinedKind.Frozen, pair, stamp, id.Length + 18);
        Double(pair.Label);
        Id(id);
    }

    /// <summary>A row to be learned without a label as it comes; <see cref="Answered"/> must follow.</summary>
    /// <returns>Where its row begins in <see cref="Encoded"/>.</returns>
    public int Score(int partition, long offset, long stamp, ReadOnlySpan<byte> row)
    {
        Unlabelled(JoinedKind.Scored, partition, offset, stamp, row.Length + 16);
        Double(double.NaN);
        return Row(row);
    }

    /// <summary>What was answered to the row at <paramref name="at"/> before it was learned.</summary>
    public void Answered(int at, double score) => BinaryPrimitives.WriteDoubleLittleEndian(_bytes.AsSpan(at - sizeof(double)), score);

    public void Evaluate(in JoinedPair pair, long stamp, ReadOnlySpan<byte> id, double score, long age)
    {
        Unlabelled(JoinedKind.Evaluated, pair.Partition, pair.Offset, stamp, id.Length + 60);
        Number(pair.LabelPartition);
        Number(pair.LabelOffset);
        Double(pair.Label);
        Double(score);
        Number(age);
        Id(id);
    }

    public void Pass(int partition, long offset, long stamp, ReadOnlySpan<byte> id)
    {
        Unlabelled(JoinedKind.Passed, partition, offset, stamp, id.Length + 10);
        Id(id);
    }

    /// <summary>A row whose label did not come in time, to be learned without; <see cref="TakenFor"/> must follow.</summary>
    /// <returns>Where its row begins in <see cref="Encoded"/>.</returns>
    public int ExpireUnlabelled(int partition, long offset, long stamp, ReadOnlySpan<byte> row)
    {
        Unlabelled(JoinedKind.Unlabelled, partition, offset, stamp, row.Length + 28);
        return Row(row);
    }

    /// <summary>What the last row was taken for.</summary>
    public void TakenFor(PseudoLabel label)
    {
        Number(label.Group);
        Number((long)label.Class);
    }

    public void Expire(int partition, long offset, long stamp, ReadOnlySpan<byte> id)
    {
        Head(JoinedKind.Expired, stamp, id.Length + 30);
        Number(partition);
        Number(offset);
        Id(id);
    }

    public void Orphan(int partition, long offset, long stamp)
    {
        Head(JoinedKind.Orphan, stamp, 20);
        Number(partition);
        Number(offset);
    }

    public void Correct(ReadOnlySpan<byte> id, double label, double weight, long stamp)
    {
        Head(JoinedKind.Corrected, stamp, id.Length + 40);
        Double(label);
        Weight(weight);
        Id(id);
    }

    /// <summary>Ends it with the state as it is now.</summary>
    /// <returns>Makes the event, once, when it is told the time; until then it may be kept, and this be disposed.</returns>
    public Func<long, Joined> Seal(ulong after, long to)
    {
        var (ranges, bytes) = (_ranges.Select(r => r.Partition.Since(r.Mark)).ToArray(), _bytes);
        _bytes = []; // they are the event's now
        return time =>
        {
            var joined = Joined.Create(before, after, time, _from, to, ranges, _stretches, Rows, _entries, bytes.AsSpan(0, Bytes), _hasUnlabelled);
            Keep(bytes);
            return joined;
        };
    }

    public void Dispose()
    {
        if (_bytes.Length > 0) Keep(_bytes);
        _bytes = [];
    }

    private void Keep(byte[] bytes)
    {
        if (buffers.Count < KeptBuffers) buffers.Push(bytes);
    }

    private void Pair(JoinedKind kind, in JoinedPair pair, long stamp, int more)
    {
        Head(kind, stamp, more + 60);
        Number(pair.Partition);
        Number(pair.Offset);
        Number(pair.LabelPartition);
        Number(pair.LabelOffset);
        Weight(pair.Weight);
    }

    private void Unlabelled(JoinedKind kind, int partition, long offset, long stamp, int more)
    {
        Head(kind, stamp, more + 20);
        Number(partition);
        Number(offset);
        _hasUnlabelled = true;
    }

    private int Row(ReadOnlySpan<byte> row)
    {
        var at = Bytes;
        Bytes += RowCodec.Relabel(_bytes.AsSpan(at), row, double.NaN);
        Rows++;
        return at;
    }

    private void Head(JoinedKind kind, long stamp, int more)
    {
        if (_bytes.Length - Bytes < more + 20) Grow(Bytes + more + 20);
        Number((long)kind);
        Bytes += Varint.Write(_bytes.AsSpan(Bytes), Joined.StampCode(_stamp, stamp));
        _stamp = stamp;
        _entries++;
    }

    private void Weight(double weight)
    {
        Number(weight == 1 ? 0 : 1);
        if (weight != 1) Double(weight);
    }

    private void Number(long n) => Bytes += Varint.Write(_bytes.AsSpan(Bytes), (ulong)n);

    private void Double(double value)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(_bytes.AsSpan(Bytes), value);
        Bytes += 8;
    }

    private void Id(ReadOnlySpan<byte> id)
    {
        Number(id.Length);
        id.CopyTo(_bytes.AsSpan(Bytes));
        Bytes += id.Length;
    }

    private void Grow(int needed)
    {
        var larger = GC.AllocateUninitializedArray<byte>(Math.Max(needed, _bytes.Length * 2));
        Encoded.CopyTo(larger);
        _bytes = larger;
    }
}
