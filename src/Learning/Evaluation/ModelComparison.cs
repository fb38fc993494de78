namespace StreamMLOps.Learning;

/// <summary>
/// Several models over one pass of the same rows, each asked before it is told, and whether their differences are more than chance: McNemar's test of
/// which rows each answers rightly, and the sign test of which loses less on a row.
/// </summary>
public sealed class ModelComparison
{
    private const double Smallest = 1e-15;
    private readonly LearningTask _task;
    private readonly IModel[] _models;
    private readonly Metric[][] _metrics;
    private readonly bool[] _right;
    private readonly double[] _losses;
    private readonly long[,] _rightAlone;    // rows that the first answers rightly and the second does not
    private readonly long[,] _losesLess;
    private double[] _scores = new double[1];

    /// <summary>Starts with untrained models.</summary>
    /// <param name="specs">The models, of one task: two classes, many, or a number.</param>
    /// <param name="metrics">Names of metrics, see <see cref="MetricRegistry"/>.</param>
    /// <exception cref="ArgumentException">The models answer different questions, or have no labels to be compared by.</exception>
    public ModelComparison(IReadOnlyList<ModelSpec> specs, params IReadOnlyList<string> metrics)
    {
        if (specs.Count == 0 || specs.Any(s => s.Kind.Task != specs[0].Kind.Task)) throw new ArgumentException("models of one task are compared", nameof(specs));
        _task = specs[0].Kind.Task;
        if (_task is LearningTask.Anomaly or LearningTask.Clustering) throw new ArgumentException("models that need no labels are not compared by them", nameof(specs));
        Specs = specs;
        _models = [.. specs.Select(s => s.Create())];
        _metrics = [.. specs.Select(_ => metrics.Select(name => MetricRegistry.Create(name, _task)).ToArray())];
        _right = new bool[specs.Count];
        _losses = new double[specs.Count];
        _rightAlone = new long[specs.Count, specs.Count];
        _losesLess = new long[specs.Count, specs.Count];
    }

    /// <summary>What is compared.</summary>
    public IReadOnlyList<ModelSpec> Specs { get; }

    /// <summary>Rows compared.</summary>
    public long Rows { get; private set; }

    /// <summary>The metrics of a model.</summary>
    public IReadOnlyList<Metric> MetricsOf(int model) => _metrics[model];

    /// <summary>Asks and then teaches every model; a row without a label (NaN) is passed over.</summary>
    public void Learn(in Row row, double label)
    {
        if (double.IsNaN(label)) return;
        for (var m = 0; m < _models.Length; m++)
        {
            var model = _models[m];
            if (_scores.Length < model.Outputs) _scores = new double[2 * model.Outputs];
            var scores = _scores.AsSpan(0, model.Outputs);
            model.PredictThenLearn(row, label, 1, scores);
            foreach (var metric in _metrics[m]) metric.Update(label, scores);
            var observed = MetricObservation.Of(_task, label, scores, 1);
            (_right[m], _losses[m]) = (observed.Label == observed.Answer, Loss(observed));
        }
        for (var a = 0; a < _models.Length; a++)
        {
            for (var b = 0; b < _models.Length; b++)
            {
                if (_right[a] && !_right[b]) _rightAlone[a, b]++;
                if (_losses[a] < _losses[b]) _losesLess[a, b]++;
            }
        }
        Rows++;
    }

    /// <summary>
    /// Whether one model answers more rows rightly than the other: of the rows that only one has right (McNemar, "Note on the Sampling Error of the Difference
    /// Between Correlated Proportions or Percentages", Psychometrika 12, 1947). Rows are taken for independent, as everybody does; where labels come in runs, p is too small.
    /// </summary>
    /// <exception cref="InvalidOperationException">The models predict a number.</exception>
    public PairedTest McNemar(int first, int second) => _task == LearningTask.Regression
        ? throw new InvalidOperationException("a number is not right or wrong: use the sign test")
        : PairedTest.Of(_rightAlone[first, second], _rightAlone[second, first]);

    /// <summary>
    /// Whether one model loses less than the other more often than not, log loss of classes and absolute error of numbers; rows where both lose alike say nothing
    /// (Dixon and Mood, "The Statistical Sign Test", Journal of the American Statistical Association 41, 1946).
    /// </summary>
    public PairedTest Sign(int first, int second) => PairedTest.Of(_losesLess[first, second], _losesLess[second, first]);

    private double Loss(in MetricObservation row)
    {
        if (_task == LearningTask.Regression) return Math.Abs(row.Score - row.Label);
        var probability = _task == LearningTask.Binary && row.Label == 0 ? 1 - row.Score : row.Score;
        // The order is all that matters: no logarithm needed.
        return -Math.Clamp(probability, Smallest, 1 - Smallest);
    }
}

/// <summary>A paired test of two models.</summary>
/// <param name="FirstBetter">Rows on which the first was better.</param>
/// <param name="SecondBetter">Rows on which the second was better.</param>
/// <param name="PValue">Chance of so uneven counts, or more uneven ones, if both were equally good; two-sided.</param>
public readonly record struct PairedTest(long FirstBetter, long SecondBetter, double PValue)
{
    private const long MostExact = 1_000;

    internal static PairedTest Of(long first, long second) => new(first, second, TwoSided(first, second));

    // Of a fair coin: exactly for few throws, else by the normal distribution with a correction for continuity.
    private static double TwoSided(long first, long second)
    {
        var (n, fewer) = (first + second, Math.Min(first, second));
        if (2 * fewer >= n - 1) return 1;
        if (n > MostExact) return Math.Min(1, 2 * NormalDistribution.Below((2 * fewer + 1 - n) / Math.Sqrt(n)));
        var logarithm = -n * 0.6931471805599453;
        var sum = DeterministicMath.Exp(logarithm);
        for (var k = 1L; k <= fewer; k++)
        {
            logarithm += DeterministicMath.Log((double)(n - k + 1) / k);
            sum += DeterministicMath.Exp(logarithm);
        }
        return Math.Min(1, 2 * sum);
    }
}
