namespace StreamMLOps.Learning;

/// <summary>The kind <c>hoeffding-regression-tree</c>; the algorithm is <see cref="RegressionTree"/>.</summary>
public static class HoeffdingRegressionTree
{
    /// <summary>The kind.</summary>
    public static ModelKind Kind { get; } = Of(2, RegressionAnswer.Adaptive);

    /// <summary>The revision that journals may still name: in revision 1 an adaptive leaf had one linear model.</summary>
    public static ModelKind Earlier { get; } = Of(1, RegressionAnswer.MeanOrLinear);

    private static ModelKind Of(int revision, RegressionAnswer adaptive) => new(
        "hoeffding-regression-tree", revision, LearningTask.Regression,
        "A tree that grows as rows come and answers with numbers, by leaves with means or linear models: where features act together; rows from one distribution.",
        "Ikonomovska, Gama and Džeroski, Data Mining and Knowledge Discovery 23 (2011), 128-168",
        [LeafParameter, .. Parameters], spec => new RegressionTreeModel(spec, AnswerOf(spec, adaptive)));

    /// <summary>What the leaves answer.</summary>
    internal static Parameter LeafParameter => new Parameter.Choice("leaf", "adaptive",
    [
        new Option("mean", "The mean label."),
        new Option("linear", "A linear model, which goes on from that of the leaf that was split."),
        new Option("adaptive", "Whichever erred least of late: the mean, the linear model, or one that steps at a constant rate, as is right for labels that go on rising and features of like scale."),
    ], "What a leaf answers.");

    /// <summary>The parameters of a tree that naive Bayes has no part in.</summary>
    internal static IEnumerable<Parameter> Parameters => TreeSettings.Parameters.Where(p => p.Name != "features");

    internal static RegressionAnswer AnswerOf(ModelSpec spec, RegressionAnswer adaptive) => spec.Values.Choice("leaf").Option switch
    {
        "mean" => RegressionAnswer.Mean,
        "linear" => RegressionAnswer.Linear,
        _ => adaptive,
    };
}

/// <summary>A single regression tree as a model.</summary>
internal sealed class RegressionTreeModel : IExplainable
{
    private readonly TreeSettings _settings;
    private readonly RegressionAnswer _answer;
    private readonly TreeScratch _scratch = new();
    private RegressionTree _tree;

    public RegressionTreeModel(ModelSpec spec, RegressionAnswer answer)
    {
        (Spec, _settings, _answer) = (spec, TreeSettings.From(spec), answer);
        _tree = new(_settings, _answer, _scratch);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public void Predict(in Row row, Span<double> scores)
    {
        _scratch.Features.Open(row);
        scores[0] = _tree.Predict(row);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        _scratch.Features.Open(row);
        _tree.PredictThenLearn(row, label, weight);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        _scratch.Features.Open(row);
        scores[0] = _tree.PredictThenLearn(row, label, weight);
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output, 0);
        explanation.Reset(ContributionUnit.Score);
        _scratch.Features.Open(row);
        _tree.Explain(row, 1, explanation);
        explanation.Merge();
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, 1);
        _tree.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section(Spec.Kind.Name, 1);
        _tree = RegressionTree.Load(reader, _settings, _answer, _scratch);
    }
}
