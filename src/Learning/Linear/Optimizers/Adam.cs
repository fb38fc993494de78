using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Adam: fading means of gradients and of their squares, both corrected for their start at 0
/// (Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; epsilon beside the root as in River). A feature's means change only in rows that have the feature.
/// </summary>
internal struct Adam<T>(double rate, double beta1, double beta2, double epsilon) : ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double _log1 = DeterministicMath.Log(beta1);
    private readonly double _log2 = DeterministicMath.Log(beta2);
    private readonly Vector128<T> _beta1 = Vector128.Create(T.CreateTruncating(beta1));
    private readonly Vector128<T> _rest1 = Vector128.Create(T.CreateTruncating(1 - beta1));
    private readonly Vector128<T> _beta2 = Vector128.Create(T.CreateTruncating(beta2));
    private readonly Vector128<T> _rest2 = Vector128.Create(T.CreateTruncating(1 - beta2));
    private readonly Vector128<T> _epsilon = Vector128.Create(T.CreateTruncating(epsilon));
    private Vector128<T> _rate;

    public static string Name => "adam";

    public static int Width => 3;

    public void Begin(long rows) => _rate = Vector128.Create(T.CreateTruncating(
        rate * Math.Sqrt(1 - DeterministicMath.Exp((rows + 1) * _log2)) / (1 - DeterministicMath.Exp((rows + 1) * _log1))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third)
    {
        second = _beta1 * second + _rest1 * gradient;
        third = _beta2 * third + _rest2 * gradient * gradient;
        weight -= _rate * second / (Vector128.Sqrt(third) + _epsilon);
    }
}
