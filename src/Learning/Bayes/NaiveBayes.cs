using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// Naive Bayes: features are independent within a class. Counts of features that appear at any time, no setting that matters much, and nothing to
/// tune: <c>P(c | x) ~ P(c) prod P(x_f | c)</c>. The four descriptions of features are in <see cref="MultinomialLikelihood"/> and <see cref="PresenceLikelihood"/>.
/// </summary>
public static class NaiveBayes
{
    /// <summary>The kinds <c>gaussian-</c>, <c>bernoulli-</c>, <c>multinomial-</c> and <c>complement-naive-bayes</c>, each of two classes and <c>-multi-class</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        .. Both("gaussian", 2, "Values of each feature normal within a class, zero a value of its own: dense numbers, a quick base line.",
            "John and Langley, UAI 1995, 338-345", 1, p => new PresenceLikelihood(p.Number("alpha"), gaussian: true)),
        .. Both("bernoulli", 2, "Features there or not there: short texts, sets of flags.",
            "McCallum and Nigam, AAAI-98 workshop on text categorization", 1, p => new PresenceLikelihood(p.Number("alpha"), gaussian: false)),
        .. Both("multinomial", 1, "Counts of features, as of words in a text; negative values count as 0.",
            "McCallum and Nigam, AAAI-98 workshop on text categorization", 1, p => new MultinomialLikelihood(p.Number("alpha"), complement: false)),
        .. Both("complement", 1, "As multinomial, each class described by the rows of the others: classes of unequal size.",
            "Rennie, Shih, Teevan and Karger, ICML 2003, 616-623", 1, p => new MultinomialLikelihood(p.Number("alpha"), complement: true)),
    ];

    private static IEnumerable<ModelKind> Both(string features, int revision, string summary, string paper, double alpha, Func<ParameterValues, FeatureLikelihood> likelihood)
    {
        var smoothing = new Parameter.Number("alpha", alpha, 1e-9, 1e9, "Added to every count: what a feature never seen in a class is worth.");
        yield return new($"{features}-naive-bayes", revision, LearningTask.Binary, summary, paper, [smoothing],
            spec => new NaiveBayesModel(spec, likelihood(spec.Values), new ClassLabels(LearningTask.Binary, 2)));
        yield return new($"{features}-naive-bayes-multi-class", revision, LearningTask.MultiClass, summary, paper, [smoothing, ClassLabels.Limit],
            spec => new NaiveBayesModel(spec, likelihood(spec.Values), new ClassLabels(LearningTask.MultiClass, (int)spec.Values.Integer("max-classes"))));
    }
}

/// <summary>The model, for one description of features.</summary>
internal sealed class NaiveBayesModel(ModelSpec spec, FeatureLikelihood likelihood, ClassLabels labels) : IModel
{
    private FeatureIndex _index = new();
    private double[] _rows = new double[2];     // by class
    private double[] _logs = new double[2];
    private int[] _cells = new int[64];
    private int[] _seen = new int[64];
    private int _classes = labels.AtStart;

    public ModelSpec Spec => spec;

    public int Outputs => labels.Outputs(_classes);

    public long Features => _index.Count;

    public void Predict(in Row row, Span<double> scores)
    {
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        Predict(row, cells, _index.Count, scores);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight == 0) return;
        var c = labels.ClassOf(label);
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Learn(row, cells, c, weight);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (weight == 0)
        {
            Predict(row, scores);
            return;
        }
        RowPrefetch.Values(row);
        var c = labels.ClassOf(label);
        var known = _index.Count;
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        if (_index.Count == known)
        {
            Predict(row, cells, known, scores);
            Learn(row, cells, c, weight);
            return;
        }
        // To the prediction, features that are new are none.
        var seen = _seen.Length < row.Count ? (_seen = new int[Math.Max(row.Count, 2 * _seen.Length)]).AsSpan(0, row.Count) : _seen.AsSpan(0, row.Count);
        for (var k = 0; k < cells.Length; k++) seen[k] = cells[k] <= known ? cells[k] : 0;
        Predict(row, seen, known, scores);
        Learn(row, cells, c, weight);
    }

    private void Predict(in Row row, ReadOnlySpan<int> cells, int features, Span<double> scores)
    {
        var logs = _logs.AsSpan(0, _classes);
        var all = 0.0;
        foreach (var rows in _rows) all += rows;
        // One row more of each class: a class never seen is possible.
        for (var c = 0; c < _classes; c++) logs[c] = (_rows[c] + 1) / (all + _classes);
        DeterministicLogs.InPlace(logs);
        likelihood.AddLogs(cells, row.Values, features, logs);
        Probabilities.FromLogs(logs);
        labels.Write(logs, scores);
    }

    private void Learn(in Row row, ReadOnlySpan<int> cells, int label, double weight)
    {
        weight = Math.Min(weight, FeatureLikelihood.LargestWeight);
        _classes = Math.Max(_classes, label + 1);
        Reserve();
        _rows[label] += weight;
        likelihood.Learn(cells, row.Values, _index.Count, label, weight);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("naive-bayes", 1);
        writer.Int32(_classes);
        for (var c = 0; c < _classes; c++) writer.Double(_rows[c]);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        likelihood.Save(writer, _classes, features.Length);
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = (NaiveBayesModel)spec.Create();
        fresh.Read(reader);
        (_index, _rows, _logs, _classes, likelihood) = (fresh._index, fresh._rows, fresh._logs, fresh._classes, fresh.Likelihood);
    }

    private FeatureLikelihood Likelihood => likelihood;

    private void Read(StateReader reader)
    {
        reader.Section("naive-bayes", 1);
        _classes = reader.Count32(labels.Most);
        if (_classes < labels.AtStart) throw new StateFormatException($"{_classes} classes: the bytes are damaged");
        Reserve();
        for (var c = 0; c < _classes; c++)
            if (!((_rows[c] = reader.Finite()) >= 0)) throw new StateFormatException($"a class has {_rows[c]} rows: the bytes are damaged");
        _index = FeatureIndex.Restore(reader.Array<uint>());
        Reserve();
        likelihood.Load(reader, _classes, _index.Count);
    }

    private void Reserve()
    {
        if (_classes > _rows.Length)
        {
            Array.Resize(ref _rows, Math.Max(_classes, _rows.Length * 2));
            Array.Resize(ref _logs, _rows.Length);
        }
        likelihood.Reserve(_classes, _index.Count);
    }

    private Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
