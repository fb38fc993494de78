using System.Diagnostics.CodeAnalysis;
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

    private NativeArray<uint> _memory;
    private uint* _buckets;
    private uint* _end;
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
        index.AddAll(features);
        if (index.Count < features.Length) throw new StateFormatException("a feature is listed twice: the bytes are damaged");
        return index;
    }

    /// <summary>The cell of each feature, 0 for those never seen.</summary>
    /// <param name="features">Feature indices.</param>
    /// <param name="cells">Receives as many cells; must be at least as long.</param>
    public void Find(ReadOnlySpan<uint> features, Span<int> cells)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cells.Length, features.Length);
        fixed (uint* feature = features)
        fixed (int* cell = cells)
        {
            LocateHomes(feature, cell, features.Length);
            for (var k = 0; k < features.Length; k++)
            {
                var home = BucketAt(_buckets, cell[k]);
                var found = CellIn(home, feature[k]);
                cell[k] = found != 0 ? found : FindFrom(feature[k], home);
            }
        }
        GC.KeepAlive(_memory);
    }

    /// <summary>The cell of each feature, a new one for those never seen.</summary>
    /// <param name="features">Feature indices.</param>
    /// <param name="cells">Receives as many cells; must be at least as long.</param>
    public void FindOrAdd(ReadOnlySpan<uint> features, Span<int> cells)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cells.Length, features.Length);
        // Before the homes are computed, because growing moves them.
        if (features.Length > _limit - Count) Reserve(Count + features.Length);
        fixed (uint* feature = features)
        fixed (int* cell = cells) FindOrAdd(feature, cell, features.Length);
        GC.KeepAlive(_memory);
    }

    /// <summary>Writes all features in first-seen order; the feature of cell <c>c</c> goes to <c>target[c - 1]</c>.</summary>
    /// <param name="target">At least <see cref="Count"/> long.</param>
    public void CopyTo(Span<uint> target)
    {
        for (var i = 0; i < _length; i++)
        {
            var bucket = BucketAt(_buckets, i);
            for (var lane = 0; lane < Lanes && bucket[Lanes + lane] != 0; lane++)
                target[(int)bucket[Lanes + lane] - 1] = bucket[lane];
        }
        GC.KeepAlive(_memory);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FindOrAdd(uint* feature, int* cell, nint count)
    {
        LocateHomes(feature, cell, count);
        var buckets = _buckets;
        for (nint k = 0; k < count; k++)
        {
            var home = BucketAt(buckets, cell[k]);
            var found = CellIn(home, feature[k]);
            if (found == 0) found = FindOrAddFrom(feature[k], home);
            cell[k] = found;
        }
    }

    // Homes first and prefetched, so that the misses of a row overlap instead of waiting for one another.
    private void LocateHomes(uint* feature, int* cell, nint count)
    {
        var buckets = _buckets;
        var length = _length;
        for (nint k = 0; k < count; k++)
        {
            var home = Home(feature[k], length);
            cell[k] = home;
            if (Sse.IsSupported) Sse.Prefetch0(BucketAt(buckets, home));
        }
    }

    // Two rounds: with one multiplication there are strides that send every feature to one bucket.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Home(uint feature, uint length)
    {
        var hash = (feature >> 1) * 0x9E3779B1u;
        hash = (hash ^ (hash >> 15)) * 0x85EBCA77u;
        return (int)(((ulong)hash * length) >> 32);
    }

    private static uint* BucketAt(uint* buckets, int number) => buckets + ((nint)(uint)number * (2 * Lanes));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int FindFrom(uint feature, uint* bucket)
    {
        for (; ; bucket = Next(bucket))
        {
            var cell = CellIn(bucket, feature);
            if (cell != 0 || FreeLanes(bucket) != 0) return cell;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int FindOrAddFrom(uint feature, uint* bucket)
    {
        for (; ; bucket = Next(bucket))
        {
            var cell = CellIn(bucket, feature);
            if (cell != 0) return cell;
            var free = FreeLanes(bucket);
            if (free == 0) continue;
            var lane = BitOperations.TrailingZeroCount(free);
            bucket[lane] = feature;
            bucket[Lanes + lane] = (uint)++Count;
            return Count;
        }
    }

    private uint* Next(uint* bucket) => bucket + 2 * Lanes < _end ? bucket + 2 * Lanes : _buckets;

    private void Reserve(int features)
    {
        if (features <= _limit) return;
        var known = new uint[Count];
        CopyTo(known);
        Allocate((uint)Math.Max(_length * Growth, features / (MaxLoad * Lanes) + 1));
        // In first-seen order: common features get the places nearest to their homes.
        Count = 0;
        AddAll(known);
    }

    // In slices small enough for their buckets to be in the cache when they are searched.
    private void AddAll(ReadOnlySpan<uint> features)
    {
        const int slice = 64;
        Span<int> cells = stackalloc int[slice];
        for (; features.Length > slice; features = features[slice..]) FindOrAdd(features[..slice], cells);
        FindOrAdd(features, cells);
    }

    [MemberNotNull(nameof(_memory))]
    private void Allocate(uint buckets)
    {
        _memory = new((int)buckets * 2 * Lanes);
        _buckets = _memory.Pointer;
        _end = _buckets + _memory.Length;
        _length = buckets;
        _limit = (int)(buckets * Lanes * MaxLoad);
    }

    // A free lane looks like feature 0, but feature 0 itself, where it is, comes before any free lane.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CellIn(uint* bucket, uint feature)
    {
        var equal = Vector256.Equals(Vector256.Load(bucket), Vector256.Create(feature)).ExtractMostSignificantBits();
        return equal == 0 ? 0 : (int)bucket[Lanes + BitOperations.TrailingZeroCount(equal)];
    }

    private static uint FreeLanes(uint* bucket) =>
        Vector256.Equals(Vector256.Load(bucket + Lanes), Vector256<uint>.Zero).ExtractMostSignificantBits();
}
