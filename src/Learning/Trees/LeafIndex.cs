using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

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
        {
            var place = index.PlaceOf(feature);
            if (index._table[place] != 0) throw new StateFormatException("a feature is listed twice: the bytes are damaged");
            index.Add(feature, place);
        }
        return index;
    }

    /// <summary>Asks for the memory where the table begins: a hint.</summary>
    public unsafe void Prefetch()
    {
        if (Sse.IsSupported) Sse.Prefetch0(Unsafe.AsPointer(ref _table[0]));
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
        var table = _table;
        LocateHomes(table, features, cells);
        for (var k = 0; k < features.Length; k++) cells[k] = (int)(table[PlaceOf(table, features[k], cells[k])] >> 32);
    }

    /// <summary>The cell of each feature, a new one for those never seen.</summary>
    public void FindOrAdd(ReadOnlySpan<uint> features, Span<int> cells)
    {
        Reserve(Count + features.Length);
        var table = _table;
        LocateHomes(table, features, cells);
        for (var k = 0; k < features.Length; k++)
        {
            var place = PlaceOf(table, features[k], cells[k]);
            cells[k] = table[place] != 0 ? (int)(table[place] >> 32) : Add(features[k], place);
        }
    }

    // Where each feature would be were it alone, asked for before it is looked at: the leaves of a row are seldom in the cache, and a branch on what is not there yet waits.
    private static unsafe void LocateHomes(ulong[] table, ReadOnlySpan<uint> features, Span<int> cells)
    {
        var mask = table.Length - 1;
        ref var first = ref table[0];
        for (var k = 0; k < features.Length; k++)
        {
            var home = (int)RowFeatures.Hash(features[k]) & mask;
            cells[k] = home;
            if (Sse.IsSupported) Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref first, home)));
        }
    }

    private int Add(uint feature, int place)
    {
        _features[Count] = feature;
        _table[place] = (ulong)++Count << 32 | feature;
        return Count;
    }

    private int PlaceOf(uint feature) => PlaceOf(_table, feature, (int)RowFeatures.Hash(feature) & (_table.Length - 1));

    // Where the feature is, or the free place where it would be.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(ulong[] table, uint feature, int place)
    {
        while (table[place] is var entry && entry != 0 && (uint)entry != feature) place = (place + 1) & (table.Length - 1);
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
