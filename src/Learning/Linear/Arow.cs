using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// AROW: keeps a variance for each weight; a row with a margin below 1 moves uncertain weights most and makes them more certain,
/// <c>w += y (1 - m) / (v + r) sigma x</c>, <c>sigma -= sigma² x² / (v + r)</c>
/// (Crammer, Kulesza and Dredze, "Adaptive Regularization of Weight Vectors", NIPS 2009, diagonal).
/// </summary>
public static class Arow
{
    /// <summary>The kind <c>arow</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "arow", 1, LearningTask.Binary,
        "A confidence for each weight, robust to wrong labels: many rare features, few passes.",
        "Crammer, Kulesza and Dredze, NIPS 22 (2009), 414-422",
        [
            new Parameter.Number("r", 1, 1e-9, 1e9, "How slowly confidence grows: larger for noisier labels."),
            new Parameter.Number("variance", 1, 1e-9, 1e9, "Variance of a weight never seen."),
            LinearParameters.Intercept, LinearParameters.Precision,
        ],
        spec => LinearParameters.IsSingle(spec)
            ? new LinearModel<float, Rule<float>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values))
            : new LinearModel<double, Rule<double>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values)));

    private struct Rule<T>(ParameterValues values) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly double _r = values.Number("r");
        private readonly DiagonalGaussian<T> _weights = new(values.Number("variance"));
        private Vector128<T> _step;
        private Vector128<T> _shrink;

        public static string Name => "arow";

        public static int Width => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
            ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third) => _weights.Add(x, a, b, ref margin, ref second);

        public readonly double Score(in RowSums sums) => DeterministicMath.Sigmoid(sums.Margin);

        public bool Decide(in RowSums sums, double label, double weight)
        {
            var side = label > 0 ? 1 : -1;
            var loss = 1 - side * sums.Margin;
            if (loss <= 0 || weight == 0) return false;
            // A row of weight n counts as n observations: r / n is the variance of their mean.
            var beta = 1 / (sums.Second + _r / weight);
            _step = LinearLimits<T>.HoldStep(side * loss * beta);
            _shrink = LinearLimits<T>.HoldStep(beta);
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) =>
            _weights.Step(x, _step, _shrink, ref a, ref b);

        public readonly void Save(StateWriter writer) { }

        public readonly void Load(StateReader reader) { }
    }
}
