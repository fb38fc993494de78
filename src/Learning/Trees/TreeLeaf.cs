namespace StreamMLOps.Learning;

/// <summary>
/// A leaf: its classes, and for each feature seen here, within each class, how often it was there and how its values were distributed. A feature
/// that is not named in a row is 0, and 0 is a value like any other for a split, so sparse rows and dense ones are treated alike.
/// </summary>
internal sealed class TreeLeaf
{
    private readonly TreeSettings _settings;
    private readonly ulong _salt;
    private readonly PresenceLikelihood _features = new(alpha: 1, gaussian: true);
    private FeatureIndex _index = new();
    private double[] _counts;            // by class, what the parent estimated included
    private double[] _ranges = [];       // by cell: smallest and largest value
    private double _sinceAttempt;
    private double _majorityRight;
    private double _bayesRight;

    public TreeLeaf(TreeSettings settings, ulong salt, ReadOnlySpan<double> counts)
    {
        (_settings, _salt) = (settings, salt);
        _counts = counts.ToArray();
        _features.Reserve(_counts.Length, 0);
    }

    /// <summary>Whether it is time to try a split.</summary>
    public bool IsDue => _sinceAttempt >= _settings.Grace;

    /// <summary>Features remembered.</summary>
    public int Features => _index.Count;

    /// <summary>Writes the shares of the classes that the leaf answers.</summary>
    public void Predict(in Row row, TreeScratch scratch, Span<double> shares)
    {
        var bayes = _settings.Leaf == LeafAnswer.NaiveBayes || (_settings.Leaf == LeafAnswer.Adaptive && _bayesRight >= _majorityRight);
        if (bayes) Bayes(scratch.Sample.Of(row, _salt, _settings.Share), scratch, shares);
        else Majority(shares);
    }

    /// <summary>Takes a row of class <paramref name="label"/>.</summary>
    public void Learn(in Row whole, int label, double weight, int classes, TreeScratch scratch)
    {
        var row = scratch.Sample.Of(whole, _salt, _settings.Share);
        if (_settings.Leaf == LeafAnswer.Adaptive)
        {
            var shares = scratch.Second(classes);
            Majority(shares);
            if (TreeScratch.Largest(shares) == label) _majorityRight += weight;
            Bayes(row, scratch, shares);
            if (TreeScratch.Largest(shares) == label) _bayesRight += weight;
        }
        if (_counts.Length < classes) Array.Resize(ref _counts, classes);
        _counts[label] += weight;
        _sinceAttempt += weight;

        if (_index.Count + row.Count > Math.Max(_settings.LeafFeatures, row.Count)) ForgetRare();
        var known = _index.Count;
        var cells = scratch.Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        _features.Reserve(classes, _index.Count);
        _features.Learn(cells, row.Values, _index.Count, label, weight);
        if (2 * (_index.Count + 1) > _ranges.Length) Array.Resize(ref _ranges, 3 * (_index.Count + 8));
        for (var k = 0; k < cells.Length; k++)
        {
            var at = 2 * cells[k];
            var value = Math.Clamp(row.Values[k], -FeatureLikelihood.LargestValue, FeatureLikelihood.LargestValue);
            var fresh = cells[k] > known;
            _ranges[at] = fresh ? value : Math.Min(_ranges[at], value);
            _ranges[at + 1] = fresh ? value : Math.Max(_ranges[at + 1], value);
        }
    }

    /// <summary>Looks for the best split and whether enough rows were seen to be sure of it; an attempt starts the count anew.</summary>
    /// <returns>Whether to split.</returns>
    public bool TrySplit(TreeScratch scratch, out TreeSplit best)
    {
        _sinceAttempt = 0;
        var classes = _counts.Length;
        var search = new SplitSearch(_features, classes, scratch);
        best = default;
        if (search.IsPure) return false;
        var second = 0.0;    // not to split at all
        for (var cell = 1; cell <= _index.Count; cell++)
        {
            var split = search.Best(cell, _ranges[2 * cell], _ranges[2 * cell + 1]);
            if (split.Gain > best.Gain) (second, best) = (Math.Max(second, best.Gain), split);
            else second = Math.Max(second, split.Gain);
        }
        if (best.Cell == 0) return false;
        var range = DeterministicMath.Log(Math.Max(classes, 2)) / DeterministicMath.Log(2);
        var bound = Math.Sqrt(range * range * -DeterministicMath.Log(_settings.Delta) / (2 * search.Rows));
        if (!(best.Gain - second > bound || bound < _settings.Tie)) return false;
        best = best with { Feature = FeatureOf(best.Cell) };
        search.Shares(best, scratch);
        return true;
    }

    public void Save(StateWriter writer)
    {
        writer.UInt64(_salt);
        writer.Array<double>(_counts);
        writer.Double(_sinceAttempt);
        writer.Double(_majorityRight);
        writer.Double(_bayesRight);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        _features.Save(writer, _counts.Length, features.Length);
        writer.Array<double>(features.Length == 0 ? [] : _ranges.AsSpan(2, 2 * features.Length));
    }

    public static TreeLeaf Load(StateReader reader, TreeSettings settings, int classes)
    {
        var salt = reader.UInt64();
        var counts = reader.Array<double>();
        if (counts.Length > classes) throw new StateFormatException($"a leaf has {counts.Length} classes, the tree {classes}: the bytes are damaged");
        foreach (var count in counts)
            if (!(count >= 0 && double.IsFinite(count))) throw new StateFormatException($"a leaf has {count} rows of a class: the bytes are damaged");
        var leaf = new TreeLeaf(settings, salt, counts)
        {
            _sinceAttempt = reader.Finite(),
            _majorityRight = reader.Finite(),
            _bayesRight = reader.Finite(),
            _index = FeatureIndex.Restore(reader.Array<uint>()),
        };
        var features = leaf._index.Count;
        leaf._features.Reserve(counts.Length, features);
        leaf._features.Load(reader, counts.Length, features);
        leaf._ranges = new double[2 * (features + 1)];
        reader.Finite(leaf._ranges.AsSpan(2));
        return leaf;
    }

    private void Majority(Span<double> shares)
    {
        shares.Clear();
        _counts.AsSpan(0, Math.Min(_counts.Length, shares.Length)).CopyTo(shares);
        Probabilities.FromWeights(shares);
    }

    private void Bayes(in Row row, TreeScratch scratch, Span<double> shares)
    {
        _features.Reserve(shares.Length, _index.Count);
        var rows = 0.0;
        for (var c = 0; c < shares.Length; c++) rows += _features.Rows(c);
        // A leaf just made knows only what its parent estimated.
        if (rows == 0 || shares.Length == 0)
        {
            Majority(shares);
            return;
        }
        var cells = scratch.Cells(row.Count);
        _index.Find(row.Indices, cells);
        for (var c = 0; c < shares.Length; c++) shares[c] = DeterministicMath.Log((_features.Rows(c) + 1) / (rows + shares.Length));
        _features.AddLogs(cells, row.Values, _index.Count, shares);
        Probabilities.FromLogs(shares);
    }

    private uint FeatureOf(int cell)
    {
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        return features[cell - 1];
    }

    // The rarer half; of equally rare ones those seen later.
    private void ForgetRare()
    {
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        var cells = Enumerable.Range(1, _index.Count).OrderByDescending(_features.Present).ThenBy(c => c).Take(_settings.LeafFeatures / 2).Order().ToArray();
        _index = FeatureIndex.Restore(cells.Select(c => features[c - 1]).ToArray());
        for (var k = 0; k < cells.Length; k++) _ranges.AsSpan(2 * cells[k], 2).CopyTo(_ranges.AsSpan(2 * (k + 1)));
        _features.Keep(cells);
    }
}
