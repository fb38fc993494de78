using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>Natural logarithms of many numbers at once: <see cref="DeterministicMath.Log"/> in four lanes, operation by operation, so that each has the bits that it has alone.</summary>
internal static class DeterministicLogs
{
    private const double Ln2High = 0.6931471803691238;
    private const double Ln2Low = 1.9082149292705877e-10;

    /// <summary>Replaces each number by its logarithm.</summary>
    public static void InPlace(Span<double> numbers)
    {
        var i = 0;
        ref var first = ref MemoryMarshal.GetReference(numbers);
        for (; i + 4 <= numbers.Length; i += 4)
        {
            var x = Vector256.LoadUnsafe(ref first, (nuint)i);
            // What is not a normal positive number goes its own way.
            var normal = Vector256.GreaterThanOrEqual(x, Vector256.Create(2.2250738585072014e-308)) & Vector256.LessThan(x, Vector256.Create(double.PositiveInfinity));
            if (normal.AsUInt64() == Vector256<ulong>.AllBitsSet) Normal(x).StoreUnsafe(ref first, (nuint)i);
            else for (var lane = i; lane < i + 4; lane++) numbers[lane] = DeterministicMath.Log(numbers[lane]);
        }
        // Two or three are as many as four.
        if (i + 2 <= numbers.Length)
        {
            var x = Vector256.Create(numbers[i], numbers[i + 1], i + 2 < numbers.Length ? numbers[i + 2] : 1, 1);
            var normal = Vector256.GreaterThanOrEqual(x, Vector256.Create(2.2250738585072014e-308)) & Vector256.LessThan(x, Vector256.Create(double.PositiveInfinity));
            if (normal.AsUInt64() == Vector256<ulong>.AllBitsSet)
            {
                x = Normal(x);
                for (var lane = 0; i < numbers.Length; i++, lane++) numbers[i] = x.GetElement(lane);
            }
        }
        for (; i < numbers.Length; i++) numbers[i] = DeterministicMath.Log(numbers[i]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Normal(Vector256<double> x)
    {
        // x = 2^k m; k is biased by 1024, so that an unsigned shift finds it, and becomes a double in the low bits of 2^52.
        var bits = x.AsUInt64();
        var biased = Vector256.ShiftRightLogical(bits + Vector256.Create((1024UL << 52) - 0x3FE6A09E667F3BCDUL), 52);
        var k = (biased | Vector256.Create(0x4330000000000000UL)).AsDouble() - Vector256.Create(4503599627370496.0 + 1024);
        var f = (bits - (Vector256.ShiftLeft(biased, 52) - Vector256.Create(1024UL << 52))).AsDouble() - Vector256<double>.One;

        var s = f / (Vector256.Create(2.0) + f);
        var z = s * s;
        var z2 = z * z;
        var z4 = z2 * z2;
        var r = (Of(2.0 / 3) + z * Of(2.0 / 5) + z2 * (Of(2.0 / 7) + z * Of(2.0 / 9)))
            + z4 * ((Of(2.0 / 11) + z * Of(2.0 / 13)) + z2 * (Of(2.0 / 15) + z * Of(2.0 / 17)))
            + z4 * z4 * (Of(2.0 / 19) + z * Of(2.0 / 21) + z2 * Of(2.0 / 23));
        var half = Of(0.5) * f * f;
        return k * Of(Ln2High) - ((half - (s * (half + z * r) + k * Of(Ln2Low))) - f);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Of(double number) => Vector256.Create(number);
}
