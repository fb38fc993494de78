using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Momentum: <c>v = rho v + rate g; w -= v</c> (Polyak, "Some Methods of Speeding Up the Convergence of Iteration Methods", 1964). A feature's
/// velocity changes only in rows that have the feature.
/// </summary>
internal readonly struct Momentum<T>(double rate, double rho) : ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _rate = Vector128.Create(T.CreateTruncating(rate));
    private readonly Vector128<T> _rho = Vector128.Create(T.CreateTruncating(rho));

    public static string Name => "momentum";

    public static int Width => 2;

    public void Begin(long rows) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third)
    {
        second = _rho * second + _rate * gradient;
        weight -= second;
    }
}
