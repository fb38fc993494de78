namespace StreamMLOps.Learning;

/// <summary>
/// Turns a detector's score into a flag: a row is flagged when its score is above a quantile of the newest scores. The score stays a score: it is
/// stretched so that the quantile is at 0.5. The quantile is exact, of a sliding window of scores in sorted order (order statistics as in Hyndman and Fan,
/// "Sample Quantiles in Statistical Packages", The American Statistician 50, 1996, definition 1).
/// </summary>
public static class QuantileThreshold
{
    /// <summary>The kind <c>quantile-threshold</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "quantile-threshold", 1, LearningTask.Anomaly,
        "Flags the rows that a detector finds most unusual: above 0.5 is a flag, for about a share 1 - quantile of the rows, whatever the detector's scores are.",
        "Hyndman and Fan, The American Statistician 50 (1996), 361-365",
        [
            new Parameter.Model("model", ConfigNode.Of(("algorithm", "half-space-trees")), "The detector.", LearningTask.Anomaly),
            new Parameter.Number("quantile", 0.99, 0, 1, "Share of the newest scores that is not flagged.", Open: true),
            new Parameter.Integer("window", 1_000, 1, 1_000_000, "Newest scores that the quantile is of."),
            new Parameter.Flag("protect", true, "The detector does not learn rows that are flagged."),
        ],
        spec => new QuantileThresholdModel(spec));
}

internal sealed class QuantileThresholdModel : IModel
{
    private readonly double _quantile;
    private readonly bool _protect;
    private readonly int _fewest;             // scores that the quantile needs to mean something
    private readonly double[] _scores;        // a ring
    private readonly double[] _sorted;
    private int _next;
    private int _count;
    private readonly IModel _inner;

    public QuantileThresholdModel(ModelSpec spec)
    {
        Spec = spec;
        _inner = spec.Values.Model("model").Create();
        if (_inner.Spec.Kind.Task != LearningTask.Anomaly) throw new ArgumentException($"{_inner.Spec.Kind.Name} is no detector of anomalies", nameof(spec));
        _quantile = spec.Values.Number("quantile");
        _protect = spec.Values.Flag("protect");
        _scores = new double[spec.Values.Integer("window")];
        _sorted = new double[_scores.Length];
        _fewest = (int)Math.Min(_scores.Length, Math.Ceiling(1 / Math.Min(_quantile, 1 - _quantile)));
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _inner.Features;

    public void Predict(in Row row, Span<double> scores)
    {
        _inner.Predict(row, scores);
        scores[0] = Stretch(scores[0]);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> score = stackalloc double[1];
        PredictThenLearn(row, label, weight, score);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        _inner.Predict(row, scores);
        var raw = scores[0];
        scores[0] = Stretch(raw);
        if (weight == 0) return;
        if (!(_protect && scores[0] > 0.5)) _inner.Learn(row, label, weight);
        Add(raw);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("quantile-threshold", 1);
        writer.Int32(_count);
        for (var i = 0; i < _count; i++) writer.Double(_scores[(_next - _count + i + _scores.Length) % _scores.Length]);
        _inner.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section("quantile-threshold", 1);
        var scores = new double[reader.Count32(_scores.Length)];
        foreach (ref var score in scores.AsSpan())
            if ((score = reader.Finite()) is < 0 or > 1) throw new StateFormatException($"a score is {score}: the bytes are damaged");
        _inner.Load(reader);
        (_next, _count) = (0, 0);
        foreach (var score in scores) Add(score);
    }

    // The quantile at 0.5, below and above it in proportion; a row is above 0.5 exactly where its score is above the quantile.
    private double Stretch(double score)
    {
        if (_count < _fewest) return Math.Min(0.5, score);
        var threshold = _sorted[Math.Max(0, (int)Math.Ceiling(_quantile * _count) - 1)];
        if (score <= threshold) return threshold > 0 ? Math.Min(0.5, 0.5 * (score / threshold)) : 0;
        return Math.Max(Math.BitIncrement(0.5), 0.5 + 0.5 * ((score - threshold) / (1 - threshold)));
    }

    private void Add(double score)
    {
        if (_count == _scores.Length) Remove(_scores[_next]);
        _scores[_next] = score;
        _next = (_next + 1) % _scores.Length;
        var at = _sorted.AsSpan(0, _count).BinarySearch(score);
        if (at < 0) at = ~at;
        _sorted.AsSpan(at, _count - at).CopyTo(_sorted.AsSpan(at + 1));
        _sorted[at] = score;
        _count++;
    }

    private void Remove(double score)
    {
        var at = _sorted.AsSpan(0, _count).BinarySearch(score);
        _sorted.AsSpan(at + 1, _count - at - 1).CopyTo(_sorted.AsSpan(at));
        _count--;
    }
}
