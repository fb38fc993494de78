namespace StreamMLOps.Learning;

/// <summary>
/// Multinomial logistic regression: a margin <c>m_c = w_c·x + b_c</c> for each class, probabilities <c>e^{m_c} / sum e^{m_k}</c>, learned by the gradient
/// <c>(p_c - [y = c]) x</c> of the log loss (Böhning, "Multinomial Logistic Regression Algorithm", Annals of the Institute of Statistical
/// Mathematics 44, 1992). Classes, as features, appear at any time.
/// </summary>
public static class SoftmaxRegression
{
    /// <summary>The kind <c>softmax-regression</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "softmax-regression", 1, LearningTask.MultiClass,
        "Linear model of the log-odds of many classes: the first thing to try on sparse rows with more than two classes. Memory: features times classes.",
        "Böhning, Annals of the Institute of Statistical Mathematics 44 (1992), 197-200",
        [
            LinearOptimizers.AloneParameter("adagrad"), LinearOptimizers.L2, LinearParameters.Intercept, ClassLabels.Limit,
        ],
        spec => new SoftmaxModel(spec));
}

internal sealed class SoftmaxModel(ModelSpec spec) : IExplainable
{
    private const string SectionName = "softmax-regression";
    private readonly double _l2 = spec.Values.Number("l2");
    private readonly bool _intercept = LinearParameters.HasIntercept(spec);
    private readonly ClassLabels _labels = new(LearningTask.MultiClass, (int)spec.Values.Integer("max-classes"));
    private FeatureIndex _index = new();
    private WeightBlocks _weights = LinearOptimizers.CreateBlocks(spec.Values.Choice("optimizer"));
    private int _classes;
    private long _rows;
    private int[] _cells = new int[64];
    private double[] _slopes = [];       // by class
    private double[] _gradients = [];    // of one block

    public ModelSpec Spec => spec;

    public int Outputs => _classes;

    public long Features => _index.Count;

    public void Predict(in Row row, Span<double> scores)
    {
        if (_classes == 0) return;
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        Probabilities(cells, row, scores[.._classes]);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        var label_ = _labels.ClassOf(label);
        // A row of weight 0 was not there.
        if (weight == 0) return;
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        _classes = Math.Max(_classes, label_ + 1);
        Reserve();
        var slopes = _slopes.AsSpan(0, _classes);
        Probabilities(cells, row, slopes);
        slopes[label_]--;
        foreach (ref var slope in slopes) slope *= Math.Min(weight, WeightBlocks.Largest);

        _weights.Begin(_rows++);
        for (var k = 0; k < row.Count; k++) Step(cells[k], WeightBlocks.Hold(row.Values[k]), slopes, _l2);
        if (_intercept) Step(0, 1, slopes, 0);
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(output);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(output, _classes);
        explanation.Reset(ContributionUnit.Margin);
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        if (_intercept) explanation.Baseline = _weights[0][output];
        for (var k = 0; k < cells.Length; k++)
            explanation.Add(row.Indices[k], cells[k] == 0 ? 0 : _weights[cells[k]][output] * WeightBlocks.Hold(row.Values[k]));
    }

    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 1);
        writer.Int64(_rows);
        writer.Int32(_classes);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        _weights.Save(writer, _classes);
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new SoftmaxModel(spec);
        fresh.Read(reader);
        (_index, _weights, _classes, _rows, _slopes, _gradients) = (fresh._index, fresh._weights, fresh._classes, fresh._rows, fresh._slopes, fresh._gradients);
    }

    private void Read(StateReader reader)
    {
        reader.Section(SectionName, 1);
        _rows = reader.Count64();
        _classes = reader.Count32(_labels.Most);
        _index = FeatureIndex.Restore(reader.Array<uint>());
        _weights.Load(reader, _classes == 0 ? 0 : _index.Count + 1, _classes);
        if (_classes > 0) Reserve();
    }

    private void Step(int block, double value, ReadOnlySpan<double> slopes, double l2)
    {
        var weights = _weights[block];
        for (var c = 0; c < slopes.Length; c++) _gradients[c] = WeightBlocks.Hold(slopes[c] * value) + l2 * weights[c];
        _weights.Step(block, _gradients);
    }

    private void Probabilities(ReadOnlySpan<int> cells, in Row row, Span<double> scores)
    {
        scores.Clear();
        if (_intercept) _weights[0][..scores.Length].CopyTo(scores);
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0) continue;
            var value = WeightBlocks.Hold(row.Values[k]);
            var weights = _weights[cells[k]][..scores.Length];
            for (var c = 0; c < weights.Length; c++) scores[c] += weights[c] * value;
        }
        Learning.Probabilities.FromLogs(scores);
    }

    private void Reserve()
    {
        _weights.Reserve(_index.Count + 1, _classes);
        if (_slopes.Length < _weights.Size) (_slopes, _gradients) = (new double[_weights.Size], new double[_weights.Size]);
    }

    private Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
