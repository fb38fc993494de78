namespace StreamMLOps.Learning;

/// <summary>The largest of many counts, by a radix search for the smallest of them: linear in their number, whatever they are.</summary>
internal static class LargestCounts
{
    private const int DigitBits = 8, Digits = 1 << DigitBits;

    /// <summary>Finds the largest counts; of equal ones the first.</summary>
    /// <param name="counts">Counts, not negative and not NaN.</param>
    /// <param name="most">How many to find at most.</param>
    /// <param name="places">Receives their places, from 1, ascending; at least as long as the counts.</param>
    /// <returns>How many were found.</returns>
    public static int Find(ReadOnlySpan<double> counts, int most, Span<int> places)
    {
        if (most <= 0) return 0;
        var smallest = 0UL;
        var ofSmallest = counts.Length;     // how many of those equal to the smallest belong to the largest
        if (most < counts.Length) (smallest, ofSmallest) = Smallest(counts, most);
        var found = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            // Bits of numbers that are not negative order as the numbers do.
            var bits = BitConverter.DoubleToUInt64Bits(counts[i]);
            if (bits < smallest || (bits == smallest && ofSmallest-- <= 0)) continue;
            places[found++] = i + 1;
        }
        return found;
    }

    private static (ulong Bits, int Equal) Smallest(ReadOnlySpan<double> counts, int most)
    {
        Span<int> numbers = stackalloc int[Digits];
        var (known, mask) = (0UL, 0UL);
        for (var shift = 64 - DigitBits; shift >= 0; shift -= DigitBits)
        {
            numbers.Clear();
            foreach (var count in counts)
            {
                var bits = BitConverter.DoubleToUInt64Bits(count);
                if ((bits & mask) == known) numbers[(int)(bits >> shift) & (Digits - 1)]++;
            }
            var digit = Digits - 1;
            for (; numbers[digit] < most; digit--) most -= numbers[digit];
            known |= (ulong)digit << shift;
            mask |= (ulong)(Digits - 1) << shift;
        }
        return (known, most);
    }
}
