using System.Buffers;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The element of both legs: some hundred decoded rows of one partition with what belongs to each (offset, id, event time), the
/// records that did not become rows, and, after predict, scores and the version that gave them. All of it accounts for the
/// offsets [From, To). Pooled: the stage that takes a chunk out of the stream disposes it.
/// </summary>
public sealed class Chunk : IDisposable
{
    /// <summary>Event time of a row that has none.</summary>
    public const long NoTime = long.MinValue;

    private long[] _offsets;
    private long[] _times;
    private int[] _idEnds;
    private byte[] _ids;
    private double[]? _scores;
    private bool _disposed;

    public Chunk(OffsetRange range, int rows = 256)
    {
        Range = range;
        Rows = new RowBatch(rows);
        Features = Rows;
        _offsets = ArrayPool<long>.Shared.Rent(rows);
        _times = ArrayPool<long>.Shared.Rent(rows);
        _idEnds = ArrayPool<int>.Shared.Rent(rows);
        _ids = ArrayPool<byte>.Shared.Rent(64);
    }

    /// <summary>The offsets this chunk accounts for.</summary>
    public OffsetRange Range { get; }

    /// <summary>Decoded rows: the content that is journaled and fingerprinted.</summary>
    public RowBatch Rows { get; }

    /// <summary>Rows as the model takes them; the same object as <see cref="Rows"/> where nothing is to be featurized.</summary>
    public RowBatch Features { get; set; }

    /// <summary>Rows.</summary>
    public int Count => Rows.Count;

    /// <summary>Blank records and compacted offsets.</summary>
    public long Skipped { get; set; }

    /// <summary>Records that are no rows.</summary>
    public List<DeadLetter> DeadLetters { get; } = [];

    /// <summary>Offset of row <paramref name="i"/>.</summary>
    public long OffsetOf(int i) => _offsets[i];

    /// <summary>Event time of row <paramref name="i"/> in milliseconds since 1970 UTC, or <see cref="NoTime"/>.</summary>
    public long TimeOf(int i) => _times[i];

    /// <summary>Id of row <paramref name="i"/> in UTF-8; empty where the record has none (its position is its id then).</summary>
    public ReadOnlySpan<byte> IdOf(int i)
    {
        var from = i == 0 ? 0 : _idEnds[i - 1];
        return _ids.AsSpan(from, _idEnds[i] - from);
    }

    /// <summary>Call after each successful <see cref="RowBatch.TryEndRow"/>: states what belongs to the row just ended.</summary>
    public void EndRow(long offset, ReadOnlySpan<byte> id = default, long time = NoTime)
    {
        var i = Rows.Count - 1;
        if (i >= _offsets.Length) Grow(ref _offsets, i);
        if (i >= _times.Length) Grow(ref _times, i);
        if (i >= _idEnds.Length) Grow(ref _idEnds, i);
        _offsets[i] = offset;
        _times[i] = time;
        var used = i == 0 ? 0 : _idEnds[i - 1];
        while (_ids.Length < used + id.Length) Grow(ref _ids, used);
        id.CopyTo(_ids.AsSpan(used));
        _idEnds[i] = used + id.Length;
    }

    /// <summary>Scores a row, set by predict.</summary>
    public int Outputs { get; private set; }

    /// <summary>The version that scored all of this chunk's rows.</summary>
    public ModelVersion Version { get; private set; }

    /// <summary>The state that scored had learned the offsets below this one; rows below it were scored again, after a crash.</summary>
    public long LearnedBelow { get; private set; }

    /// <summary>Scores of row <paramref name="i"/>.</summary>
    public Span<double> ScoresOf(int i) => _scores.AsSpan(i * Outputs, Outputs);

    /// <summary>Makes room for scores.</summary>
    public void BeginScores(ModelVersion version, int outputs, long learnedBelow)
    {
        Version = version;
        Outputs = outputs;
        LearnedBelow = learnedBelow;
        var needed = Math.Max(1, Count * outputs);
        if (_scores is not null && _scores.Length >= needed) return;
        if (_scores is not null) ArrayPool<double>.Shared.Return(_scores);
        _scores = ArrayPool<double>.Shared.Rent(needed);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        if (!ReferenceEquals(Features, Rows)) Features.Dispose();
        Rows.Dispose();
        ArrayPool<long>.Shared.Return(_offsets);
        ArrayPool<long>.Shared.Return(_times);
        ArrayPool<int>.Shared.Return(_idEnds);
        ArrayPool<byte>.Shared.Return(_ids);
        if (_scores is not null) ArrayPool<double>.Shared.Return(_scores);
    }

    private static void Grow<T>(ref T[] array, int used)
    {
        var larger = ArrayPool<T>.Shared.Rent(array.Length * 2);
        array.AsSpan(0, used).CopyTo(larger);
        ArrayPool<T>.Shared.Return(array);
        array = larger;
    }
}

/// <summary>A record that did not become a row: where it was, what went wrong, and its own bytes.</summary>
/// <param name="Partition">Partition of the record.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="Offset">Offset of the record.</param>
/// <param name="Stage">Where it failed: <c>decode</c> or <c>featurize</c>.</param>
/// <param name="Fault">Which fault.</param>
/// <param name="Reason">For people: what is wrong and at which byte.</param>
/// <param name="Bytes">The original record (cut to the configured limit).</param>
/// <param name="OriginalLength">Length of the original record in bytes.</param>
public sealed record DeadLetter(int Partition, ulong Epoch, long Offset, string Stage, RowFault Fault, string Reason, byte[] Bytes, long OriginalLength)
{
    /// <summary>The reason without its place and excerpt: equal for equal causes, so that they can be counted.</summary>
    public string Cause => Reason.IndexOf(", at byte ", StringComparison.Ordinal) is var at and >= 0 ? Reason[..at] : Reason;
}
