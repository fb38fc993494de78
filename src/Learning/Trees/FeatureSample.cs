using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// A random part of all features there are or will ever be: a feature belongs to it by a seeded hash of its index, so that features seen later belong to it
/// or not as if they had been there from the start.
/// </summary>
internal sealed class FeatureSample
{
    private uint[] _indices = new uint[64];
    private double[] _values = new double[64];

    /// <summary>The features of a row that belong to the sample; valid until the next call.</summary>
    public Row Of(in Row row, ulong salt, double share)
    {
        if (share >= 1) return row;
        if (row.Count > _indices.Length)
        {
            _indices = new uint[Math.Max(row.Count, _indices.Length * 2)];
            _values = new double[_indices.Length];
        }
        var limit = (ulong)(share * (1L << 53));
        var count = 0;
        for (var k = 0; k < row.Count; k++)
        {
            _indices[count] = row.Indices[k];
            _values[count] = row.Values[k];
            if (Hash(salt, row.Indices[k]) >> 11 < limit) count++;
        }
        return new Row(_indices.AsSpan(0, count), _values.AsSpan(0, count));
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
