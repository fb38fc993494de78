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
/// Two tables. Features below the window's end, where they are dense (at least a third of the numbers are features), are found by
/// their number. The rest are in a hash table of buckets, each one cache line: eight features, then their eight cells, filled from the left
/// and searched with one comparison; a full bucket goes on in the next. Sized by a multiplication rather than a mask, so the
/// hash table can grow by less than two. At most 13.5 bytes a feature, new or old. Not thread-safe.
/// </remarks>
public sealed unsafe class FeatureIndex
{
    private const int Lanes = 8;
    private const int FirstBuckets = 128;
    private const double MaxLoad = 0.8;
    private const double Growth = 1.35;
    private const int NumbersPerFeature = 3;   // in the window, at most

    private NativeArray<int> _windowMemory;
    private int* _window;
    private uint _windowEnd;
    private NativeArray<uint> _memory;
    private uint* _buckets;
    private uint* _end;
    private uint _length;
    private int _limit;
    private int _hashed;

    /// <summary>Starts with no feature.</summary>
    public FeatureIndex() => Allocate(0, FirstBuckets);

    /// <summary>Features seen, which is also the highest cell in use.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes held by the tables.</summary>
    public long Bytes => _windowMemory.Bytes + _memory.Bytes;

    /// <summary>The index over features given in first-seen order, as <see cref="CopyTo"/> tells them.</summary>
    /// <exception cref="StateFormatException">A feature is there twice.</exception>
    public static FeatureIndex Restore(ReadOnlySpan<uint> features)
    {
        var index = new FeatureIndex();
        index.Rebuild(features, 0);
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
                if (feature[k] < _windowEnd)
                {
                    cell[k] = _window[feature[k]];
                    continue;
                }
                var home = BucketAt(_buckets, cell[k]);
                var found = CellIn(home, feature[k]);
                cell[k] = found != 0 ? found : FindFrom(feature[k], home);
            }
        }
        GC.KeepAlive(this);
    }

    /// <summary>The cell of each feature, a new one for those never seen.</summary>
    /// <param name="features">Feature indices.</param>
    /// <param name="cells">Receives as many cells; must be at least as long.</param>
    public void FindOrAdd(ReadOnlySpan<uint> features, Span<int> cells)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cells.Length, features.Length);
        // Before the homes are computed, because growing moves them.
        if (features.Length > _limit - _hashed) Grow(features.Length);
        fixed (uint* feature = features)
        fixed (int* cell = cells) FindOrAdd(feature, cell, features.Length);
        GC.KeepAlive(this);
    }

    /// <summary>Writes all features in first-seen order; the feature of cell <c>c</c> goes to <c>target[c - 1]</c>.</summary>
    /// <param name="target">At least <see cref="Count"/> long.</param>
    public void CopyTo(Span<uint> target)
    {
        for (var feature = 0u; feature < _windowEnd; feature++)
            if (_window[feature] != 0) target[_window[feature] - 1] = feature;
        for (var i = 0; i < _length; i++)
        {
            var bucket = BucketAt(_buckets, i);
            for (var lane = 0; lane < Lanes && bucket[Lanes + lane] != 0; lane++)
                target[(int)bucket[Lanes + lane] - 1] = bucket[lane];
        }
        GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FindOrAdd(uint* feature, int* cell, nint count)
    {
        LocateHomes(feature, cell, count);
        var buckets = _buckets;
        var window = _window;
        var windowEnd = _windowEnd;
        for (nint k = 0; k < count; k++)
        {
            if (feature[k] < windowEnd)
            {
                var known = window[feature[k]];
                if (known == 0) window[feature[k]] = known = ++Count;
                cell[k] = known;
                continue;
            }
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
        var windowEnd = _windowEnd;
        for (nint k = 0; k < count; k++)
        {
            if (feature[k] < windowEnd) continue;
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
            _hashed++;
            return Count;
        }
    }

    private uint* Next(uint* bucket) => bucket + 2 * Lanes < _end ? bucket + 2 * Lanes : _buckets;

    private void Grow(int more)
    {
        var known = new uint[Count];
        CopyTo(known);
        Rebuild(known, more);
    }

    // Both tables anew, with room for more. In first-seen order: common features get the places nearest to their homes.
    private void Rebuild(ReadOnlySpan<uint> features, int more)
    {
        var end = DenseEnd(features, out var below);
        Allocate(end, (uint)((features.Length - below + more) * Growth / (MaxLoad * Lanes)) + FirstBuckets);
        // In slices small enough for their buckets to be in the cache when they are searched.
        const int slice = 64;
        var cells = stackalloc int[slice];
        fixed (uint* feature = features)
            for (var k = 0; k < features.Length; k += slice)
                FindOrAdd(feature + k, cells, Math.Min(slice, features.Length - k));
    }

    // The largest power of two below which a third of all numbers are features, and how many these are.
    private static uint DenseEnd(ReadOnlySpan<uint> features, out int below)
    {
        Span<int> counts = stackalloc int[33];
        counts.Clear();
        foreach (var feature in features) counts[32 - BitOperations.LeadingZeroCount(feature)]++;
        below = 0;
        var end = 0u;
        var seen = counts[0];
        for (var bits = 1; bits < 31; bits++)
        {
            seen += counts[bits];
            if ((long)seen * NumbersPerFeature < 1L << bits) continue;
            end = 1u << bits;
            below = seen;
        }
        return end;
    }

    [MemberNotNull(nameof(_memory), nameof(_windowMemory))]
    private void Allocate(uint windowEnd, uint buckets)
    {
        _windowMemory = new((int)windowEnd);
        _window = _windowMemory.Pointer;
        _windowEnd = windowEnd;
        _memory = new((int)buckets * 2 * Lanes);
        _buckets = _memory.Pointer;
        _end = _buckets + _memory.Length;
        _length = buckets;
        _limit = (int)(buckets * Lanes * MaxLoad);
        _hashed = 0;
        Count = 0;
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
