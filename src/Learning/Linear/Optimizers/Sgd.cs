using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Stochastic gradient descent, <c>w -= rate g</c>, the rate constant or falling with the root of the rows learned
/// (Robbins and Monro, "A Stochastic Approximation Method", 1951; the schedule after Zinkevich, ICML 2003).
/// </summary>
internal struct Sgd<T>(double rate, bool decreasing) : IRatedOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private Vector128<T> _rate = Vector128.Create(T.CreateTruncating(rate));

    public static string Name => "sgd";

    public static int Width => 1;

    public void Begin(long rows)
    {
        if (decreasing) _rate = Vector128.Create(T.CreateTruncating(rate / Math.Sqrt(1.0 + rows)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third) =>
        weight -= _rate * gradient;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Vector128<T> Rate(Vector128<T> second) => _rate;
}
