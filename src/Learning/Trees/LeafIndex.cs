using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Gives each feature of a leaf a cell: 1, 2, 3, ... in the order in which they were first seen; 0 for those never seen. As <see cref="FeatureIndex"/>, for the few features
/// of one of many leaves: small when new, and on the heap.
/// </summary>
internal sealed class LeafIndex
{
    private ulong[] _table = new ulong[64];     // cell in the upper half, feature in the lower; 0 is free; at most half full
    private uint[] _features = new uint[16];    // of the cells 1, 2, 3, ...

    /// <summary>Features known, which is also the highest cell.</summary>
    public int Count { get; private set; }

    /// <summary>The features of the cells 1, 2, 3, ...</summary>
    public ReadOnlySpan<uint> Features => _features.AsSpan(0, Count);

    /// <summary>The index over features given in the order of their cells.</summary>
    /// <exception cref="StateFormatException">A feature is there twice.</exception>
    public static LeafIndex Restore(ReadOnlySpan<uint> features)
    {
        var index = new LeafIndex();
        index.Reserve(features.Length);
        foreach (var feature in features)
            if (index.FindOrAdd(feature) < index.Count) throw new StateFormatException("a feature is listed twice: the bytes are damaged");
        return index;
    }

    /// <summary>Forgets all features but some, which get the cells 1, 2, 3, ...</summary>
    /// <param name="cells">Cells to keep, ascending.</param>
    public void Keep(ReadOnlySpan<int> cells)
    {
        Array.Clear(_table);
        Count = 0;
        foreach (var cell in cells)
        {
            var feature = _features[cell - 1];
            Add(feature, PlaceOf(feature));
        }
    }

    /// <summary>The cell of each feature, 0 for those never seen.</summary>
    public void Find(ReadOnlySpan<uint> features, Span<int> cells)
    {
        for (var k = 0; k < features.Length; k++) cells[k] = (int)(_table[PlaceOf(features[k])] >> 32);
    }

    /// <summary>The cell of each feature, a new one for those never seen.</summary>
    public void FindOrAdd(ReadOnlySpan<uint> features, Span<int> cells)
    {
        Reserve(Count + features.Length);
        for (var k = 0; k < features.Length; k++) cells[k] = FindOrAdd(features[k]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int FindOrAdd(uint feature)
    {
        var place = PlaceOf(feature);
        return _table[place] != 0 ? (int)(_table[place] >> 32) : Add(feature, place);
    }

    private int Add(uint feature, int place)
    {
        _features[Count] = feature;
        _table[place] = (ulong)++Count << 32 | feature;
        return Count;
    }

    // Where the feature is, or the free place where it would be.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int PlaceOf(uint feature)
    {
        var mask = _table.Length - 1;
        var place = (int)RowFeatures.Hash(feature) & mask;
        while (_table[place] is var entry && entry != 0 && (uint)entry != feature) place = (place + 1) & mask;
        return place;
    }

    private void Reserve(int count)
    {
        if (count > _features.Length) Array.Resize(ref _features, Math.Max(count, 2 * _features.Length));
        if (2 * count <= _table.Length) return;
        var length = _table.Length;
        while (2 * count > length) length *= 2;
        _table = new ulong[length];
        for (var cell = 1; cell <= Count; cell++) _table[PlaceOf(_features[cell - 1])] = (ulong)cell << 32 | _features[cell - 1];
    }
}
