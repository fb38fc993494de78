using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace StreamMLOps.Learning;

/// <summary>
/// Gives every feature index a cell number of its own when it is first seen: 1, 2, 3, ... Cell 0 stands for every feature
/// never seen. Features that are common come early and so get low cells, which keeps the arrays indexed by them in the cache.
/// </summary>
/// <remarks>
/// A hash table of buckets, each one cache line: eight features, then their eight cells, filled from the left and searched with
/// one comparison. A full bucket goes on in the next. Pairs of neighbouring indices share a bucket. Sized by a
/// multiplication rather than a mask, so the table can grow by less than two: 10 to 13.5 bytes a feature. Not thread-safe.
/// </remarks>
public sealed unsafe class FeatureIndex
{
    private const int Lanes = 8;
    private const int FirstBuckets = 128;
    private const double MaxLoad = 0.8;
    private const double Growth = 1.35;

    private PinnedArray<Bucket> _memory;
    private Bucket* _buckets;
    private uint _length;
    private int _limit;

    /// <summary>Starts with no feature.</summary>
    public FeatureIndex() => Allocate(FirstBuckets);

    /// <summary>Features seen, which is also the highest cell in use.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held by the table.</summary>
    public long Bytes => _memory.Bytes;

    /// <summary>The index over features given in first-seen order, as <see cref="CopyTo"/> tells them.</summary>
    /// <exception cref="StateFormatException">A feature is there twice.</exception>
    public static FeatureIndex Restore(ReadOnlySpan<uint> features)
    {
        var index = new FeatureIndex();
        index.Reserve(features.Length);
        foreach (var feature in features)
        {
            var known = index.Count;
            if (index.FindOrAddFrom(feature, index.Home(feature)) <= known)
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
            var home = (uint)cells[k];
            cells[k] = _buckets[home].TryFind(features[k], out var cell) ? cell : FindFrom(features[k], home);
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
            var home = (uint)cells[k];
            cells[k] = _buckets[home].TryFind(features[k], out var cell) ? cell : FindOrAddFrom(features[k], home);
        }
    }

    /// <summary>Writes all features in first-seen order; the feature of cell <c>c</c> goes to <c>target[c - 1]</c>.</summary>
    /// <param name="target">At least <see cref="Count"/> long.</param>
    public void CopyTo(Span<uint> target)
    {
        for (var bucket = _buckets; bucket < _buckets + _length; bucket++)
            for (var lane = 0; lane < Lanes && bucket->Cells[lane] != 0; lane++)
                target[bucket->Cells[lane] - 1] = bucket->Features[lane];
    }

    // Homes first and prefetched, so that the misses of a row overlap instead of waiting for one another.
    private void LocateHomes(ReadOnlySpan<uint> features, Span<int> cells)
    {
        Debug.Assert(cells.Length >= features.Length);
        for (var k = 0; k < features.Length; k++)
        {
            var home = Home(features[k]);
            cells[k] = (int)home;
            if (Sse.IsSupported) Sse.Prefetch0(_buckets + home);
        }
    }

    // Two rounds: with one multiplication there are strides that send every feature to one bucket.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Home(uint feature)
    {
        var hash = (feature >> 1) * 0x9E3779B1u;
        hash = (hash ^ (hash >> 15)) * 0x85EBCA77u;
        return (uint)(((ulong)hash * _length) >> 32);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int FindFrom(uint feature, uint at)
    {
        for (; ; at = Next(at))
        {
            if (_buckets[at].TryFind(feature, out var cell)) return cell;
            if (!_buckets[at].IsFull) return 0;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int FindOrAddFrom(uint feature, uint at)
    {
        for (; ; at = Next(at))
        {
            if (_buckets[at].TryFind(feature, out var cell)) return cell;
            if (!_buckets[at].IsFull) break;
        }
        _buckets[at].Add(feature, ++Count);
        return Count;
    }

    private uint Next(uint at) => at + 1 < _length ? at + 1 : 0;

    private void Reserve(int features)
    {
        if (features <= _limit) return;
        var known = new uint[Count];
        CopyTo(known);
        Allocate((uint)Math.Max(_length * Growth, features / (MaxLoad * Lanes) + 1));
        // In first-seen order: common features get the places nearest to their homes.
        Count = 0;
        foreach (var feature in known) FindOrAddFrom(feature, Home(feature));
    }

    private void Allocate(uint buckets)
    {
        _memory = new((int)buckets);
        _buckets = _memory.Pointer;
        _length = buckets;
        _limit = (int)(buckets * Lanes * MaxLoad);
    }

    private struct Bucket
    {
        public fixed uint Features[Lanes];
        public fixed int Cells[Lanes];    // 0: the lane is free

        public bool IsFull => Cells[Lanes - 1] != 0;

        // A free lane looks like feature 0, but feature 0 itself, where it is, comes before any free lane.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public bool TryFind(uint feature, out int cell)
        {
            fixed (uint* features = Features)
            {
                var equal = Vector256.Equals(Vector256.Load(features), Vector256.Create(feature)).ExtractMostSignificantBits();
                cell = features[Lanes + (BitOperations.TrailingZeroCount(equal) & (Lanes - 1))] is var found && equal != 0 ? (int)found : 0;
                return cell != 0;
            }
        }

        public void Add(uint feature, int cell)
        {
            var lane = 0;
            while (Cells[lane] != 0) lane++;
            Features[lane] = feature;
            Cells[lane] = cell;
        }
    }
}
