using System.Numerics;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// The largest numbers that the linear rules let in, far beyond any that mean something: with them no product or sum of squares over the
/// longest row overflows, so that a state stays finite whatever the rows are.
/// </summary>
internal static class LinearLimits<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Of a feature's value.</summary>
    public static T Value { get; } = T.CreateTruncating(typeof(T) == typeof(float) ? Math.ScaleB(1, 40) : Math.ScaleB(1, 100));

    /// <summary>Of a weight.</summary>
    public static T Weight { get; } = T.CreateTruncating(typeof(T) == typeof(float) ? Math.ScaleB(1, 60) : Math.ScaleB(1, 120));

    /// <summary>Of a gradient: squared and summed for ever it stays finite, because the sum stops growing by rounding.</summary>
    public static T Gradient { get; } = T.CreateTruncating(typeof(T) == typeof(float) ? Math.ScaleB(1, 50) : Math.ScaleB(1, 100));

    /// <summary>Of a step.</summary>
    public static double Step => 1L << 50;

    /// <summary>A step held to its limit, in every lane.</summary>
    public static Vector128<T> HoldStep(double step) => Vector128.Create(T.CreateTruncating(Math.Clamp(step, -Step, Step)));
}
