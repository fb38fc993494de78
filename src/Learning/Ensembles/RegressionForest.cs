namespace StreamMLOps.Learning;

/// <summary>
/// Adaptive random forest of regression trees: bootstrap weights, leaves that look at a part of the features, and for each tree detectors of its error that have a successor trained and put in
/// its place (Gomes, Barddal, Ferreira and Bifet, "Adaptive Random Forests for Data Stream Regression", ESANN 2018).
/// </summary>
public static class RegressionForest
{
    /// <summary>The kind <c>adaptive-random-forest-regression</c>.</summary>
    public static ModelKind Kind { get; } = Of(2, RegressionAnswer.Adaptive);

    /// <summary>The revision that journals may still name: in revision 1 an adaptive leaf had one linear model.</summary>
    public static ModelKind Earlier { get; } = Of(1, RegressionAnswer.MeanOrLinear);

    private static ModelKind Of(int revision, RegressionAnswer adaptive) => new(
        "adaptive-random-forest-regression", revision, LearningTask.Regression,
        "Regression trees whose leaves consider random features, each with its drift detector and a successor in training: numbers that depend on dense features in changing ways.",
        "Gomes, Barddal, Ferreira and Bifet, ESANN 2018",
        [
            new Parameter.Integer("trees", 10, 1, 1_000, "Trees."),
            new Parameter.Number("lambda", 6, 0.01, 100, "Mean weight of a row in a tree."),
            new Parameter.Number("share", 0.6, 1e-6, 1, "Share of features that a leaf considers."),
            HoeffdingRegressionTree.LeafParameter, .. HoeffdingRegressionTree.Parameters.Select(TreeForest.Forested),
        ],
        spec => new RegressionForestModel(spec, HoeffdingRegressionTree.AnswerOf(spec, adaptive)));
}

/// <summary>The forest as a model: the mean of its trees, in which a tree counts the more the smaller its error of late.</summary>
internal sealed class RegressionForestModel : IExplainable
{
    private readonly TreeSettings _settings;
    private readonly RegressionAnswer _answer;
    private readonly PoissonWeights _poisson;
    private readonly TreeScratch _scratch = new();
    private Member[] _members;
    private RandomSource _random;
    private LabelRange _range = new(true);

    public RegressionForestModel(ModelSpec spec, RegressionAnswer answer)
    {
        Spec = spec;
        _settings = TreeSettings.From(spec) with { Share = spec.Values.Number("share") };
        _answer = answer;
        _poisson = new(spec.Values.Number("lambda"));
        _random = new(spec.Seed);
        _members = new Member[spec.Values.Integer("trees")];
        for (var i = 0; i < _members.Length; i++) _members[i] = new(Fresh());
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public void Predict(in Row row, Span<double> scores)
    {
        _scratch.Features.Open(row);
        var (sum, votes) = (0.0, 0.0);
        foreach (var member in _members)
        {
            var vote = member.Vote;
            sum += vote * member.Tree.Predict(row);
            votes += vote;
        }
        scores[0] = sum / votes;
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> unread = [0];
        PredictThenLearn(row, label, weight, unread);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (weight == 0)
        {
            Predict(row, scores);
            return;
        }
        label = Math.Clamp(label, -TargetStatistic.LargestLabel, TargetStatistic.LargestLabel);
        _range.Widen(label);
        _scratch.Features.Open(row);
        var (sum, votes) = (0.0, 0.0);
        for (var i = 0; i < _members.Length; i++)
        {
            var member = _members[i];
            var vote = member.Vote;
            var answer = member.Tree.PredictThenLearn(row, label, weight * _poisson.Next(ref _random));
            sum += vote * answer;
            votes += vote;
            member.Next?.PredictThenLearn(row, label, weight * _poisson.Next(ref _random));
            Watch(i, Math.Min(Math.Abs(label - answer) / _range.Length, 1));
        }
        scores[0] = sum / votes;
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output, 0);
        explanation.Reset(ContributionUnit.Score);
        _scratch.Features.Open(row);
        var votes = 0.0;
        foreach (var member in _members) votes += member.Vote;
        foreach (var member in _members) member.Tree.Explain(row, member.Vote / votes, explanation);
        explanation.Merge();
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, 1);
        _random.Save(writer);
        _range.Save(writer);
        writer.Int32(_members.Length);
        foreach (var member in _members)
        {
            member.Tree.Save(writer);
            member.Error.Save(writer);
            member.Warning.Save(writer);
            writer.Flag(member.Next is not null);
            member.Next?.Save(writer);
        }
    }

    public void Load(StateReader reader)
    {
        reader.Section(Spec.Kind.Name, 1);
        var (random, range) = (_random, _range);
        random.Load(reader);
        range.Load(reader);
        var count = reader.Int32();
        if (count != _members.Length) throw new StateFormatException($"the state has {count} trees, this forest {_members.Length}: load it with the settings it was saved with");
        var members = new Member[count];
        for (var i = 0; i < count; i++)
        {
            members[i] = new(LoadTree(reader));
            members[i].Error.Load(reader);
            members[i].Warning.Load(reader);
            if (reader.Flag()) members[i].Next = LoadTree(reader);
        }
        (_random, _range, _members) = (random, range, members);
    }

    // Tells the detectors the tree's error as a share of the labels' range; a tree whose error rose gives way to its successor.
    private void Watch(int i, double error)
    {
        var member = _members[i];
        if (Rises(member.Warning, error))
        {
            member.Next = Fresh();
            member.Warning.Clear();
        }
        if (Rises(member.Error, error)) _members[i] = new(member.Next ?? Fresh());
    }

    private static bool Rises(Adwin detector, double error)
    {
        var before = detector.Mean;
        return detector.Update(error) == DriftState.Drift && detector.Mean > before;
    }

    private RegressionTree Fresh() => new(_settings with { Seed = _random.NextUInt64() }, _answer, _scratch);

    private RegressionTree LoadTree(StateReader reader) => RegressionTree.Load(reader, _settings, _answer, _scratch);

    private sealed class Member(RegressionTree tree)
    {
        public RegressionTree Tree => tree;

        public Adwin Error { get; } = new(0.001);

        public Adwin Warning { get; } = new(0.01);

        public RegressionTree? Next { get; set; }

        /// <summary>A tree that just began counts as one that errs by half of the labels' range.</summary>
        public double Vote => 1 / ((Error.Width > 0 ? Error.Mean : 0.5) + 1e-3);
    }
}
