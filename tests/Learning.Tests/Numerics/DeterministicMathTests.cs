namespace StreamMLOps.Learning.Tests.Numerics;

public class DeterministicMathTests
{
    [Fact]
    public void Exp_is_within_one_ulp_and_a_rounding_of_the_library()
    {
        foreach (var x in Points(-708, 708)) Close(Math.Exp(x), DeterministicMath.Exp(x), 2, x);
        foreach (var x in Points(-1, 1)) Close(Math.Exp(x), DeterministicMath.Exp(x), 2, x);
    }

    [Fact]
    public void Exp_at_the_edges_is_zero_subnormal_infinite_or_nan()
    {
        Assert.Equal(1, DeterministicMath.Exp(0));
        Assert.Equal(0, DeterministicMath.Exp(-746));
        Assert.Equal(0, DeterministicMath.Exp(double.NegativeInfinity));
        Assert.Equal(double.PositiveInfinity, DeterministicMath.Exp(709.79));
        Assert.True(double.IsNaN(DeterministicMath.Exp(double.NaN)));
        Close(Math.Exp(709.7), DeterministicMath.Exp(709.7), 2, 709.7);
        foreach (var x in Points(-745.1, -708)) Assert.True(Math.Abs(Math.Exp(x) - DeterministicMath.Exp(x)) <= 2 * double.Epsilon + Math.Exp(x) * 3e-16, $"{x:R}");
    }

    [Fact]
    public void Log_is_within_one_ulp_and_a_rounding_of_the_library()
    {
        foreach (var x in Points(0.5, 2)) Close(Math.Log(x), DeterministicMath.Log(x), 2, x);
        foreach (var e in Points(-700, 700)) Close(Math.Log(Math.Exp(e)), DeterministicMath.Log(Math.Exp(e)), 2, Math.Exp(e));
        foreach (var x in Points(1e-320, 2e-308)) Close(Math.Log(x), DeterministicMath.Log(x), 2, x);
    }

    [Fact]
    public void Log_at_the_edges_is_infinite_or_nan()
    {
        Assert.Equal(0, DeterministicMath.Log(1));
        Assert.Equal(double.NegativeInfinity, DeterministicMath.Log(0));
        Assert.Equal(double.PositiveInfinity, DeterministicMath.Log(double.PositiveInfinity));
        Assert.True(double.IsNaN(DeterministicMath.Log(-1)));
        Assert.True(double.IsNaN(DeterministicMath.Log(double.NaN)));
    }

    [Fact]
    public void Log1p_and_softplus_keep_their_digits_where_one_plus_x_would_lose_them()
    {
        foreach (var e in Points(-40, 0))
        {
            // ln(1 + x) = 2 artanh(x / (2 + x)), whose series is exact enough for small x and needs no library function.
            var x = Math.Exp(e) * 0.01;
            var s = x / (2 + x);
            var series = 2 * s * (1 + s * s * (1.0 / 3 + s * s * (1.0 / 5 + s * s * (1.0 / 7 + s * s / 9))));
            Close(series, DeterministicMath.Log1p(x), 4, x);
        }
        Assert.Equal(1e-20, DeterministicMath.Log1p(1e-20));
        Assert.Equal(double.NegativeInfinity, DeterministicMath.Log1p(-1));
        Assert.Equal(1000, DeterministicMath.Softplus(1000));
        Assert.Equal(DeterministicMath.Exp(-50), DeterministicMath.Softplus(-50));
        Close(Math.Log(2), DeterministicMath.Softplus(0), 1, 0);
    }

    [Fact]
    public void Sigmoid_rises_from_zero_to_one_and_is_symmetric_at_the_tie()
    {
        Assert.Equal(0.5, DeterministicMath.Sigmoid(0));
        Assert.Equal(0, DeterministicMath.Sigmoid(double.NegativeInfinity));
        Assert.Equal(1, DeterministicMath.Sigmoid(double.PositiveInfinity));
        foreach (var x in Points(-700, 40)) Close(1 / (1 + Math.Exp(-x)), DeterministicMath.Sigmoid(x), 4, x);

        // Steps far below what changes the result most near saturation, where rounding could turn the curve back.
        foreach (var from in new[] { -40.0, -37.5, -1e-3, 30, 36, 36.7 })
        {
            var last = DeterministicMath.Sigmoid(from);
            for (var i = 1; i < 20_000; i++)
            {
                var next = DeterministicMath.Sigmoid(from + i * 1e-5);
                Assert.True(next >= last, $"sigmoid falls at {from + i * 1e-5:R}");
                last = next;
            }
        }
    }

    private static IEnumerable<double> Points(double low, double high)
    {
        const int count = 300_000;
        var random = new Random(3);
        for (var i = 0; i < count; i++) yield return low + (high - low) * random.NextDouble();
    }

    // The library itself may be half a unit off, or one where it was not rounded correctly.
    private static void Close(double expected, double actual, long units, double x) =>
        Assert.True(Math.Abs(BitConverter.DoubleToInt64Bits(expected) - BitConverter.DoubleToInt64Bits(actual)) <= units, $"at {x:R}: {expected:R} but {actual:R}");
}
