using System.Buffers;
using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Rows in compressed sparse row form in pooled arrays: row <c>i</c> owns the non-zeros <c>[Starts[i], Starts[i + 1])</c>.
/// A row is written between <see cref="BeginRow"/> and <see cref="TryEndRow"/>, which makes it canonical (indices
/// ascending, duplicates summed, zeros dropped) or takes it back. A batch is reused with <see cref="Clear"/> and returned with
/// <see cref="Dispose"/>; it has one owner at a time and is not thread-safe.
/// </summary>
public sealed class RowBatch : IDisposable
{
    /// <summary>The most features a row may have; a longer one is refused (<see cref="RowFault.TooManyFeatures"/>).</summary>
    public const int MaxFeatures = 65_536;

    private int[] _starts;
    private uint[] _indices;
    private double[] _values;
    private double[] _labels;
    private int[]? _nameStarts;   // per non-zero: where its name starts in _names; meaningful only while HasNames
    private int[]? _nameLengths;  // per non-zero: bytes of its name, 0: the feature is known by its index alone
    private byte[]? _names;
    private int _nameBytes;
    private int _open;            // non-zeros written, the row under construction included
    private bool _ascending = true;
    private bool _disposed;

    /// <summary>Rents an empty batch; it grows as needed.</summary>
    /// <param name="rows">Rows expected.</param>
    /// <param name="nonZeros">Non-zeros expected, all rows together.</param>
    public RowBatch(int rows = 256, int nonZeros = 32_768)
    {
        _starts = ArrayPool<int>.Shared.Rent(rows + 1);
        _labels = ArrayPool<double>.Shared.Rent(rows);
        _indices = ArrayPool<uint>.Shared.Rent(nonZeros);
        _values = ArrayPool<double>.Shared.Rent(nonZeros);
        _starts[0] = 0;
    }

    /// <summary>Complete rows.</summary>
    public int Count { get; private set; }

    /// <summary>Non-zeros of all complete rows.</summary>
    public int NonZeros => _starts[Count];

    /// <summary>Whether any feature of any row carries a name (then <see cref="NameOf"/> tells them).</summary>
    public bool HasNames { get; private set; }

    /// <summary>Row starts: <c>Count + 1</c> of them.</summary>
    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Count + 1);

    /// <summary>Indices of all rows, one row after the other.</summary>
    public ReadOnlySpan<uint> Indices => _indices.AsSpan(0, NonZeros);

    /// <summary>Values of all rows, one row after the other.</summary>
    public ReadOnlySpan<double> Values => _values.AsSpan(0, NonZeros);

    /// <summary>Labels, one a row; NaN where the row has none.</summary>
    public ReadOnlySpan<double> Labels => _labels.AsSpan(0, Count);

    /// <summary>Row <paramref name="i"/>, valid until the batch is changed.</summary>
    public Row this[int i]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            var from = _starts[i];
            var count = _starts[i + 1] - from;
            return new Row(_indices.AsSpan(from, count), _values.AsSpan(from, count));
        }
    }

    /// <summary>The UTF-8 name of non-zero <paramref name="k"/>; empty where the feature is known by its index alone.</summary>
    public ReadOnlySpan<byte> NameOf(int k)
    {
        if (!HasNames) return default;
        // Without a name, the start is whatever the pooled array held before.
        var length = _nameLengths![k];
        return length == 0 ? default : _names.AsSpan(_nameStarts![k], length);
    }

    /// <summary>Takes the labels of all rows off.</summary>
    public void ForgetLabels() => _labels.AsSpan(0, Count).Fill(double.NaN);

    /// <summary>Adds a copy of a row of another batch, names and label included.</summary>
    public RowFault TryCopy(RowBatch from, int row)
    {
        BeginRow();
        for (var k = from.Starts[row]; k < from.Starts[row + 1]; k++) Add(from.Indices[k], from.Values[k], from.NameOf(k));
        return TryEndRow(from.Labels[row]);
    }

    /// <summary>Takes all rows out and keeps the memory.</summary>
    public void Clear()
    {
        Count = 0;
        _open = 0;
        _nameBytes = 0;
        HasNames = false;
        _ascending = true;
        _starts[0] = 0;
    }

    /// <summary>Starts a row; an unfinished one is dropped.</summary>
    public void BeginRow()
    {
        _open = _starts[Count];
        _ascending = true;
    }

    /// <summary>Adds a feature to the row under construction, in any order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(uint index, double value)
    {
        var k = _open;
        if (k >= _indices.Length || k >= _values.Length) GrowNonZeros(k + 1);
        _indices[k] = index;
        _values[k] = value;
        if (k > _starts[Count] && index <= _indices[k - 1]) _ascending = false;
        if (HasNames) _nameLengths![k] = 0;
        _open = k + 1;
    }

    /// <summary>Adds a feature that is known by its name; <paramref name="index"/> is what the decoder made of it.</summary>
    public void Add(uint index, double value, ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            Add(index, value);
            return;
        }
        EnsureNames();
        Add(index, value);
        var k = _open - 1;
        if (_names!.Length < _nameBytes + name.Length) Grow(ref _names, _nameBytes, _nameBytes + name.Length);
        name.CopyTo(_names.AsSpan(_nameBytes));
        _nameStarts![k] = _nameBytes;
        _nameLengths![k] = name.Length;
        _nameBytes += name.Length;
    }

    /// <summary>Finishes the row: canonical, with <paramref name="label"/> (NaN: none); or takes it back and says why.</summary>
    /// <returns><see cref="RowFault.None"/>, <see cref="RowFault.TooManyFeatures"/> or <see cref="RowFault.NotFinite"/>.</returns>
    public RowFault TryEndRow(double label = double.NaN)
    {
        var from = _starts[Count];
        var to = _open;
        var fault = to - from > MaxFeatures ? RowFault.TooManyFeatures
            : double.IsInfinity(label) ? RowFault.NotFinite
            : Canonicalize(from, ref to);
        if (fault != RowFault.None)
        {
            DropRow();
            return fault;
        }
        return EndRow(to, label);
    }

    private RowFault EndRow(int to, double label)
    {
        if (Count + 1 >= _starts.Length) Grow(ref _starts!, Count + 1, Count + 2);
        if (Count >= _labels.Length) Grow(ref _labels!, Count, Count + 1);
        _labels[Count] = label;
        _starts[++Count] = to;
        _open = to;
        return RowFault.None;
    }

    // For decoders that write features at full speed: room for a row, written through bare pointers, then CommitRow or DropRow.
    internal OpenedRow OpenRow(int capacity)
    {
        BeginRow();
        if (_open + capacity > _indices.Length || _open + capacity > _values.Length) GrowNonZeros(_open + capacity);
        return new OpenedRow(_indices.AsSpan(_open), _values.AsSpan(_open), capacity);
    }

    // Finishes a row of count features, all finite and none zero, that was written into what OpenRow gave.
    internal RowFault CommitRow(int count, bool ascending, double label)
    {
        if (HasNames) _nameLengths.AsSpan(_open, count).Clear();
        _open += count;
        _ascending = ascending;
        return ascending && count <= MaxFeatures && double.IsFinite(label) ? EndRow(_open, label) : TryEndRow(label);
    }

    /// <summary>Drops the row under construction.</summary>
    public void DropRow() => _open = _starts[Count];

    /// <summary>Returns the arrays to the pool.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        ArrayPool<int>.Shared.Return(_starts);
        ArrayPool<uint>.Shared.Return(_indices);
        ArrayPool<double>.Shared.Return(_values);
        ArrayPool<double>.Shared.Return(_labels);
        if (_names is null) return;
        ArrayPool<byte>.Shared.Return(_names);
        ArrayPool<int>.Shared.Return(_nameStarts!);
        ArrayPool<int>.Shared.Return(_nameLengths!);
    }

    private RowFault Canonicalize(int from, ref int to)
    {
        if (!_ascending) Sort(from, to);
        // All values at once: a sum that overflows is NaN or infinite, and x * 0 is 0 for finite x alone.
        var values = _values.AsSpan(from, to - from);
        var probe = 0.0;
        var zero = false;
        foreach (var v in values)
        {
            probe += v * 0;
            zero |= v == 0;
        }
        if (probe != 0) return RowFault.NotFinite;
        if (_ascending && !zero) return RowFault.None;

        var w = from;
        for (var k = from; k < to;)
        {
            var sum = _values[k];
            var first = k;
            for (k++; k < to && SameFeature(first, k); k++) sum += _values[k];
            if (!double.IsFinite(sum)) return RowFault.NotFinite;
            if (sum == 0) continue;
            MoveName(first, w);
            _indices[w] = _indices[first];
            _values[w++] = sum;
        }
        to = w;
        return RowFault.None;
    }

    // Named features that share an index are different features until a featurizer folds them.
    private bool SameFeature(int a, int b) =>
        _indices[a] == _indices[b] && (!HasNames || NameOf(a).SequenceEqual(NameOf(b)));

    private void MoveName(int from, int to)
    {
        if (!HasNames || from == to) return;
        _nameStarts![to] = _nameStarts[from];
        _nameLengths![to] = _nameLengths[from];
    }

    // Equal features are ordered by value bits, which makes the sum of duplicates independent of the order in which they were written.
    private void Sort(int from, int to)
    {
        var count = to - from;
        var scratch = ArrayPool<ulong>.Shared.Rent(2 * count);
        var order = scratch.AsSpan(0, count); // upper half: index; lower half: where the non-zero is
        for (var i = 0; i < count; i++) order[i] = (ulong)_indices[from + i] << 32 | (uint)(from + i);
        RowOrder.Sort(order, scratch.AsSpan(count, count));
        OrderEqualIndices(order);
        for (var i = 0; i < count; i++) _indices[from + i] = (uint)(order[i] >> 32);
        Permute(_values, from, order);
        if (HasNames)
        {
            Permute(_nameStarts!, from, order);
            Permute(_nameLengths!, from, order);
        }
        ArrayPool<ulong>.Shared.Return(scratch);
    }

    private void OrderEqualIndices(Span<ulong> order)
    {
        const int worthSorting = 16; // a longer run goes to the library, which allocates for its comparison
        for (var start = 0; start < order.Length;)
        {
            var end = start + 1;
            while (end < order.Length && order[end] >> 32 == order[start] >> 32) end++;
            var run = order[start..end];
            start = end;
            if (run.Length > worthSorting)
            {
                run.Sort(CompareEqualIndices);
                continue;
            }
            for (var i = 1; i < run.Length; i++)
            {
                var key = run[i];
                var at = i;
                for (; at > 0 && CompareEqualIndices(run[at - 1], key) > 0; at--) run[at] = run[at - 1];
                run[at] = key;
            }
        }
    }

    private int CompareEqualIndices(ulong left, ulong right)
    {
        var (a, b) = ((int)(uint)left, (int)(uint)right);
        var c = HasNames ? NameOf(a).SequenceCompareTo(NameOf(b)) : 0;
        return c != 0 ? c : BitConverter.DoubleToInt64Bits(_values[a]).CompareTo(BitConverter.DoubleToInt64Bits(_values[b]));
    }

    private static void Permute<T>(T[] array, int from, ReadOnlySpan<ulong> order)
    {
        var copy = ArrayPool<T>.Shared.Rent(order.Length);
        for (var i = 0; i < order.Length; i++) copy[i] = array[(int)(uint)order[i]];
        copy.AsSpan(0, order.Length).CopyTo(array.AsSpan(from));
        ArrayPool<T>.Shared.Return(copy);
    }

    private void EnsureNames()
    {
        if (HasNames) return;
        HasNames = true;
        _names ??= ArrayPool<byte>.Shared.Rent(4096);
        _nameStarts ??= ArrayPool<int>.Shared.Rent(_indices.Length);
        _nameLengths ??= ArrayPool<int>.Shared.Rent(_indices.Length);
        if (_nameStarts.Length < _indices.Length) Grow(ref _nameStarts!, 0, _indices.Length);
        if (_nameLengths.Length < _indices.Length) Grow(ref _nameLengths!, 0, _indices.Length);
        _nameLengths.AsSpan(0, _open).Clear();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void GrowNonZeros(int needed)
    {
        Grow(ref _indices!, _open, needed);
        Grow(ref _values!, _open, needed);
        if (_nameStarts is not null && _nameStarts.Length < _indices.Length) Grow(ref _nameStarts!, HasNames ? _open : 0, _indices.Length);
        if (_nameLengths is not null && _nameLengths.Length < _indices.Length) Grow(ref _nameLengths!, HasNames ? _open : 0, _indices.Length);
    }

    private static void Grow<T>(ref T[]? array, int used, int needed)
    {
        var larger = ArrayPool<T>.Shared.Rent(Math.Max(needed, array!.Length * 2));
        array.AsSpan(0, used).CopyTo(larger);
        ArrayPool<T>.Shared.Return(array);
        array = larger;
    }
}
