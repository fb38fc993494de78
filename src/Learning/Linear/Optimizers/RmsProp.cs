using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// RMSProp: as AdaGrad with a fading mean of squares, so that rates do not die out: <c>n = rho n + (1 - rho) g²; w -= rate / sqrt(n + epsilon) g</c>
/// (Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012; epsilon inside the root as in River).
/// </summary>
internal readonly struct RmsProp<T>(double rate, double rho, double epsilon) : ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _rate = Vector128.Create(T.CreateTruncating(rate));
    private readonly Vector128<T> _rho = Vector128.Create(T.CreateTruncating(rho));
    private readonly Vector128<T> _rest = Vector128.Create(T.CreateTruncating(1 - rho));
    private readonly Vector128<T> _epsilon = Vector128.Create(T.CreateTruncating(epsilon));

    public static string Name => "rmsprop";

    public static int Width => 2;

    public void Begin(long rows) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third)
    {
        second = _rho * second + _rest * gradient * gradient;
        weight -= _rate / Vector128.Sqrt(second + _epsilon) * gradient;
    }
}
