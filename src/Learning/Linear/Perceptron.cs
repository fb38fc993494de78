using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// The perceptron: a row on the wrong side, or on the boundary, is added to the weights
/// (Rosenblatt, "The Perceptron: A Probabilistic Model for Information Storage and Organization in the Brain", Psychological Review 65, 1958).
/// </summary>
public static class Perceptron
{
    /// <summary>The kind <c>perceptron</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "perceptron", 1, LearningTask.Binary,
        "Learns from mistakes alone, without a setting: a base line; noise makes it swing.",
        "Rosenblatt, Psychological Review 65 (1958), 386-408",
        [LinearParameters.Intercept, LinearParameters.Precision],
        spec => LinearParameters.IsSingle(spec)
            ? new LinearModel<float, Rule<float>>(spec, LinearParameters.HasIntercept(spec), new())
            : new LinearModel<double, Rule<double>>(spec, LinearParameters.HasIntercept(spec), new()));

    private struct Rule<T> : ILinearRule<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        private Vector128<T> _step;

        public static string Name => "perceptron";

        public static int Width => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Add(Vector128<T> x, Vector128<T> a, Vector128<T> b, Vector128<T> c, Vector128<T> d,
            ref Vector128<T> margin, ref Vector128<T> second, ref Vector128<T> third) => margin += a * x;

        public readonly double Score(in RowSums sums) => DeterministicMath.Sigmoid(sums.Margin);

        public bool Decide(in RowSums sums, double label, double weight)
        {
            var side = label > 0 ? 1 : -1;
            if (side * sums.Margin > 0) return false;
            _step = LinearLimits<T>.HoldStep(side * weight);
            return true;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Step(Vector128<T> x, ref Vector128<T> a, ref Vector128<T> b, ref Vector128<T> c, ref Vector128<T> d) => a += _step * x;

        public readonly void Save(StateWriter writer) { }

        public readonly void Load(StateReader reader) { }
    }
}
