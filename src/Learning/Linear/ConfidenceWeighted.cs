using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Confidence-weighted learning and its soft variants: the weights are a Gaussian, and a row moves it as little as makes the row right
/// with a chosen probability. <c>hard</c> enforces that (Crammer, Dredze and Pereira, "Exact Convex Confidence-Weighted Learning", NIPS 2008), <c>soft-i</c> and
/// <c>soft-ii</c> trade it against a penalty, so that wrong labels do less harm (Wang, Zhao and Hoi, "Exact Soft Confidence-Weighted Learning",
/// ICML 2012). Variances are diagonal.
/// </summary>
public static class ConfidenceWeighted
{
    private static readonly Parameter Phi = new Parameter.Number("phi", 0.5, 1e-6, 10,
        "Standard deviations that the margin must be above 0: 0.5 is a probability of 0.69, 1 of 0.84, 1.28 of 0.9.");
    private static readonly Parameter Variance = new Parameter.Number("variance", 1, 1e-9, 1e9, "Variance of a weight never seen.");

    /// <summary>The kind <c>confidence-weighted</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "confidence-weighted", 1, LearningTask.Binary,
        "Makes every row right with a chosen probability: learns fastest where labels have no noise, and only there.",
        "Crammer, Dredze and Pereira, NIPS 21 (2008), 345-352",
        [Phi, Variance, LinearParameters.Intercept, LinearParameters.Precision],
        spec => Create(spec, Softness.Hard, 1));

    /// <summary>The kind <c>soft-confidence-weighted</c>.</summary>
    public static ModelKind SoftKind { get; } = new(
        "soft-confidence-weighted", 1, LearningTask.Binary,
        "Confidence-weighted learning with a penalty instead of a rule: as quick, and bears wrong labels.",
        "Wang, Zhao and Hoi, ICML 2012, 107-114",
        [
            new Parameter.Choice("variant", "i",
            [
                new Option("i", "The penalty is linear: the step is cut at c."),
                new Option("ii", "The penalty is quadratic: the step is softened by c."),
            ], "How a row that stays wrong is penalized."),
            new Parameter.Number("c", 0.1, 1e-9, 1e9, "Weight of the penalty: smaller for noisier labels."),
            Phi, Variance, LinearParameters.Intercept, LinearParameters.Precision,
        ],
        spec => Create(spec, spec.Values.Choice("variant").Option == "i" ? Softness.Linear : Softness.Quadratic, spec.Values.Number("c")));

    private enum Softness
    {
        Hard,
        Linear,
        Quadratic,
    }

    private static IModel Create(ModelSpec spec, Softness softness, double c) => LinearParameters.IsSingle(spec)
        ? new LinearModel<float, Rule<float>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values, softness, c))
        : new LinearModel<double, Rule<double>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values, softness, c));

    private struct Rule<T>(ParameterValues values, Softness softness, double limit) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private const double LargestAlpha = 1e12;
        private readonly double _phi = values.Number("phi");
        private readonly DiagonalGaussian<T> _weights = new(values.Number("variance"));
        private Vector128<T> _step;
        private Vector128<T> _shrink;

        public static string Name => "confidence-weighted";

        public static int Width => 2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
            ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third) => _weights.Add(x, a, b, ref margin, ref second);

        public readonly double Score(in RowSums sums) => DeterministicMath.Sigmoid(sums.Margin);

        public bool Decide(in RowSums sums, double label, double weight)
        {
            var side = label > 0 ? 1 : -1;
            var m = side * sums.Margin;
            var v = sums.Second;
            if (!(v > 0) || m >= _phi * Math.Sqrt(v)) return false;

            var alpha = Math.Min(weight * Alpha(m, v), LargestAlpha);
            if (!(alpha > 0)) return false;
            var spread = (-alpha * v * _phi + Math.Sqrt(alpha * alpha * v * v * _phi * _phi + 4 * v)) / 2;
            _step = LinearLimits<T>.HoldStep(side * alpha);
            _shrink = LinearLimits<T>.HoldStep(alpha * _phi / (spread + v * alpha * _phi));
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) =>
            _weights.Step(x, _step, _shrink, ref a, ref b);

        public readonly void Save(StateWriter writer) { }

        public readonly void Load(StateReader reader) { }

        // The papers' closed forms: proposition 1 of the soft paper, which is the hard one where there is no limit, and proposition 2.
        private readonly double Alpha(double m, double v)
        {
            var phi2 = _phi * _phi;
            if (softness == Softness.Quadratic)
            {
                var n = v + 0.5 / limit;
                var root = _phi * Math.Sqrt(phi2 * m * m * v * v + 4 * n * v * (n + v * phi2));
                return (-(2 * m * n + phi2 * m * v) + root) / (2 * (n * n + n * v * phi2));
            }
            var alpha = (-m * (1 + phi2 / 2) + Math.Sqrt(m * m * phi2 * phi2 / 4 + v * phi2 * (1 + phi2))) / (v * (1 + phi2));
            return softness == Softness.Linear ? Math.Min(limit, alpha) : alpha;
        }
    }
}
