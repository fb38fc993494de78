using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>What all nodes and trees need of one row, worked out once: the value of a feature by its index, and a hash of each feature from which samples are drawn.</summary>
internal sealed class RowFeatures
{
    private const int Few = 16;                 // searched one by one
    private uint[] _indices = new uint[64];
    private double[] _values = new double[64];
    private uint[] _hashes = new uint[64];
    private int[] _table = new int[256];        // by hash: a place in the row, from 1; 0 is free; at most a quarter full
    private int _mask = 255;
    private int _count;

    /// <summary>A hash of each of the row's features.</summary>
    public ReadOnlySpan<uint> Hashes => _hashes.AsSpan(0, _count);

    /// <summary>A hash of a feature: all of its bits matter to all bits of the hash.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Hash(uint feature)
    {
        var x = feature * 0x9E3779B1u;
        x = (x ^ (x >> 15)) * 0x85EBCA77u;
        return x ^ (x >> 13);
    }

    /// <summary>Takes a row; it is asked about until the next.</summary>
    public void Open(in Row row)
    {
        _count = row.Count;
        if (_count > _indices.Length)
        {
            var length = Math.Max(_count, 2 * _indices.Length);
            (_indices, _values, _hashes) = (new uint[length], new double[length], new uint[length]);
        }
        row.Indices.CopyTo(_indices);
        row.Values.CopyTo(_values);
        for (var k = 0; k < _count; k++) _hashes[k] = Hash(_indices[k]);
        if (_count <= Few) return;
        while (4 * _count > _table.Length) _table = new int[2 * _table.Length];
        _mask = _table.Length - 1;
        Array.Clear(_table);
        for (var k = 0; k < _count; k++)
        {
            var place = (int)_hashes[k] & _mask;
            while (_table[place] != 0) place = (place + 1) & _mask;
            _table[place] = k + 1;
        }
    }

    /// <summary>The value of a feature, 0 where the row does not have it.</summary>
    public double Value(uint feature)
    {
        if (_count <= Few)
        {
            for (var k = 0; k < _count; k++)
                if (_indices[k] == feature) return _values[k];
            return 0;
        }
        for (var place = (int)Hash(feature) & _mask; _table[place] != 0; place = (place + 1) & _mask)
            if (_indices[_table[place] - 1] == feature) return _values[_table[place] - 1];
        return 0;
    }
}
