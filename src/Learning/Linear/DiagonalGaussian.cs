using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Weights with a variance each, for the confidence-weighted family. What is kept is <c>q = 1 / sigma - 1 / sigma0</c>, which only grows:
/// 0 for a feature never seen, and nothing is lost where the variance gets small.
/// </summary>
internal readonly struct DiagonalGaussian<T>(double variance) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _inverse = Vector128.Create(T.CreateTruncating(1 / variance));
    private readonly Vector128<T> _least = Vector128.Create(T.CreateTruncating(Math.ScaleB(1, -20)));
    private readonly Vector128<T> _most = Vector128.Create(T.CreateTruncating(Math.ScaleB(1, 60)));

    /// <summary>Adds to margin <c>w·x</c> and variance <c>sum of sigma x²</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(Vector128<T> x, Vector128<T> w, Vector128<T> q, ref Vector128<T> margin, ref Vector128<T> variance)
    {
        margin += w * x;
        variance += x * x / (_inverse + q);
    }

    /// <summary><c>w += step sigma x</c>, then <c>sigma -= shrink sigma² x²</c>: the diagonal of the papers' full update.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> x, Vector128<T> step, Vector128<T> shrink, ref Vector128<T> w, ref Vector128<T> q)
    {
        var inverse = _inverse + q;
        w += step * x / inverse;
        // What is left of the variance lies above 0, but rounding may take it there.
        var left = Vector128.Max(Vector128<T>.One - shrink * x * x / inverse, _least);
        q = Vector128.Min(inverse / left - _inverse, _most);
    }
}
