namespace StreamMLOps.Learning;

/// <summary>
/// Online isolation forest: random trees over a sliding window of rows that split leaves as rows come and fold them as rows go; a row that ends in a shallow,
/// empty leaf is easily told from the rest and so unusual (Leveni, Cassales, Pfahringer, Bifet and Boracchi, "Online Isolation Forest", ICML 2024).
/// A leaf at depth <c>d</c> splits at <c>leaf 2^d</c> rows, so that no tree is deeper than <c>log2(window / leaf)</c>.
/// </summary>
/// <remarks>
/// Features need not be known beforehand: a split's feature is drawn from those of the leaf's rows, so by how often it is there, where the paper draws from all; its
/// place is uniform over the feature's range in the leaf, as in the paper. The window's rows are kept anyway, to be forgotten exactly. Memory is bounded by the window.
/// </remarks>
public static class OnlineIsolationForest
{
    /// <summary>The kind <c>online-isolation-forest</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "online-isolation-forest", 1, LearningTask.Anomaly,
        "How easily a row is told from the rows of a window by random splits: follows change row by row, dense or sparse.",
        "Leveni et al., ICML 2024",
        [
            new Parameter.Integer("trees", 32, 1, 1_000, "Trees."),
            new Parameter.Integer("window", 2_048, 2, 1_000_000, "Newest rows that the trees are of."),
            new Parameter.Integer("leaf", 32, 1, 100_000, "Rows at which the root splits; twice as many at each level below."),
        ],
        spec => new OnlineIsolationForestModel(spec))
    { BoundedMemory = true };
}

internal sealed class OnlineIsolationForestModel : IModel
{
    private readonly int _leaf;
    private readonly double _deepest;
    private readonly RowWindow _window;
    private readonly IsolationTree[] _trees;
    private RandomSource _random;

    public OnlineIsolationForestModel(ModelSpec spec)
    {
        Spec = spec;
        _leaf = (int)spec.Values.Integer("leaf");
        _window = new((int)spec.Values.Integer("window"));
        _deepest = Math.Max(1, IsolationTree.Log2((double)_window.Capacity / _leaf));
        _trees = new IsolationTree[spec.Values.Integer("trees")];
        for (var t = 0; t < _trees.Length; t++) _trees[t] = new(_window, _leaf);
        _random = new RandomSource(spec.Seed);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    /// <summary><c>2^(-depth / log2(window / leaf))</c>, the depth a mean over the trees: 1 where no split was needed, towards 0 in the crowd.</summary>
    public void Predict(in Row row, Span<double> scores)
    {
        var depth = 0.0;
        foreach (var tree in _trees) depth += tree.Depth(row);
        scores[0] = DeterministicMath.Exp(-IsolationTree.Ln2 * (depth / _trees.Length / _deepest));
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight == 0) return;
        if (_window.IsFull)
        {
            var oldest = _window.SlotOf(0);
            foreach (var tree in _trees) tree.Forget(oldest);
        }
        var slot = _window.Add(row, double.NaN, 1);
        foreach (var tree in _trees) tree.Learn(slot, ref _random);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("online-isolation-forest", 1);
        _random.Save(writer);
        _window.Save(writer);
        foreach (var tree in _trees) tree.Save(writer);
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new OnlineIsolationForestModel(Spec);
        reader.Section("online-isolation-forest", 1);
        fresh._random.Load(reader);
        fresh._window.Load(reader);
        foreach (var tree in fresh._trees) tree.Load(reader);
        _random = fresh._random;
        _window.CopyFrom(fresh._window);
        for (var t = 0; t < _trees.Length; t++) _trees[t] = fresh._trees[t].Over(_window);
    }
}
