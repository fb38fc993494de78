using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace StreamMLOps.Learning;

/// <summary>
/// Gives every feature index a cell number of its own when it is first seen: 1, 2, 3, ... Cell 0 stands for every feature
/// never seen. Features that are common come early and so get low cells, which keeps the arrays indexed by them in the cache.
/// </summary>
/// <remarks>
/// Open addressing in one array of eight-byte entries, feature index in the upper half and cell in the lower. The home of a
/// feature is a block of eight entries, one cache line, which its seven neighbours share; its place (lane) in the block is its own, so a run
/// of indices costs one line for eight. A collision goes on to the same lane of the next block. Sized by a multiplication rather
/// than a mask, so the table can grow by less than two: 10.7 to 13.9 bytes a feature. Not thread-safe.
/// </remarks>
public sealed unsafe class FeatureIndex
{
    private const int Lanes = 8;
    private const int FirstBlocks = 128;
    private const double MaxLoad = 0.75;
    private const double Growth = 1.3;

    private ulong[] _memory = [];   // pinned, so that _table stays where it is
    private ulong* _table;          // _memory from its first whole cache line
    private uint _blocks;
    private int _limit;

    /// <summary>Starts with no feature.</summary>
    public FeatureIndex() => Allocate(FirstBlocks);

    /// <summary>Features seen, which is also the highest cell in use.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held by the table.</summary>
    public long Bytes => (long)_memory.Length * sizeof(ulong);

    /// <summary>The index over features given in first-seen order, as <see cref="CopyTo"/> tells them.</summary>
    /// <exception cref="StateFormatException">A feature is there twice.</exception>
    public static FeatureIndex Restore(ReadOnlySpan<uint> features)
    {
        var index = new FeatureIndex();
        index.Reserve(features.Length);
        foreach (var feature in features)
        {
            var known = index.Count;
            if (index.Insert(feature, index.Home(feature)) <= known)
                throw new StateFormatException($"feature {feature} is listed twice: the bytes are damaged");
        }
        return index;
    }

    /// <summary>The cell of each feature, 0 for those never seen.</summary>
    /// <param name="features">Feature indices.</param>
    /// <param name="cells">Receives as many cells; must be at least as long.</param>
    public void Find(ReadOnlySpan<uint> features, Span<int> cells)
    {
        LocateHomes(features, cells);
        for (var k = 0; k < features.Length; k++)
        {
            var feature = features[k];
            var home = (uint)cells[k];
            var entry = _table[home];
            cells[k] = Holds(entry, feature, out var cell) ? cell : entry == 0 ? 0 : FindFrom(feature, home);
        }
    }

    /// <summary>The cell of each feature, a new one for those never seen.</summary>
    /// <param name="features">Feature indices.</param>
    /// <param name="cells">Receives as many cells; must be at least as long.</param>
    public void FindOrAdd(ReadOnlySpan<uint> features, Span<int> cells)
    {
        // Before the homes are computed, because growing moves them.
        if (features.Length > _limit - Count) Reserve(Count + features.Length);
        LocateHomes(features, cells);
        for (var k = 0; k < features.Length; k++)
        {
            var feature = features[k];
            var home = (uint)cells[k];
            cells[k] = Holds(_table[home], feature, out var cell) ? cell : Insert(feature, home);
        }
    }

    /// <summary>Writes all features in first-seen order; the feature of cell <c>c</c> goes to <c>target[c - 1]</c>.</summary>
    /// <param name="target">At least <see cref="Count"/> long.</param>
    public void CopyTo(Span<uint> target)
    {
        for (var i = 0u; i < _blocks * Lanes; i++)
            if (_table[i] != 0) target[(int)(uint)_table[i] - 1] = (uint)(_table[i] >> 32);
    }

    // Homes first and prefetched, so that the misses of a row overlap instead of waiting for one another.
    private void LocateHomes(ReadOnlySpan<uint> features, Span<int> cells)
    {
        Debug.Assert(cells.Length >= features.Length);
        for (var k = 0; k < features.Length; k++)
        {
            var home = Home(features[k]);
            cells[k] = (int)home;
            if (Sse.IsSupported) Sse.Prefetch0(_table + home);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Home(uint feature)
    {
        // Two rounds: with one multiplication there are strides that send every feature to one block.
        var hash = (feature >> 3) * 0x9E3779B1u;
        hash = (hash ^ (hash >> 15)) * 0x85EBCA77u;
        hash ^= hash >> 14;
        var block = (uint)(((ulong)hash * _blocks) >> 32);
        return block * Lanes + ((feature ^ hash) & (Lanes - 1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Holds(ulong entry, uint feature, out int cell)
    {
        var difference = entry ^ ((ulong)feature << 32);
        cell = (int)difference;
        return difference - 1 < int.MaxValue;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int FindFrom(uint feature, uint at)
    {
        for (; ; at = Next(at))
        {
            var entry = _table[at];
            if (entry == 0) return 0;
            if (Holds(entry, feature, out var cell)) return cell;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Insert(uint feature, uint at)
    {
        for (; ; at = Next(at))
        {
            var entry = _table[at];
            if (entry == 0) break;
            if (Holds(entry, feature, out var cell)) return cell;
        }
        _table[at] = ((ulong)feature << 32) | (uint)++Count;
        return Count;
    }

    private uint Next(uint at) => at + Lanes < _blocks * Lanes ? at + Lanes : at + Lanes - _blocks * Lanes;

    private void Reserve(int features)
    {
        if (features <= _limit) return;
        var known = new uint[Count];
        CopyTo(known);
        Allocate((uint)Math.Max(_blocks * Growth, features / (MaxLoad * Lanes) + 1));
        // In first-seen order: common features get the places nearest to their homes.
        Count = 0;
        foreach (var feature in known) Insert(feature, Home(feature));
    }

    private void Allocate(uint blocks)
    {
        _blocks = blocks;
        _limit = (int)(blocks * Lanes * MaxLoad);
        _memory = GC.AllocateArray<ulong>((int)(blocks + 1) * Lanes, pinned: true);
        var start = (nint)Unsafe.AsPointer(ref _memory[0]);
        _table = (ulong*)((start + 63) & ~63);
    }
}
