namespace StreamMLOps.Learning;

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
