using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>The metrics that are a mean over rows, or the root of one.</summary>
internal sealed class MeanMetrics(Func<MetricObservation, double> of, bool root = false) : MetricStatistic
{
    private const double Smallest = 1e-15;
    private double _total;
    private double _sum;

    public static ImmutableArray<MetricKind> ProbabilityKinds { get; } =
    [
        Kind("log-loss", [LearningTask.Binary, LearningTask.MultiClass], "Mean of -ln(probability given to what happened), in nats, probabilities held to [1e-15, 1 - 1e-15]: confident mistakes cost most.",
            "Good, Journal of the Royal Statistical Society B 14 (1952), 107-114", LogLoss),
        Kind("brier", [LearningTask.Binary, LearningTask.MultiClass], "Mean squared distance of the probabilities from what happened: of class 1 for two classes (0 to 1), over all classes for many (0 to 2).",
            "Brier, Monthly Weather Review 78 (1950), 1-3", o => o.SquaredDistance),
    ];

    public static ImmutableArray<MetricKind> NumberKinds { get; } =
    [
        Kind("mae", [LearningTask.Regression], "Mean absolute error, in the labels' unit.", "Willmott and Matsuura, Climate Research 30 (2005), 79-82", o => Math.Abs(o.Score - o.Label)),
        Kind("rmse", [LearningTask.Regression], "Root of the mean squared error, in the labels' unit: large errors count most.", "Willmott and Matsuura, Climate Research 30 (2005), 79-82", o => o.SquaredDistance, root: true),
        Kind("smape", [LearningTask.Regression], "Mean of 2 |p - y| / (|p| + |y|), a row of two zeros counting 0: from 0 to 2, without a unit.", "Makridakis, International Journal of Forecasting 9 (1993), 527-529", Symmetric),
    ];

    public override double Value => !(_total > 0) ? double.NaN : root ? Math.Sqrt(_sum / _total) : _sum / _total;

    public override void Add(in MetricObservation row, double weight)
    {
        _total += weight;
        _sum += weight * of(row);
    }

    public override void Scale(double factor) => (_total, _sum) = (_total * factor, _sum * factor);

    public override void Merge(MetricStatistic other) => (_total, _sum) = (_total + ((MeanMetrics)other)._total, _sum + ((MeanMetrics)other)._sum);

    public override void Clear() => (_total, _sum) = (0, 0);

    public override void Save(StateWriter writer)
    {
        writer.Double(_total);
        writer.Double(_sum);
    }

    public override void Load(StateReader reader) => (_total, _sum) = (reader.Finite(), reader.Finite());

    private static MetricKind Kind(string name, ImmutableArray<LearningTask> tasks, string summary, string paper, Func<MetricObservation, double> of, bool root = false) =>
        new(name, tasks, higherIsBetter: false, summary, paper, [], (task, _) => new MeanMetrics(task == LearningTask.MultiClass || name != "log-loss" ? of : BinaryLogLoss, root));

    private static double LogLoss(MetricObservation o) => -DeterministicMath.Log(Math.Clamp(o.Score, Smallest, 1 - Smallest));

    private static double BinaryLogLoss(MetricObservation o) => -DeterministicMath.Log(Math.Clamp(o.Label > 0 ? o.Score : 1 - o.Score, Smallest, 1 - Smallest));

    private static double Symmetric(MetricObservation o) => o.Score == o.Label ? 0 : 2 * Math.Abs(o.Score - o.Label) / (Math.Abs(o.Score) + Math.Abs(o.Label));
}
