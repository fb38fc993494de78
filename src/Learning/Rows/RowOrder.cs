using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>Orders keys by their upper 32 bits, keeping the order of equal ones.</summary>
internal static class RowOrder
{
    private const int Digits = 256;
    private const int WorthCounting = 64; // below, comparing is quicker than clearing and summing the counts

    /// <summary>Sorts <paramref name="keys"/>, whose lower halves ascend; <paramref name="scratch"/> is as long.</summary>
    public static void Sort(Span<ulong> keys, Span<ulong> scratch)
    {
        if (keys.Length < WorthCounting) keys.Sort();
        else Count(keys, scratch);
    }

    // Radix sort, least significant byte first; a byte that is the same in all keys costs no pass.
    [SkipLocalsInit]
    private static void Count(Span<ulong> keys, Span<ulong> scratch)
    {
        Span<int> counts = stackalloc int[4 * Digits];
        counts.Clear();
        foreach (var key in keys)
        {
            counts[(int)(key >> 32 & 0xff)]++;
            counts[Digits + (int)(key >> 40 & 0xff)]++;
            counts[2 * Digits + (int)(key >> 48 & 0xff)]++;
            counts[3 * Digits + (int)(key >> 56)]++;
        }
        var from = keys;
        var to = scratch;
        for (var digit = 0; digit < 4; digit++)
        {
            var starts = counts.Slice(digit * Digits, Digits);
            var shift = 32 + 8 * digit;
            if (starts[(int)(from[0] >> shift & 0xff)] == keys.Length) continue;
            var sum = 0;
            foreach (ref var start in starts) (start, sum) = (sum, sum + start);
            foreach (var key in from) to[starts[(int)(key >> shift & 0xff)]++] = key;
            var swap = from;
            from = to;
            to = swap;
        }
        if (from != keys) from.CopyTo(keys);
    }
}
