using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>An optimizer that knows how far a gradient of 1 would move a weight now.</summary>
internal interface IRatedOptimizer<T> : ILinearOptimizer<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The rate of a few weights after a step.</summary>
    /// <param name="second">Their second numbers.</param>
    Vector128<T> Rate(Vector128<T> second);
}

/// <summary>
/// L1 by truncation: after each step of another optimizer a weight moves towards zero by its rate times l1, and not past it, <c>w = sign(w) max(0, |w| - l1 rate)</c>
/// (Langford, Li and Zhang, "Sparse Online Learning via Truncated Gradient", JMLR 10, 2009, with K = 1 and no threshold; with AdaGrad's rates, Duchi, Hazan and Singer, JMLR 12, 2011, section 5.1).
/// Only the weights of the row's features are pulled, so that a row costs what its non-zeros cost and nothing has to be caught up on: a weight stays away from zero where
/// the mean gradient over the rows that have its feature is larger than l1.
/// </summary>
internal struct TruncatedGradient<T, TOptimizer>(TOptimizer optimizer, double l1) : ILinearOptimizer<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TOptimizer : struct, IRatedOptimizer<T>
{
    private readonly Vector128<T> _l1 = Vector128.Create(T.CreateTruncating(l1));
    private TOptimizer _optimizer = optimizer;

    /// <summary>The other's: what is kept for a feature is the same.</summary>
    public static string Name => TOptimizer.Name;

    public static int Width => TOptimizer.Width;

    public static bool Shrinks => true;

    public void Begin(long rows) => _optimizer.Begin(rows);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> gradient, ref Vector128<T> weight, ref Vector128<T> second, ref Vector128<T> third)
    {
        _optimizer.Step(gradient, ref weight, ref second, ref third);
        var gravity = _l1 * _optimizer.Rate(second);
        var size = Vector128.Abs(weight);
        var sign = weight & Vector128.Create(T.NegativeZero);
        weight = Vector128.GreaterThan(size, gravity) & ((size - gravity) | sign);
    }
}
