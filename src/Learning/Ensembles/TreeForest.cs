using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>How a forest makes its trees differ and what it does when one gets worse.</summary>
internal sealed record ForestPolicy
{
    /// <summary>Mean of the Poisson weights that rows get in each tree.</summary>
    public required double Lambda { get; init; }

    /// <summary>Share of all features that a tree sees at all (random patches).</summary>
    public double TreeShare { get; init; } = 1;

    /// <summary>Share of a tree's features that each leaf considers (random forest).</summary>
    public double LeafShare { get; init; } = 1;

    /// <summary>Features of a long row that each leaf considers about.</summary>
    public double LongRow { get; init; } = 24;

    /// <summary>Whether all trees share one naive Bayes over all rows.</summary>
    public bool SharedBayes { get; init; }

    /// <summary>Whether there is one over all rows beside those of the trees, where each tree sees a part of the features: every one is told what it says of these.</summary>
    public bool SharedByPatches { get; init; }

    /// <summary>Whether the forest also answers with models over all rows that are no trees: <see cref="EnsembleExperts"/>.</summary>
    public bool Experts { get; init; }

    /// <summary>Whether a tree is replaced when its error rises.</summary>
    public required bool Replaces { get; init; }

    /// <summary>Whether a tree that may be getting worse has its successor trained beside it.</summary>
    public bool Background { get; init; }

    /// <summary>Whether only the worst tree is replaced when any one drifts, as in ADWIN and leveraging bagging.</summary>
    public bool ReplacesWorst { get; init; }

    /// <summary>Whether trees vote by how often they are right.</summary>
    public bool Weighted { get; init; }
}

/// <summary>
/// Ensembles of Hoeffding trees. Each tree gets each row with a Poisson weight of its own, as bootstrap samples would give it
/// (Oza and Russell, "Online Bagging and Boosting", AISTATS 2001).
/// </summary>
public static class TreeForest
{
    // Naive Bayes over all rows is as good as the features that it remembers: as many as a single tree does where there is one for all trees.
    private const int MostFeatures = 1_000_000;
    private const int FewFeatures = 100_000;
    private static readonly Parameter Size = new Parameter.Integer("trees", 10, 1, 1_000, "Trees.");

    private static readonly Parameter Base = new Parameter.Choice("base", "hoeffding-tree",
    [
        new Option("hoeffding-tree", "Hoeffding trees."),
        new Option("hoeffding-adaptive-tree", "Hoeffding trees that also replace branches that got worse."),
        new Option("naive-bayes", "Naive Bayes, normal or multinomial, whichever was right more often: the fastest."),
    ], "The models of the patches.");

    /// <summary>The kinds.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("online-bagging", "Hoeffding trees on bootstrap samples: steadier than one tree; rows from one distribution.",
            "Oza and Russell, AISTATS 2001", [], _ => new() { Lambda = 1, Replaces = false }),
        Kind("adwin-bagging", "Online bagging that replaces its worst tree when one drifts.",
            "Bifet, Holmes, Pfahringer, Kirkby and Gavaldà, KDD 2009, 139-148", [], _ => new() { Lambda = 1, Replaces = true, ReplacesWorst = true }),
        Kind("leveraging-bagging", "ADWIN bagging with more weight on every row: more accurate, slower.",
            "Bifet, Holmes and Pfahringer, ECML PKDD 2010, 135-150",
            [new Parameter.Number("lambda", 6, 0.01, 100, "Mean weight of a row in a tree.")],
            p => new() { Lambda = p.Number("lambda"), Replaces = true, ReplacesWorst = true }),
        AdaptiveForest(4, MostFeatures),
        Patches(4, MostFeatures),
    ];

    /// <summary>
    /// Revisions that journals may still name: until revision 3 only trees answered, and a leaf of the forest looked at some 24 features of a long row; in revision 2 naive Bayes over all rows remembered a tenth of the features by default, and a tree of the patches had none but its own.
    /// </summary>
    public static ImmutableArray<ModelKind> Earlier { get; } = [AdaptiveForest(3, MostFeatures), Patches(3, MostFeatures), AdaptiveForest(2, FewFeatures), Patches(2, FewFeatures)];

    private static ModelKind AdaptiveForest(int revision, int features) => Kind("adaptive-random-forest",
        "Trees whose leaves consider random features, each with its drift detector and a successor in training, beside naive Bayes and a linear model over all rows: strong on changing data, dense or sparse.",
        "Gomes et al., Machine Learning 106 (2017), 1469-1495; Herbster and Warmuth, Machine Learning 32 (1998), 151-178",
        [
            new Parameter.Number("lambda", 6, 0.01, 100, "Mean weight of a row in a tree."),
            new Parameter.Number("share", 0.6, 1e-6, 1, "Share of features that a leaf considers; of long rows fewer, some ten a row."),
        ],
        p => new() { Lambda = p.Number("lambda"), LeafShare = p.Number("share"), LongRow = revision > 3 ? 10 : 24, SharedBayes = true, Experts = revision > 3, Replaces = true, Background = true, Weighted = true },
        revision, features);

    private static ModelKind Patches(int revision, int features) => Kind("streaming-random-patches",
        "Trees, or naive Bayes models, that see random features and random rows, each with its drift detector and a successor in training, beside naive Bayes and a linear model over all rows.",
        "Gomes, Read and Bifet, ICDM 2019, 240-249; Herbster and Warmuth, Machine Learning 32 (1998), 151-178",
        [
            new Parameter.Number("lambda", 6, 0.01, 100, "Mean weight of a row in a tree."),
            new Parameter.Number("share", 0.6, 1e-6, 1, "Share of features that a tree sees."),
            Base,
        ],
        p => new() { Lambda = p.Number("lambda"), TreeShare = p.Number("share"), SharedByPatches = revision > 2 && p.Choice(Base.Name).Option != "naive-bayes", Experts = revision > 3, Replaces = true, Background = true, Weighted = true },
        revision, features);

    private static ModelKind Kind(string name, string summary, string paper, ImmutableArray<Parameter> own, Func<ParameterValues, ForestPolicy> policy, int revision = 2, int features = FewFeatures) =>
        new(name, revision, LearningTask.Binary, summary, paper, [Size, .. own, .. TreeSettings.Parameters.Select(p => Forested(p) is Parameter.Integer { Name: "features" } f ? f with { Default = features } : Forested(p))],
            spec => new TreeForestModel(spec, own.Contains(Base) ? WithBase(TreeSettings.From(spec), spec.Values.Choice(Base.Name).Option) with { EndsTies = revision > 3 } : TreeSettings.From(spec), policy(spec.Values), new ClassLabels(LearningTask.Binary, 2)));

    private static TreeSettings WithBase(TreeSettings settings, string model) => model switch
    {
        "hoeffding-adaptive-tree" => settings with { Adaptive = true },
        // A tree that is never split.
        "naive-bayes" => settings with { MaxLeaves = 1 },
        _ => settings,
    };

    // Trees of a forest need not each be sure: they try sooner, and the votes even it out.
    internal static Parameter Forested(Parameter parameter) => parameter switch
    {
        Parameter.Integer { Name: "grace" } p => p with { Default = 50 },
        Parameter.Number { Name: "delta" } p => p with { Default = 0.01 },
        Parameter.Integer { Name: "max-leaves" } p => p with { Default = 1_000 },
        _ => parameter,
    };
}
