using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// AdaGrad: each feature's rate falls with the root of the sum <c>n</c> of its squared gradients,
/// <c>n += g²; w -= rate / sqrt(n + epsilon) g</c> (Duchi, Hazan and Singer, JMLR 12, 2011; epsilon inside the root as in River).
/// </summary>
internal readonly struct AdaGrad<T>(double rate, double epsilon) : IRatedOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _rate = Vector128.Create(T.CreateTruncating(rate));
    private readonly Vector128<T> _epsilon = Vector128.Create(T.CreateTruncating(epsilon));

    public static string Name => "adagrad";

    public static int Width => 2;

    public void Begin(long rows) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third)
    {
        second += gradient * gradient;
        weight -= _rate * gradient / Vector128.Sqrt(second + _epsilon);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<T> Rate(Vector128<T> second) => _rate / Vector128.Sqrt(second + _epsilon);
}
