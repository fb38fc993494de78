using System.IO.Hashing;

namespace StreamMLOps.Learning;

/// <summary>
/// The row under construction of a batch, for featurizers of texts: features by name, whose index is the lower half of the name's 64-bit XXH3 hash. A name is
/// cut at <see cref="MaxNameBytes"/>; features beyond <see cref="RowBatch.MaxFeatures"/> are left out.
/// </summary>
/// <param name="rows">Where the row is.</param>
public sealed class NamedFeatures(RowBatch rows)
{
    /// <summary>Longest name in bytes.</summary>
    public const int MaxNameBytes = 1_024;

    private readonly byte[] _name = new byte[MaxNameBytes];
    private int _count;

    /// <summary>Starts a row.</summary>
    public void BeginRow()
    {
        rows.BeginRow();
        _count = 0;
    }

    /// <summary>Adds a feature with the name of both parts, ASCII letters of the second in lower case.</summary>
    public void Add(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> token, double value)
    {
        prefix.CopyTo(_name);
        var length = Math.Min(token.Length, MaxNameBytes - prefix.Length);
        for (var i = 0; i < length; i++) _name[prefix.Length + i] = token[i] is var c and >= (byte)'A' and <= (byte)'Z' ? (byte)(c | 0x20) : token[i];
        var name = _name.AsSpan(0, prefix.Length + length);
        Add((uint)XxHash3.HashToUInt64(name), value, name);
    }

    /// <summary>Adds a feature as it is.</summary>
    public void Add(uint index, double value, ReadOnlySpan<byte> name)
    {
        if (_count++ < RowBatch.MaxFeatures) rows.Add(index, value, name);
    }

    /// <summary>Finishes the row.</summary>
    /// <exception cref="InvalidOperationException">A value is not finite.</exception>
    public void EndRow(double label)
    {
        var fault = rows.TryEndRow(label);
        if (fault != RowFault.None) throw new InvalidOperationException($"the row is not canonical: {fault}");
    }
}
