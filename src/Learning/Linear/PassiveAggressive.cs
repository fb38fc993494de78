using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// Passive-aggressive I and II: nothing where the margin is 1 or more, else the smallest move that mends it, held back by
/// <c>c</c>: <c>w += y tau x</c> with <c>tau = min(c, loss / |x|²)</c> or <c>loss / (|x|² + 1 / (2c))</c>
/// (Crammer, Dekel, Keshet, Shalev-Shwartz and Singer, "Online Passive-Aggressive Algorithms", JMLR 7, 2006).
/// </summary>
public static class PassiveAggressive
{
    /// <summary>The kind <c>passive-aggressive</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "passive-aggressive", 1, LearningTask.Binary,
        "Moves as little as mends the row: quick to follow change; lower c where labels are noisy.",
        "Crammer et al., JMLR 7 (2006), 551-585",
        [
            new Parameter.Choice("variant", "i",
            [
                new Option("i", "The step is cut at c."),
                new Option("ii", "The step is softened by c."),
            ], "How c holds the step back."),
            new Parameter.Number("c", 0.01, 1e-9, 1e9, "Aggressiveness: the most that one row may move."),
            LinearParameters.Intercept, LinearParameters.Precision,
        ],
        spec => LinearParameters.IsSingle(spec)
            ? new LinearModel<float, Rule<float>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values))
            : new LinearModel<double, Rule<double>>(spec, LinearParameters.HasIntercept(spec), new(spec.Values)));

    private struct Rule<T>(ParameterValues values) : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private readonly double _c = values.Number("c");
        private readonly bool _cut = values.Choice("variant").Option == "i";
        private Vector128<T> _step;

        public static string Name => "passive-aggressive";

        public static int Width => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
            ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third)
        {
            margin += a * x;
            second += x * x;
        }

        public readonly double Score(in RowSums sums) => DeterministicMath.Sigmoid(sums.Margin);

        public bool Decide(in RowSums sums, double label, double weight)
        {
            var side = label > 0 ? 1 : -1;
            var loss = 1 - side * sums.Margin;
            if (loss <= 0) return false;
            // A row without a value that could move anything has the square 0.
            var step = !_cut ? loss / (sums.Second + 0.5 / _c) : sums.Second > 0 ? Math.Min(_c, loss / sums.Second) : 0;
            _step = LinearLimits<T>.HoldStep(side * weight * step);
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) => a += _step * x;

        public readonly void Save(StateWriter writer) { }

        public readonly void Load(StateReader reader) { }
    }
}
