using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Coin betting (COCOB): each weight is a bet whose size follows from what was won so far, so that there is no rate to choose:
/// <c>w = theta / (L max(G + L, alpha L)) (L + R)</c> with <c>theta</c> the negated sum of gradients, <c>L</c> the largest,
/// <c>G</c> the sum of their sizes and <c>R</c> what was won (Orabona and Tommasi, "Training Deep Networks without Learning Rates Through Coin Betting", NIPS 2017, algorithm 2).
/// </summary>
internal struct CoinBettingRule<T>(RowGradient<T> gradient, double alpha) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Vector128<T> _alpha = Vector128.Create(T.CreateTruncating(alpha));
    private RowGradient<T> _gradient = gradient;

    public static string Name => "coin";

    public static int Width => 4;    // theta, L, G, R

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
        ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third) => margin += Weight(a, b, c, d) * x;

    public readonly double Score(in RowSums sums) => _gradient.Score(sums.Margin);

    public bool Decide(in RowSums sums, double label, double weight) => _gradient.Take(sums.Margin, label, weight);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d)
    {
        var w = Weight(a, b, c, d);
        var g = _gradient.Of(x, w);
        var size = Vector128.Abs(g);
        d = Vector128.Min(Vector128.Max(d - w * g, Vector128<T>.Zero), Vector128.Create(LinearLimits<T>.Weight));
        b = Vector128.Max(b, size);
        c += size;
        a -= g;
    }

    public readonly void Save(StateWriter writer) => _gradient.Save(writer);

    public void Load(StateReader reader) => _gradient.Load(reader);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Vector128<T> Weight(Vector128<T> theta, Vector128<T> largest, Vector128<T> sum, Vector128<T> won)
    {
        var bet = theta / Vector128.Max(sum + largest, _alpha * largest);
        var wealth = Vector128.Min(Vector128<T>.One + won / largest, Vector128.Create(LinearLimits<T>.Weight));
        return Vector128.GreaterThan(largest, Vector128<T>.Zero) & (bet * wealth);
    }
}
