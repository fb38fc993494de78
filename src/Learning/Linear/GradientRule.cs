using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>Gradient descent on a loss, each weight moved by an optimizer that sees that weight's gradient alone.</summary>
internal struct GradientRule<T, TOptimizer>(RowGradient<T> gradient, TOptimizer optimizer) : ILinearRule<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TOptimizer : struct, ILinearOptimizer<T>
{
    private RowGradient<T> _gradient = gradient;
    private TOptimizer _optimizer = optimizer;

    public static string Name => TOptimizer.Name;

    public static int Width => TOptimizer.Width;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
        ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third) => margin += a * x;

    public readonly double Score(in RowSums sums) => _gradient.Score(sums.Margin);

    public bool Decide(in RowSums sums, double label, double weight)
    {
        _optimizer.Begin(_gradient.Rows);
        return _gradient.Take(sums.Margin, label, weight, TOptimizer.Shrinks);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) =>
        _optimizer.Step(_gradient.Of(x, a), ref a, ref b, ref c);

    public readonly void Save(StateWriter writer) => _gradient.Save(writer);

    public void Load(StateReader reader) => _gradient.Load(reader);
}
