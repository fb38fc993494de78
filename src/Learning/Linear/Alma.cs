using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// ALMA with the 2-norm: a perceptron that aims at a share of the largest possible margin, with steps and margin that shrink
/// with each update (Gentile, "A New Approximate Maximal Margin Classification Algorithm", JMLR 2, 2001). After a step only the row's
/// features are scaled back to the unit ball, as in River, rather than all.
/// </summary>
public static class Alma
{
    /// <summary>The kind <c>alma</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "alma", 1, LearningTask.Binary,
        "Approximate maximal margin: robust defaults on dense, scaled features, where it follows change closely.",
        "Gentile, JMLR 2 (2001), 213-242",
        [
            new Parameter.Number("alpha", 0.9, 1e-6, 1, "Share of the largest margin that is given up: the margin aimed at is 1 - alpha of it."),
            new Parameter.Number("b", 1 / 0.9, 1e-9, 1e9, "Scale of the margin."),
            new Parameter.Number("c", 1.4142135623730951, 1e-9, 1e9, "Scale of the steps."),
            LinearParameters.Precision,
        ],
        spec => LinearParameters.IsSingle(spec)
            ? new LinearModel<float, Rule<float>>(spec, false, new(spec.Values))
            : new LinearModel<double, Rule<double>>(spec, false, new(spec.Values)));

    private struct Rule<T>(ParameterValues values) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly double _share = 1 - values.Number("alpha");
        private readonly double _b = values.Number("b");
        private readonly double _c = values.Number("c");
        private long _updates;
        private double _square;     // |w|²
        private Vector128<T> _step;
        private Vector128<T> _norm;

        public static string Name => "alma";

        public static int Width => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
            ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third)
        {
            margin += a * x;
            second += x * x;
            third += a * a;
        }

        public readonly double Score(in RowSums sums) => DeterministicMath.Sigmoid(sums.Margin);

        public bool Decide(in RowSums sums, double label, double weight)
        {
            var side = label > 0 ? 1 : -1;
            var root = Math.Sqrt(_updates + 1.0);
            if (weight == 0 || side * sums.Margin >= _share * (_b / root)) return false;

            // The row's part of |w|² after the step, and after it is scaled back: the rest of w need not be read.
            var step = Math.Clamp(side * weight * (_c / root), -LinearLimits<T>.Step, LinearLimits<T>.Step);
            var moved = Math.Max(0, sums.Third + 2 * step * sums.Margin + step * step * sums.Second);
            var rest = Math.Max(0, _square - sums.Third);
            var norm = Math.Max(1, Math.Sqrt(rest + moved));
            _square = rest + moved / (norm * norm);
            _updates++;
            _step = LinearLimits<T>.HoldStep(step);
            _norm = Vector128.Create(T.CreateTruncating(norm));
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) => a = (a + _step * x) / _norm;

        public readonly void Save(StateWriter writer)
        {
            writer.Int64(_updates);
            writer.Double(_square);
        }

        public void Load(StateReader reader)
        {
            _updates = reader.Count64();
            _square = reader.Finite();
        }
    }
}
