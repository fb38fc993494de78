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

/// <summary>The forest as a model.</summary>
internal sealed class TreeForestModel : IExplainable
{
    private readonly TreeSettings _settings;
    private readonly ForestPolicy _policy;
    private readonly ClassLabels _labels;
    private readonly PoissonWeights _poisson;
    private readonly TreeScratch _scratch = new();
    private readonly FeatureSample _sample = new();
    private readonly TreeDescent? _descent;     // where trees do not learn on the way
    private readonly double[] _shares;
    private readonly double[] _votes;
    private readonly double[] _unread = new double[1];
    private TreeBayes? _shared;
    private EnsembleExperts? _experts;
    private Member[] _members;
    private RandomSource _random;

    public TreeForestModel(ModelSpec spec, TreeSettings settings, ForestPolicy policy, ClassLabels labels)
    {
        Spec = spec;
        (_settings, _policy, _labels) = (settings with { RowWeight = policy.Lambda, Share = policy.LeafShare, LongRow = policy.LongRow, SharedBayes = policy.SharedBayes, ComparesBayes = policy.SharedByPatches, ForgetsBelow = policy.SharedBayes ? 0.02 : 0, WaitForEach = 16 }, policy, labels);
        if (SharedSince > 0) _shared = new(settings.Features, 1);
        if (policy.Experts) _experts = new();
        _poisson = new PoissonWeights(policy.Lambda);
        _shares = new double[labels.Most];
        _votes = new double[labels.Most];
        _random = new RandomSource(spec.Seed);
        _members = new Member[spec.Values.Integer("trees")];
        for (var i = 0; i < _members.Length; i++) _members[i] = Fresh();
        if (!settings.Adaptive) _descent = new(_members.Length);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    private int Format => _policy.Experts ? 4 : _policy.SharedByPatches ? 3 : 2;

    // Format in which naive Bayes over all rows came in; 0 where there is none.
    private int SharedSince => _policy.SharedBayes ? 2 : _policy.SharedByPatches ? 3 : _policy.Experts ? 4 : 0;

    public void Predict(in Row row, Span<double> scores)
    {
        var votes = _votes.AsSpan(0, _labels.Most);
        votes.Clear();
        _scratch.Features.Open(row);
        var shared = _shared is null ? default : _scratch.Shared(_labels.Most);
        if (!_policy.SharedByPatches) _shared?.Predict(row, _scratch, shared);
        foreach (var member in _members)
        {
            var shares = _shares.AsSpan(0, member.Tree.Classes);
            var patch = _sample.Of(row, member.Salt, _policy.TreeShare);
            if (_policy.SharedByPatches) _shared!.Predict(patch, _scratch, shared);
            member.Tree.Predict(patch, shares, shared);
            var vote = Vote(member);
            for (var c = 0; c < shares.Length; c++) votes[c] += vote * shares[c];
        }
        Probabilities.FromWeights(votes);
        _labels.Write(votes, scores);
        if (_experts is null) return;
        if (_policy.SharedByPatches) _shared!.Predict(row, _scratch, shared);
        scores[0] = _experts.Predict(row, scores[0], shared[1]);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight > 0) PredictThenLearn(row, label, weight, _unread);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (weight == 0)
        {
            Predict(row, scores);
            return;
        }
        var c = _labels.ClassOf(label);
        var votes = _votes.AsSpan(0, _labels.Most);
        votes.Clear();
        _scratch.Features.Open(row);
        var shared = _shared is null ? default : _scratch.Shared(_labels.Most);
        var forgot = false;
        if (!_policy.SharedByPatches && _shared is not null) forgot = _shared.PredictThenLearn(row, c, Math.Min(weight, FeatureLikelihood.LargestWeight), _scratch, shared);
        if (_descent is not null)
        {
            for (var i = 0; i < _members.Length; i++) _descent[i] = _members[i].Tree.Root;
            _descent.Go(_scratch.Features);
        }
        var drifted = false;
        for (var i = 0; i < _members.Length; i++)
        {
            ref var member = ref _members[i];
            var vote = Vote(member);
            var shares = _shares.AsSpan(0, member.Tree.Classes);
            var patch = _sample.Of(row, member.Salt, _policy.TreeShare);
            if (_policy.SharedByPatches) _shared!.Predict(patch, _scratch, shared);
            member.Tree.PredictThenLearn(patch, c, weight * _poisson.Next(ref _random), shares, shared, _descent?[i]);
            for (var o = 0; o < shares.Length; o++) votes[o] += vote * shares[o];
            if (member.Next is not null)
            {
                patch = _sample.Of(row, member.NextSalt, _policy.TreeShare);
                if (_policy.SharedByPatches) _shared!.Predict(patch, _scratch, shared);
                member.Next.Learn(patch, c, weight * _poisson.Next(ref _random), shared);
            }
            if (_policy.Replaces) drifted |= Watch(ref member, TreeScratch.Largest(shares) == c ? 0 : 1);
        }
        // After all of them were told: an answer comes before what it is an answer to.
        if (_policy.SharedByPatches) forgot = _shared!.PredictThenLearn(row, c, Math.Min(weight, FeatureLikelihood.LargestWeight), _scratch, _experts is null ? [] : shared);
        if (drifted && _policy.ReplacesWorst) ReplaceWorst();
        Probabilities.FromWeights(votes);
        _labels.Write(votes, scores);
        if (_experts is null) return;
        scores[0] = _experts.PredictThenLearn(row, label, weight, scores[0], shared[1]);
        // What naive Bayes has no room for the linear model has none for either.
        if (forgot) _experts.Keep(_shared!.Features());
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output, 0);
        explanation.Reset(ContributionUnit.Score);
        var votes = 0.0;
        foreach (var member in _members) votes += Vote(member);
        // A sample of the row outlives the explanation of its tree, which draws samples too.
        var sample = new FeatureSample();
        foreach (var member in _members)
        {
            _scratch.Features.Open(row);
            member.Tree.Explain(sample.Of(row, member.Salt, _policy.TreeShare), 1, (_experts?.VotesWeight ?? 1) * Vote(member) / votes, explanation, _shared);
        }
        if (_experts is not null)
        {
            var empty = Beyond(this, default);
            explanation.Baseline += empty;
            Occlusion.Explain(row, Beyond(this, row) - empty, 1, explanation, this, Beyond);
        }
        explanation.Merge();

        // The answer but for the part of the votes in it.
        static double Beyond(TreeForestModel forest, in Row row)
        {
            Span<double> score = stackalloc double[1];
            forest.Predict(row, score);
            return score[0] - forest._experts!.VotesWeight * forest._votes[1];
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, Format);
        _random.Save(writer);
        _shared?.Save(writer, _labels.Most);
        _experts?.Save(writer);
        writer.Int32(_members.Length);
        foreach (var member in _members) member.Save(writer);
    }

    public void Load(StateReader reader)
    {
        var format = reader.Section(Spec.Kind.Name, Format);
        var random = _random;
        random.Load(reader);
        // What earlier formats did not have begins now.
        var shared = SharedSince > 0 ? new TreeBayes(_settings.Features, 1) : null;
        if (format >= SharedSince) shared?.Load(reader, _labels.Most);
        var experts = _policy.Experts ? format < 4 ? EnsembleExperts.BesideTrained() : new() : null;
        if (format >= 4) experts?.Load(reader);
        var count = reader.Int32();
        if (count != _members.Length) throw new StateFormatException($"the state has {count} trees, this forest {_members.Length}: load it with the settings it was saved with");
        var members = new Member[count];
        for (var i = 0; i < count; i++) members[i] = Member.Load(reader, this);
        // Before, each tree had its own.
        if (format == 1 && _policy.SharedBayes) shared = members[0].Tree.Earlier;
        (_random, _members, _shared, _experts) = (random, members, shared, experts);
    }

    // A tree counts by how often it was right of late; one that just began counts as any other.
    private double Vote(in Member member) => _policy.Weighted && member.Error.Width > 0 ? 1 - member.Error.Mean + 1e-9 : 1;

    // Tells the detectors whether the tree was right; a tree whose error rose gives way to its successor.
    private bool Watch(ref Member member, double error)
    {
        if (_policy.Background && Rises(member.Warning!, error))
        {
            (member.NextSalt, member.Next) = (_random.NextUInt64(), FreshTree());
            member.Warning!.Clear();
        }
        if (!Rises(member.Error, error)) return false;
        if (_policy.ReplacesWorst) return true;
        member = member.Next is null ? Fresh() : Fresh(member.NextSalt, member.Next);
        return true;
    }

    private static bool Rises(Adwin detector, double error)
    {
        var before = detector.Mean;
        return detector.Update(error) == DriftState.Drift && detector.Mean > before;
    }

    private void ReplaceWorst()
    {
        var worst = 0;
        for (var i = 1; i < _members.Length; i++)
            if (_members[i].Error.Mean > _members[worst].Error.Mean) worst = i;
        _members[worst] = Fresh();
    }

    private Member Fresh() => Fresh(_random.NextUInt64(), FreshTree());

    private Member Fresh(ulong salt, ClassificationTree tree) =>
        new() { Salt = salt, Tree = tree, Error = new Adwin(_policy.Background ? 0.001 : 0.002), Warning = _policy.Background ? new Adwin(0.01) : null };

    private ClassificationTree FreshTree() => new(_settings with { Seed = _random.NextUInt64() }, _labels.AtStart, _scratch);

    private struct Member
    {
        public required ulong Salt { get; init; }

        public required ClassificationTree Tree { get; init; }

        public required Adwin Error { get; init; }

        public Adwin? Warning { get; init; }

        public ClassificationTree? Next { get; set; }

        public ulong NextSalt { get; set; }

        public readonly void Save(StateWriter writer)
        {
            writer.UInt64(Salt);
            Tree.Save(writer);
            Error.Save(writer);
            Warning?.Save(writer);
            writer.Flag(Next is not null);
            if (Next is null) return;
            writer.UInt64(NextSalt);
            Next.Save(writer);
        }

        public static Member Load(StateReader reader, TreeForestModel forest)
        {
            var salt = reader.UInt64();
            var member = forest.Loaded(salt, reader);
            member.Error.Load(reader);
            member.Warning?.Load(reader);
            if (!reader.Flag()) return member;
            member.NextSalt = reader.UInt64();
            member.Next = forest.LoadedTree(reader);
            return member;
        }
    }

    private ClassificationTree LoadedTree(StateReader reader) => ClassificationTree.Load(reader, _settings, _labels.AtStart, _labels.Most, _scratch);

    private Member Loaded(ulong salt, StateReader reader) => Fresh(salt, LoadedTree(reader));
}
