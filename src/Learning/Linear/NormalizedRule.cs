using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Normalized adaptive gradient (NAG), what Vowpal Wabbit does without being asked: AdaGrad that learns each feature's scale <c>s</c> as it goes, so that
/// the units of features do not matter. A larger scale shrinks the weight, <c>w *= s / |x|</c>; then <c>G += g²</c> and
/// <c>w -= rate sqrt(t / N) g / (s sqrt(G))</c> with <c>N</c> the sum of <c>x² / s²</c> (Ross, Mineiro and Langford, "Normalized Online Learning", UAI 2013, algorithm 2).
/// </summary>
internal struct NormalizedRule<T>(RowGradient<T> gradient, double rate) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private RowGradient<T> _gradient = gradient;
    private double _squares;         // N
    private Vector128<T> _rate;

    public static string Name => "normalized";

    public static int Width => 3;    // w, s, G

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
        ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third)
    {
        var scale = Vector128.Max(b, Vector128.Abs(x));
        // A feature without a scale has value 0 and weight 0.
        var some = Vector128.GreaterThan(scale, Vector128<T>.Zero);
        margin += some & (a * (b / scale) * x);
        var ratio = some & (x / scale);
        second += ratio * ratio;
    }

    public readonly double Score(in RowSums sums) => _gradient.Score(sums.Margin);

    public bool Decide(in RowSums sums, double label, double weight)
    {
        if (!_gradient.Take(sums.Margin, label, weight)) return false;
        _squares += sums.Second;
        _rate = LinearLimits<T>.HoldStep(_squares > 0 ? rate * Math.Sqrt(_gradient.Rows / _squares) : 0);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d)
    {
        var scale = Vector128.Max(b, Vector128.Abs(x));
        var some = Vector128.GreaterThan(scale, Vector128<T>.Zero);
        a = some & (a * (b / scale));
        b = scale;
        var g = _gradient.Of(x, a);
        c += g * g;
        var moves = some & Vector128.GreaterThan(c, Vector128<T>.Zero);
        a -= moves & (_rate * (g / Vector128.Sqrt(c)) / scale);
    }

    public readonly void Save(StateWriter writer)
    {
        _gradient.Save(writer);
        writer.Double(_squares);
    }

    public void Load(StateReader reader)
    {
        _gradient.Load(reader);
        _squares = reader.Finite();
    }
}
