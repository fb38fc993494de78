using System.Globalization;
using System.Text;

namespace StreamMLOps.Tests;

/// <summary>A small seeded stream for specs, the same on every machine: sparse, learnable, with features that first appear late.</summary>
internal static class SyntheticRows
{
    /// <summary>Row <paramref name="n"/>: features by index, and whether it is positive.</summary>
    public static (SortedDictionary<uint, double> Features, bool Positive) Row(long n)
    {
        var state = (ulong)n * 0x9E3779B97F4A7C15 + 12345;
        ulong Next()
        {
            state ^= state << 13;
            state ^= state >> 7;
            return state ^= state << 17;
        }
        var positive = Next() % 3 == 0;
        var features = new SortedDictionary<uint, double>();
        for (var k = 0; k < 12; k++)
        {
            var index = (uint)(Next() % (ulong)(50 + n / 4)) * 2 + (positive && Next() % 4 != 0 ? 1u : 0u);
            features[index + 1] = Next() % 3 == 0 ? Math.Round(Next() % 1_000_000 / 1e6 + 1e-6, 6) : 1;
        }
        return (features, positive);
    }

    /// <summary>Rows [from, to) as svmlight lines.</summary>
    public static string SvmLight(long from, long to)
    {
        var text = new StringBuilder();
        for (var n = from; n < to; n++)
        {
            var (features, positive) = Row(n);
            text.Append(positive ? "+1" : "-1");
            foreach (var (index, value) in features) text.Append(CultureInfo.InvariantCulture, $" {index}:{value}");
            text.Append('\n');
        }
        return text.ToString();
    }
}
