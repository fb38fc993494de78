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
    private double _share = double.NaN;  // of features considered; NaN before the first row
    private double _sinceAttempt;
    private double _wait;                // rows (their weights) from one attempt to split to the next
    private double _majorityRight;
    private double _bayesRight;
    private double _wholeRight;

    public TreeLeaf(TreeSettings settings, ulong salt, ReadOnlySpan<double> counts)
    {
        (_settings, _salt, _wait) = (settings, salt, settings.Grace);
        _counts = counts.ToArray();
        _features.Reserve(_counts.Length, 0);
    }

    /// <summary>Whether it is time to try a split.</summary>
    public bool IsDue => _sinceAttempt >= _wait;

    /// <summary>Features remembered.</summary>
    public int Features => _index.Count;

    /// <summary>Starts with how often each answer was right in another leaf, as if that had been a few rows: which answer suits a part of the tree, its parts inherit.</summary>
    public void Inherit(TreeLeaf parent)
    {
        const double most = 50;
        var rows = 0.0;
        foreach (var count in parent._counts) rows += count;
        var part = rows > most ? most / rows : 1;
        (_majorityRight, _bayesRight, _wholeRight) = (part * parent._majorityRight, part * parent._bayesRight, part * parent._wholeRight);
    }

    /// <summary>Writes the shares of the classes that the leaf answers.</summary>
    /// <param name="row">The row.</param>
    /// <param name="whole">What the whole tree's naive Bayes answers, for adaptive leaves.</param>
    /// <param name="scratch">Buffers.</param>
    /// <param name="shares">Receives them.</param>
    public void Predict(in Row row, ReadOnlySpan<double> whole, TreeScratch scratch, Span<double> shares)
    {
        switch (Answer())
        {
            case LeafAnswer.Majority:
                Majority(shares);
                break;
            case LeafAnswer.TreeBayes:
                whole.CopyTo(shares);
                break;
            default:
                var sample = scratch.Sample.Of(row, _salt, Share(row));
                var cells = scratch.Cells(sample.Count);
                _index.Find(sample.Indices, cells);
                Bayes(sample, cells, _index.Count, shares);
                break;
        }
    }

    /// <summary>Answers, then takes a row of class <paramref name="label"/>.</summary>
    /// <param name="all">The row.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="classes">Classes seen, this one included.</param>
    /// <param name="whole">What the whole tree's naive Bayes answers, for adaptive leaves.</param>
    /// <param name="scratch">Buffers.</param>
    /// <param name="shares">Receives what the leaf answers before it learns.</param>
    public void PredictThenLearn(in Row all, int label, double weight, int classes, ReadOnlySpan<double> whole, TreeScratch scratch, Span<double> shares)
    {
        var share = Share(all);
        if (double.IsNaN(_share)) _share = share;
        var row = scratch.Sample.Of(all, _salt, share);
        var known = _index.Count;
        var cells = scratch.Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Answer(row, known == _index.Count ? cells : scratch.Known(cells, known), known, label, weight, whole, scratch, shares);

        if (_counts.Length < classes) Array.Resize(ref _counts, classes);
        _counts[label] += weight;
        _sinceAttempt += weight;
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
        if (_index.Count > _settings.LeafFeatures) ForgetRare();
    }

    /// <summary>
    /// Looks for the best split and whether enough rows were seen to be sure of it. Where not, the next attempt waits for the rows that the same gains would need, but for no more than
    /// a quarter of those seen and ten times the grace (García-Martín et al., "Hoeffding Trees with nmin Adaptation", DSAA 2018).
    /// </summary>
    /// <returns>Whether to split.</returns>
    public bool TrySplit(TreeScratch scratch, out TreeSplit best)
    {
        (_sinceAttempt, _wait) = (0, _settings.Grace);
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
        // What is revisited later need only be better than nothing now.
        if (_settings.Revisits) second = 0;
        if (best.Cell == 0) return false;
        var bound = Bound(search.Rows);
        if (!(best.Gain - second > bound || bound < _settings.Tie))
        {
            var gap = Math.Max(Math.Max(best.Gain - second, _settings.Tie), 1e-6);
            var needed = bound * bound * search.Rows / (gap * gap) - search.Rows;
            _wait = Math.Clamp(Math.Min(needed, search.Rows / 4), _settings.Grace, 10 * _settings.Grace);
            return false;
        }
        best = best with { Feature = FeatureOf(best.Cell) };
        search.Shares(best, scratch);
        return true;
    }

    /// <summary>Whether another split than the present one is better now by more than chance allows: the leaf is that of a split node, where it goes on to count.</summary>
    /// <param name="feature">The feature split on.</param>
    /// <param name="threshold">Where.</param>
    /// <param name="scratch">Buffers; receives the class weights of both sides.</param>
    /// <param name="best">The better split.</param>
    public bool TryReplace(uint feature, double threshold, TreeScratch scratch, out TreeSplit best)
    {
        (_sinceAttempt, _wait) = (0, 10 * _settings.Grace);
        best = default;
        var search = new SplitSearch(_features, _counts.Length, scratch);
        if (search.IsPure) return false;
        Span<int> present = stackalloc int[1];
        _index.Find([feature], present);
        var current = present[0] == 0 ? 0 : search.Gain(present[0], threshold, _ranges[2 * present[0]], _ranges[2 * present[0] + 1]);
        for (var cell = 1; cell <= _index.Count; cell++)
        {
            var split = search.Best(cell, _ranges[2 * cell], _ranges[2 * cell + 1]);
            if (split.Gain > best.Gain) best = split;
        }
        if (best.Cell == 0 || best.Cell == present[0]) return false;
        var better = best.Gain - current;
        var bound = Bound(search.Rows);
        if (!(better > bound || (bound < _settings.Tie && better > _settings.Tie / 2))) return false;
        best = best with { Feature = FeatureOf(best.Cell) };
        search.Shares(best, scratch);
        return true;
    }

    public void Save(StateWriter writer)
    {
        writer.UInt64(_salt);
        writer.Array<double>(_counts);
        writer.Double(_share);
        writer.Double(_sinceAttempt);
        writer.Double(_wait);
        writer.Double(_majorityRight);
        writer.Double(_bayesRight);
        writer.Double(_wholeRight);
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
            _share = reader.Double(),
            _sinceAttempt = reader.Finite(),
            _wait = reader.Finite(),
            _majorityRight = reader.Finite(),
            _bayesRight = reader.Finite(),
            _wholeRight = reader.Finite(),
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

    // Hoeffding's, of the gain in bits.
    private double Bound(double rows)
    {
        var range = DeterministicMath.Log(Math.Max(_counts.Length, 2)) / DeterministicMath.Log(2);
        return Math.Sqrt(range * range * -DeterministicMath.Log(_settings.Delta) / (2 * rows));
    }

    // Of short rows the share that the settings say; of long ones so much that some two dozen features are left, which is many for a choice at random.
    private double Share(in Row row)
    {
        const double enough = 24;
        if (_settings.Share >= 1) return 1;
        if (!double.IsNaN(_share)) return _share;
        return row.Count == 0 ? _settings.Share : Math.Min(_settings.Share, enough / row.Count);
    }

    private LeafAnswer Answer()
    {
        if (_settings.Leaf != LeafAnswer.Adaptive) return _settings.Leaf;
        if (_wholeRight > Math.Max(_majorityRight, _bayesRight)) return LeafAnswer.TreeBayes;
        return _bayesRight >= _majorityRight ? LeafAnswer.NaiveBayes : LeafAnswer.Majority;
    }

    // The answer, and for an adaptive leaf which answers would have been right.
    private void Answer(in Row row, ReadOnlySpan<int> cells, int features, int label, double weight, ReadOnlySpan<double> whole, TreeScratch scratch, Span<double> shares)
    {
        var answer = Answer();
        if (_settings.Leaf != LeafAnswer.Adaptive)
        {
            if (answer == LeafAnswer.Majority) Majority(shares);
            else Bayes(row, cells, features, shares);
            return;
        }
        var majority = scratch.Majority(shares.Length);
        var bayes = scratch.Bayes(shares.Length);
        Majority(majority);
        Bayes(row, cells, features, bayes);
        (answer == LeafAnswer.Majority ? majority : answer == LeafAnswer.TreeBayes ? whole : bayes).CopyTo(shares);
        if (TreeScratch.Largest(majority) == label) _majorityRight += weight;
        if (TreeScratch.Largest(bayes) == label) _bayesRight += weight;
        if (TreeScratch.Largest(whole) == label) _wholeRight += weight;
    }

    private void Bayes(in Row row, ReadOnlySpan<int> cells, int features, Span<double> shares)
    {
        _features.Reserve(shares.Length, features);
        var rows = 0.0;
        for (var c = 0; c < shares.Length; c++) rows += _features.Rows(c);
        // A leaf just made knows only what its parent estimated.
        if (rows == 0 || shares.Length == 0)
        {
            Majority(shares);
            return;
        }
        for (var c = 0; c < shares.Length; c++) shares[c] = DeterministicMath.Log((_features.Rows(c) + 1) / (rows + shares.Length));
        _features.AddLogs(cells, row.Values, features, shares);
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
