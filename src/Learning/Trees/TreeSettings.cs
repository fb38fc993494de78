namespace StreamMLOps.Learning;

/// <summary>What a leaf answers.</summary>
internal enum LeafAnswer
{
    /// <summary>The shares of the classes.</summary>
    Majority,

    /// <summary>Naive Bayes over the rows of the leaf.</summary>
    NaiveBayes,

    /// <summary>Naive Bayes over all rows of the tree.</summary>
    TreeBayes,

    /// <summary>Whichever of these was right most often in this leaf.</summary>
    Adaptive,
}

/// <summary>The settings of a tree.</summary>
internal sealed record TreeSettings
{
    /// <summary>What a leaf answers, for single trees; those of a forest are adaptive.</summary>
    public static Parameter LeafParameter { get; } = new Parameter.Choice("leaf", "adaptive",
    [
        new Option("majority", "The shares of the classes."),
        new Option("naive-bayes", "Naive Bayes over the rows of the leaf."),
        new Option("adaptive", "Whichever was right most often in the leaf: the shares, naive Bayes over its rows, or multinomial naive Bayes over all rows of the tree."),
    ], "What a leaf answers.");

    public static Parameter[] Parameters { get; } =
    [
        new Parameter.Integer("grace", 200, 1, 1_000_000, "Rows (their weights) that a leaf takes between two attempts to split."),
        new Parameter.Number("delta", 1e-7, 1e-300, 1, "Chance that a split is not the best."),
        new Parameter.Number("tie", 0.05, 0, 1, "Bound below which equal candidates are taken for a tie, and one is chosen."),
        new Parameter.Integer("max-depth", 30, 1, 60, "Splits from the root to a leaf."),
        new Parameter.Integer("max-leaves", 5_000, 1, 1_000_000, "Leaves of the tree: bounds its memory."),
        new Parameter.Integer("leaf-features", 10_000, 16, 10_000_000, "Features that a leaf remembers: where there are more, the rarer half is forgotten."),
        new Parameter.Integer("features", 1_000_000, 16, 100_000_000, "Features that naive Bayes over all rows of the tree remembers: where there are more, the rarer half is forgotten."),
    ];

    public required LeafAnswer Leaf { get; init; }

    public required double Grace { get; init; }

    public required double Delta { get; init; }

    public required double Tie { get; init; }

    public required int MaxDepth { get; init; }

    public required int MaxLeaves { get; init; }

    public required int LeafFeatures { get; init; }

    public required int Features { get; init; }

    /// <summary>Share of features that a leaf looks at, drawn for each leaf anew.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Features of a long row that a leaf looks at about, where it looks at a share.</summary>
    public double LongRow { get; init; } = 24;

    /// <summary>Whether naive Bayes over all rows, which adaptive leaves may answer with, is one for all trees of a forest.</summary>
    public bool SharedBayes { get; init; }

    /// <summary>Whether a tree has one of its own and is told of a shared one too, and its adaptive leaves answer with the one that erred less of late.</summary>
    public bool ComparesBayes { get; init; }

    /// <summary>What a row weighs on the average.</summary>
    public double RowWeight { get; init; } = 1;

    /// <summary>Share of a leaf's rows below which a feature is forgotten; 0 forgets none until there is no room.</summary>
    public double ForgetsBelow { get; init; }

    /// <summary>Rows (their weights) that a leaf waits at least between two attempts to split for each feature that an attempt looks at: attempts on wide rows are dear.</summary>
    public double WaitForEach { get; init; }

    /// <summary>Features from which an attempt is so dear that a leaf not sure yet waits for the rows that its gains would need.</summary>
    public int DearFrom { get; init; }

    /// <summary>Whether the rows that its parent estimated for a leaf count when it asks whether it has seen enough to be split, as in MOA and River.</summary>
    public bool CountsEstimated { get; init; }

    /// <summary>Whether subtrees are watched for drift, and replaced.</summary>
    public bool Adaptive { get; init; }

    /// <summary>Whether a leaf of an adaptive tree begins anew when its error rises.</summary>
    public bool RestartsLeaves { get; init; }

    /// <summary>Whether an alternate is given up once it is known to be about as good as the branch that it would replace, as one is that is worse.</summary>
    public bool EndsTies { get; init; }

    /// <summary>Whether a leaf is split as soon as that is better than nothing, and the split replaced when another proves better.</summary>
    public bool Revisits { get; init; }

    public required ulong Seed { get; init; }

    public TreeSettings WithLeaf(string option) => this with
    {
        Leaf = option switch { "majority" => LeafAnswer.Majority, "naive-bayes" => LeafAnswer.NaiveBayes, _ => LeafAnswer.Adaptive },
    };

    public static TreeSettings From(ModelSpec spec) => new()
    {
        Leaf = LeafAnswer.Adaptive,
        Grace = spec.Values.Integer("grace"),
        Delta = spec.Values.Number("delta"),
        Tie = spec.Values.Number("tie"),
        MaxDepth = (int)spec.Values.Integer("max-depth"),
        MaxLeaves = (int)spec.Values.Integer("max-leaves"),
        LeafFeatures = (int)spec.Values.Integer("leaf-features"),
        // Regression trees have no naive Bayes.
        Features = spec.Kind.Parameters.Any(p => p.Name == "features") ? (int)spec.Values.Integer("features") : 0,
        Seed = spec.Seed,
    };
}
