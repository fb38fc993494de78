using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// FTRL-proximal with L1 and L2: <c>sigma = (sqrt(n + g²) - sqrt(n)) / alpha; z += g - sigma w; n += g²</c>, and the weight
/// is <c>-(z - sign(z) l1) / ((beta + sqrt(n)) / alpha + l2)</c>, or 0 where <c>|z| &lt;= l1</c> (McMahan et al., "Ad Click Prediction: a View
/// from the Trenches", KDD 2013, algorithm 1). Delayed, a row's weights are those made by the row before its last, which is River's rule.
/// </summary>
internal readonly struct FollowTheRegularizedLeader<T>(double alpha, double beta, double l1, double l2, bool delayed)
    : ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _alpha = Vector128.Create(T.CreateTruncating(alpha));
    private readonly Vector128<T> _beta = Vector128.Create(T.CreateTruncating(beta));
    private readonly Vector128<T> _l1 = Vector128.Create(T.CreateTruncating(l1));
    private readonly Vector128<T> _l2 = Vector128.Create(T.CreateTruncating(l2));

    public static string Name => "ftrl";

    public static int Width => 3;

    public void Begin(long rows) { }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> z, ref Vector128<T> n)
    {
        var root = Vector128.Sqrt(n);
        if (delayed) weight = Weight(z, root);
        n += gradient * gradient;
        var newRoot = Vector128.Sqrt(n);
        z += gradient - (newRoot - root) / _alpha * weight;
        if (!delayed) weight = Weight(z, newRoot);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<T> Weight(Vector128<T> z, Vector128<T> root)
    {
        var size = Vector128.Abs(z);
        var sign = z & Vector128.Create(T.NegativeZero);
        var shrunk = (size - _l1) | sign;
        var curvature = (_beta + root) / _alpha + _l2;
        // A gradient so small that its square is 0 leaves the curvature 0 when beta and l2 are: no step then.
        var moves = Vector128.GreaterThan(size, _l1) & Vector128.GreaterThan(curvature, Vector128<T>.Zero);
        return moves & (-shrunk / curvature);
    }
}
