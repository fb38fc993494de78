using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Elementary functions from additions, multiplications, divisions and bit manipulation alone, so that their results have
/// the same bits on every machine. (A C library picks its <c>exp</c> by the processor's features, and the bits differ.) Nothing is fused.
/// </summary>
/// <remarks>
/// Error against correctly rounded results, held by tests over millions of points: <see cref="Exp"/> and <see cref="Log"/>
/// at most 1 ulp, <see cref="Log1p"/> and <see cref="Softplus"/> at most 2 ulp, <see cref="Sigmoid"/> at most 3 ulp. Subnormal
/// results of <see cref="Exp"/> are rounded twice and may be one smallest number off.
/// </remarks>
public static class DeterministicMath
{
    // ln 2 in two parts: the upper has 32 significant bits, so its product with an exponent is exact.
    private const double Ln2High = 0.6931471803691238;
    private const double Ln2Low = 1.9082149292705877e-10;
    private const double InverseLn2 = 1.4426950408889634;

    // Adding 1.5 * 2^52 rounds to the nearest whole number and leaves it in the low bits.
    private const double Rounder = 6755399441055744.0;

    /// <summary>e to the power of <paramref name="x"/>; 0 below -745.14, infinite above 709.78, NaN for NaN.</summary>
    public static double Exp(double x)
    {
        if (!(Math.Abs(x) < 708)) return ExpAtTheEdges(x);
        var power = ExpReduced(x, out var k);
        return power * PowerOfTwo(k);
    }

    /// <summary>Natural logarithm; negative infinity for 0, NaN for negative numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Log(double x)
    {
        if (!(x >= 2.2250738585072014e-308 && x < double.PositiveInfinity))
        {
            if (x == 0) return double.NegativeInfinity;
            if (!(x > 0)) return double.NaN;
            if (double.IsPositiveInfinity(x)) return x;
            return Log(x * 18014398509481984.0) - (54 * Ln2High) - (54 * Ln2Low);
        }
        // x = 2^k m with m in [sqrt 1/2, sqrt 2).
        var bits = BitConverter.DoubleToInt64Bits(x);
        var k = (int)((bits - 0x3FE6A09E667F3BCDL) >> 52);
        var f = BitConverter.Int64BitsToDouble(bits - ((long)k << 52)) - 1;

        // ln(1 + f) = 2 artanh(s) with s = f / (2 + f), arranged so that f itself enters exactly: f - f²/2 + s (f²/2 + R).
        var s = f / (2 + f);
        var z = s * s;
        var z2 = z * z;
        var z4 = z2 * z2;
        var r = (2.0 / 3 + z * (2.0 / 5) + z2 * (2.0 / 7 + z * (2.0 / 9)))
            + z4 * ((2.0 / 11 + z * (2.0 / 13)) + z2 * (2.0 / 15 + z * (2.0 / 17)))
            + z4 * z4 * (2.0 / 19 + z * (2.0 / 21) + z2 * (2.0 / 23));
        var half = 0.5 * f * f;
        return k * Ln2High - ((half - (s * (half + z * r) + k * Ln2Low)) - f);
    }

    /// <summary>ln(1 + x), exact for small <paramref name="x"/> too; NaN below -1.</summary>
    public static double Log1p(double x)
    {
        var u = 1 + x;
        if (u == 1 || double.IsPositiveInfinity(x)) return x;
        // What 1 + x lost by rounding comes back through the derivative.
        var lost = Math.Abs(x) < 1 ? x - (u - 1) : 1 - (u - x);
        return u > 0 ? Log(u) + lost / u : Log(u);
    }

    /// <summary>1 / (1 + e^-x), without overflow; rises everywhere from 0 to 1.</summary>
    public static double Sigmoid(double x)
    {
        var e = Exp(-Math.Abs(x));
        var near = 1 / (1 + e);
        return x >= 0 ? near : e * near;
    }

    /// <summary>ln(1 + e^x), without overflow: the logistic loss at the margin -x.</summary>
    public static double Softplus(double x) => (x > 0 ? x : 0) + Log1p(Exp(-Math.Abs(x)));

    private static double ExpAtTheEdges(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x > 709.782712893384) return double.PositiveInfinity;
        if (x < -745.1332191019412) return 0;
        // Two factors, because 2^k alone is out of range here.
        var power = ExpReduced(x, out var k);
        return k > 0 ? power * PowerOfTwo(k - 1) * 2 : power * PowerOfTwo(k + 64) * PowerOfTwo(-64);
    }

    // e^x = 2^k e^r with |r| <= ln(2) / 2; e^r by its Taylor polynomial to r^13 (the rest is below 2^-57), in Estrin's order
    // because a row waits for it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double ExpReduced(double x, out int k)
    {
        var rounded = x * InverseLn2 + Rounder;
        k = (int)BitConverter.DoubleToInt64Bits(rounded);
        var n = rounded - Rounder;
        var high = x - n * Ln2High;
        var low = n * Ln2Low;
        var r = high - low;
        var rest = (high - r) - low;

        var r2 = r * r;
        var r4 = r2 * r2;
        var q = (1.0 / 2 + r * (1.0 / 6) + r2 * (1.0 / 24 + r * (1.0 / 120)))
            + r4 * ((1.0 / 720 + r * (1.0 / 5040)) + r2 * (1.0 / 40320 + r * (1.0 / 362880)))
            + r4 * r4 * ((1.0 / 3628800 + r * (1.0 / 39916800)) + r2 * (1.0 / 479001600 + r * (1.0 / 6227020800)));
        return 1 + (r + (rest + r2 * q));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double PowerOfTwo(int k) => BitConverter.Int64BitsToDouble((long)(k + 1023) << 52);
}
