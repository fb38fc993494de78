using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// A random part of all features there are or will ever be: a feature belongs to it by a seeded hash of its index, so that features seen later belong to it
/// or not as if they had been there from the start.
/// </summary>
internal sealed class FeatureSample
{
    private uint[] _indices = new uint[64];
    private double[] _values = new double[64];

    /// <summary>The features of a row that belong to the sample of a tree; valid until the next call.</summary>
    public Row Of(in Row row, ulong salt, double share)
    {
        if (share >= 1) return row;
        Reserve(row.Count);
        var limit = (ulong)(share * (1L << 53));
        var count = 0;
        for (var k = 0; k < row.Count; k++)
        {
            _indices[count] = row.Indices[k];
            _values[count] = row.Values[k];
            // One more where it is below, without a branch that nobody can foresee.
            count += (int)(((Hash(salt, row.Indices[k]) >> 11) - limit) >> 63);
        }
        return new Row(_indices.AsSpan(0, count), _values.AsSpan(0, count));
    }

    /// <summary>
    /// The same, much faster, for the many leaves that a row comes to: the row's hashes times an odd number of the leaf's, which is a universal hash (Dietzfelbinger et al., "A Reliable
    /// Randomized Algorithm for the Closest-Pair Problem", 1997).
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="hashes">A hash of each of its features.</param>
    /// <param name="salt">What makes the sample.</param>
    /// <param name="share">Share of features that belong to it.</param>
    public Row Of(in Row row, ReadOnlySpan<uint> hashes, ulong salt, double share)
    {
        if (share >= 1) return row;
        // Room for what is written beside the last.
        Reserve(row.Count + 1);
        var (factor, addend, limit) = ((uint)salt | 1, (uint)(salt >> 32), (uint)(share * 4294967296.0));
        ref var first = ref MemoryMarshal.GetReference(hashes);
        var count = 0;
        var k = 0;
        var (factors, addends, limits) = (Vector256.Create(factor), Vector256.Create(addend), Vector256.Create(limit));
        while (k + 8 <= row.Count)
        {
            // As many as have a bit each, then one after the other: the loop over a few of them would end unforeseen each time.
            var (start, chosen) = (k, 0UL);
            for (; k + 8 <= row.Count && k < start + 64; k += 8)
                chosen |= (ulong)Vector256.LessThan(Vector256.LoadUnsafe(ref first, (nuint)k) * factors + addends, limits).ExtractMostSignificantBits() << (k - start);
            for (; chosen != 0; chosen &= chosen - 1)
            {
                var at = start + BitOperations.TrailingZeroCount(chosen);
                _indices[count] = row.Indices[at];
                _values[count++] = row.Values[at];
            }
        }
        for (; k < row.Count; k++)
        {
            _indices[count] = row.Indices[k];
            _values[count] = row.Values[k];
            if (hashes[k] * factor + addend < limit) count++;
        }
        return new Row(_indices.AsSpan(0, count), _values.AsSpan(0, count));
    }

    private void Reserve(int count)
    {
        if (count <= _indices.Length) return;
        _indices = new uint[Math.Max(count, _indices.Length * 2)];
        _values = new double[_indices.Length];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Hash(ulong salt, uint feature)
    {
        var x = salt ^ feature * 0x9E3779B97F4A7C15UL;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
