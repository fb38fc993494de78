using System.IO.Hashing;

namespace StreamMLOps.Pipeline;

/// <summary>
/// How the name of a feature becomes its index, in training and in serving alike: the decimal digits of an index are that index;
/// any other name keeps its text, and its index is the lower half of the name's 64-bit XXH3 hash with seed 0.
/// </summary>
public static class FeatureName
{
    /// <summary>The index of a name.</summary>
    /// <param name="name">The name in UTF-8.</param>
    /// <param name="isIndex">Whether the name says nothing but the index: digits without a leading zero, below 2^32.</param>
    public static uint IndexOf(ReadOnlySpan<byte> name, out bool isIndex)
    {
        isIndex = TryDigits(name, out var index);
        return isIndex ? index : (uint)XxHash3.HashToUInt64(name);
    }

    private static bool TryDigits(ReadOnlySpan<byte> name, out uint index)
    {
        index = 0;
        if (name.Length is 0 or > 10 || (name[0] == '0' && name.Length > 1)) return false;
        var value = 0ul;
        foreach (var c in name)
        {
            if (c is < (byte)'0' or > (byte)'9') return false;
            value = value * 10 + (uint)(c - '0');
        }
        index = (uint)value;
        return value <= uint.MaxValue;
    }
}
