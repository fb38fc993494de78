using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// A classifier whose rows weigh by their class: by fixed weights, or so that all classes weigh alike, by their fading shares of the rows (the class sizes
/// of Wang, Minku and Yao, "Resampling-Based Ensemble Methods for Online Class Imbalance Learning", IEEE TKDE 27, 2015; weights for rare events as in King
/// and Zeng, "Logistic Regression in Rare Events Data", Political Analysis 9, 2001). Probabilities are then those of the weighted rows.
/// </summary>
public static class ClassWeighted
{
    /// <summary>The kinds <c>class-weighted</c> (two classes) and <c>class-weighted-multi-class</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("class-weighted", LearningTask.Binary, "logistic-regression", "Gives rows of a rare or costly class more weight, for any classifier of two classes.",
        [
            new Parameter.Choice("weights", "balanced",
            [
                Balanced,
                new Option("fixed", "A weight for each class.",
                    new Parameter.Number("positive", 1, 0, 1e6, "Of rows above 0."),
                    new Parameter.Number("negative", 1, 0, 1e6, "Of the others.")),
            ], "How much a row weighs."),
        ]),
        Kind("class-weighted-multi-class", LearningTask.MultiClass, "softmax-regression", "Gives rows of rare classes more weight, for any classifier of many classes.",
            [new Parameter.Choice("weights", "balanced", [Balanced], "How much a row weighs."), ClassLabels.Limit]),
    ];

    private static Option Balanced => new("balanced", "All classes weigh alike: 1 / (classes times the class's share).",
        new Parameter.Number("fading", 0.9999, 0, 1, "What remains of the counts of classes at each row."),
        new Parameter.Number("most", 100, 1, 1e6, "The largest weight, of a class hardly ever seen."));

    private static ModelKind Kind(string name, LearningTask task, string algorithm, string summary, ImmutableArray<Parameter> parameters) => new(
        name, 1, task, summary, "King and Zeng, Political Analysis 9 (2001), 137-163; Wang, Minku and Yao, IEEE TKDE 27 (2015), 1356-1368",
        [new Parameter.Model("model", ConfigNode.Of(("algorithm", algorithm)), "The classifier.", task), .. parameters],
        spec => spec.Values.Model("model").Create() is IExplainable ? new ExplainableClassWeightedModel(spec) : new ClassWeightedModel(spec));
}

internal class ClassWeightedModel : IModel
{
    private readonly ClassLabels _labels;
    private readonly double[]? _fixed;     // of the negative and the positive class
    private readonly double _fading;
    private readonly double _most;
    private double[] _counts;              // fading, by class

    public ClassWeightedModel(ModelSpec spec)
    {
        Spec = spec;
        Inner = spec.Values.Model("model").Create();
        var task = spec.Kind.Task;
        _labels = new(task, task == LearningTask.MultiClass ? (int)spec.Values.Integer("max-classes") : 2);
        _counts = new double[_labels.AtStart];
        var (option, values) = spec.Values.Choice("weights");
        if (option == "fixed") _fixed = [values.Number("negative"), values.Number("positive")];
        else (_fading, _most) = (values.Number("fading"), values.Number("most"));
    }

    public ModelSpec Spec { get; }

    protected IModel Inner { get; }

    public int Outputs => Inner.Outputs;

    public long Features => Inner.Features;

    public void Predict(in Row row, Span<double> scores) => Inner.Predict(row, scores);

    public void Learn(in Row row, double label, double weight = 1) => Inner.Learn(row, label, Weigh(label, weight));

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores) => Inner.PredictThenLearn(row, label, Weigh(label, weight), scores);

    public void Save(StateWriter writer)
    {
        writer.Section("class-weighted", 1);
        writer.Array<double>(_counts);
        Inner.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section("class-weighted", 1);
        var counts = reader.Array<double>();
        if (counts.Length < _labels.AtStart || counts.Length > _labels.Most) throw new StateFormatException($"{counts.Length} classes: the bytes are damaged");
        foreach (var count in counts)
            if (!(count >= 0 && double.IsFinite(count))) throw new StateFormatException($"a class has {count} rows: the bytes are damaged");
        Inner.Load(reader);
        _counts = counts;
    }

    private double Weigh(double label, double weight)
    {
        var c = _labels.ClassOf(label);
        if (_fixed is not null) return Hold(weight * _fixed[c]);
        if (weight == 0) return 0;
        if (c >= _counts.Length) Array.Resize(ref _counts, c + 1);
        double all = 0, classes = 0;
        for (var k = 0; k < _counts.Length; k++)
        {
            _counts[k] = _fading * _counts[k] + (k == c ? 1 : 0);
            all += _counts[k];
            if (_counts[k] > 0) classes++;
        }
        return Hold(weight * Math.Min(_most, all / (classes * _counts[c])));
    }

    private static double Hold(double weight) => Math.Min(weight, double.MaxValue);
}

/// <summary>A weighted classifier that explains itself: weights matter to learning alone.</summary>
internal sealed class ExplainableClassWeightedModel(ModelSpec spec) : ClassWeightedModel(spec), IExplainable
{
    public void Explain(in Row row, int output, Explanation explanation) => ((IExplainable)Inner).Explain(row, output, explanation);
}
