using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>The kinds <c>hoeffding-tree</c>, <c>hoeffding-adaptive-tree</c> and <c>extremely-fast-decision-tree</c>, of two classes and <c>-multi-class</c>; the algorithm is <see cref="ClassificationTree"/>.</summary>
public static class HoeffdingTree
{
    /// <summary>The kinds.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
        [.. Plain(3, Sooner), .. Adaptive(5, s => Sooner(s) with { RestartsLeaves = true, EndsTies = true }), .. Revisiting(3, Sooner)];

    /// <summary>
    /// Revisions that journals may still name. Until revision 2 (of adaptive trees 3) a leaf counted only its own rows when it asked whether it could be split, and every leaf waited for the rows that its gains
    /// would need; in revision 2 of adaptive trees leaves went on when their error rose, and until revision 4 alternates that were as good as what they would replace grew for ever.
    /// </summary>
    public static ImmutableArray<ModelKind> Earlier { get; } =
        [.. Plain(2, s => s), .. Adaptive(2, s => s), .. Adaptive(3, s => s with { RestartsLeaves = true }),
            .. Adaptive(4, s => Sooner(s) with { RestartsLeaves = true }), .. Revisiting(2, s => s)];

    private static TreeSettings Sooner(TreeSettings settings) => settings with { CountsEstimated = true, DearFrom = 100 };

    private static IEnumerable<ModelKind> Plain(int revision, Func<TreeSettings, TreeSettings> variant) =>
        Both("hoeffding-tree", revision, "A decision tree that grows as rows come: where features act together; rows from one distribution.",
            "Domingos and Hulten, KDD 2000, 71-80", variant);

    private static IEnumerable<ModelKind> Adaptive(int revision, Func<TreeSettings, TreeSettings> variant) =>
        Both("hoeffding-adaptive-tree", revision, "A Hoeffding tree that replaces the branches that got worse and begins leaves anew that did: where the world changes.",
            "Bifet and Gavaldà, IDA 2009, 249-260", s => variant(s) with { Adaptive = true });

    private static IEnumerable<ModelKind> Revisiting(int revision, Func<TreeSettings, TreeSettings> variant) =>
        Both("extremely-fast-decision-tree", revision, "A Hoeffding tree that splits as soon as that is better than nothing and replaces splits that prove worse than another: learns sooner, costs more.",
            "Manapragada, Webb and Salehi, KDD 2018, 1953-1962", s => variant(s) with { Revisits = true });

    private static TreeSettings Settings(ModelSpec spec) =>
        TreeSettings.From(spec).WithLeaf(spec.Values.Choice("leaf").Option);

    private static IEnumerable<ModelKind> Both(string name, int revision, string summary, string paper, Func<TreeSettings, TreeSettings> variant)
    {
        yield return new(name, revision, LearningTask.Binary, summary, paper, [TreeSettings.LeafParameter, .. TreeSettings.Parameters],
            spec => new TreeModel(spec, variant(Settings(spec)), new ClassLabels(LearningTask.Binary, 2)));
        yield return new(name + "-multi-class", revision, LearningTask.MultiClass, summary, paper, [TreeSettings.LeafParameter, .. TreeSettings.Parameters, ClassLabels.Limit],
            spec => new TreeModel(spec, variant(Settings(spec)), new ClassLabels(LearningTask.MultiClass, (int)spec.Values.Integer("max-classes"))));
    }
}

/// <summary>A single tree as a model.</summary>
internal sealed class TreeModel : IExplainable
{
    private readonly TreeSettings _settings;
    private readonly ClassLabels _labels;
    private readonly TreeScratch _scratch = new();
    private ClassificationTree _tree;
    private double[] _shares = new double[2];

    public TreeModel(ModelSpec spec, TreeSettings settings, ClassLabels labels)
    {
        (Spec, _settings, _labels) = (spec, settings, labels);
        _tree = new(settings, labels.AtStart, _scratch);
    }

    public ModelSpec Spec { get; }

    public int Outputs => _labels.Outputs(_tree.Classes);

    public void Predict(in Row row, Span<double> scores)
    {
        if (_shares.Length < _tree.Classes) _shares = new double[_tree.Classes];
        var shares = _shares.AsSpan(0, _tree.Classes);
        _scratch.Features.Open(row);
        _tree.Predict(row, shares);
        _labels.Write(shares, scores);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        var c = _labels.ClassOf(label);
        _scratch.Features.Open(row);
        _tree.Learn(row, c, weight);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (_shares.Length < _tree.Classes) _shares = new double[_tree.Classes];
        var shares = _shares.AsSpan(0, _tree.Classes);
        _scratch.Features.Open(row);
        _tree.PredictThenLearn(row, _labels.ClassOf(label), weight, shares);
        _labels.Write(shares, scores);
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(output);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(output, Outputs);
        explanation.Reset(ContributionUnit.Score);
        _scratch.Features.Open(row);
        _tree.Explain(row, _labels.ClassOfOutput(output), 1, explanation);
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
        _tree = ClassificationTree.Load(reader, _settings, _labels.AtStart, _labels.Most, _scratch);
    }
}
