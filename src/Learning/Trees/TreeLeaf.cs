namespace StreamMLOps.Learning;

/// <summary>
/// A leaf: its classes, and for each feature seen here, within each class, how often it was there and how its values were distributed. A feature
/// that is not named in a row is 0, and 0 is a value like any other for a split, so sparse rows and dense ones are treated alike.
/// </summary>
internal sealed class TreeLeaf
{
    private const int FirstLimit = 192;
    private const int Facts = 3;         // saved of a feature: smallest and largest value, and the leaf's rows when it was first seen
    private readonly TreeSettings _settings;
    private readonly ulong _salt;
    private readonly PresenceLikelihood _features = new(alpha: 1, gaussian: true, ranged: true);
    private LeafIndex _index = new();
    private double[] _counts;            // by class, what the parent estimated included
    private double[] _rowsBefore = [];   // by cell: the leaf's rows (their weights) when the feature was first seen; where features are forgotten by that
    private bool _early;                 // whether the sample of features is that of the first format
    private int _limit = FirstLimit;     // features at which the rare ones are forgotten
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

    /// <summary>Rows (their weights) by class, what the parent estimated included.</summary>
    public ReadOnlySpan<double> Counts => _counts;

    /// <summary>Features remembered.</summary>
    public int Features => _index.Count;

    /// <summary>Asks for the memory that a row of this leaf will need: hints, nothing else.</summary>
    public void Prefetch()
    {
        _index.Prefetch();
        _features.Prefetch();
    }

    /// <summary>Gives its memory back, once a split has taken its place: the next leaf is made of it, with neither the kernel's clearing of pages nor the collector between.</summary>
    public void Free() => _features.Free();

    /// <summary>Starts with how often each answer was right in another leaf, as if that had been a few rows: which answer suits a part of the tree, its parts inherit.</summary>
    public void Inherit(TreeLeaf parent)
    {
        const double most = 50;
        var rows = Sum(parent._counts);
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
                var sample = Sample(row, Share(row), scratch);
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
        var row = Sample(all, share, scratch);
        var known = _index.Count;
        var cells = scratch.Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Answer(row, known == _index.Count ? cells : scratch.Known(cells, known), known, label, weight, whole, scratch, shares);

        if (_counts.Length < classes) Array.Resize(ref _counts, classes);
        _counts[label] += weight;
        _sinceAttempt += weight;
        _features.Reserve(classes, _index.Count);
        _features.Learn(cells, row.Values, _index.Count, label, weight);
        if (_settings.ForgetsBelow > 0 && _index.Count > known) Remember(known, Rows() - weight);
        if (_settings.ForgetsBelow > 0 && _index.Count > _limit) ForgetScarce(scratch);
        if (_index.Count > _settings.LeafFeatures) ForgetRare(scratch);
    }

    /// <summary>
    /// Looks for the best split and whether enough rows were seen to be sure of it. Where not, and attempts are dear, the next one waits for the rows that the same gains would need, but for no more than
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
        var common = 0;
        for (var cell = 1; cell <= _index.Count; cell++)
        {
            if (!search.IsCommon(_features.Present(cell))) continue;
            common++;
            var split = search.Best(cell);
            if (split.Gain > best.Gain) (second, best) = (Math.Max(second, best.Gain), split);
            else second = Math.Max(second, split.Gain);
        }
        // What is revisited later need only be better than nothing now.
        if (_settings.Revisits) second = 0;
        _wait = Math.Max(_settings.Grace, _settings.WaitForEach * common);
        if (best.Cell == 0) return false;
        var bound = Bound(_settings.CountsEstimated ? Sum(_counts) : search.Rows);
        if (!(best.Gain - second > bound || bound < _settings.Tie))
        {
            if (common < _settings.DearFrom) return false;
            var gap = Math.Max(Math.Max(best.Gain - second, _settings.Tie), 1e-6);
            var needed = bound * bound * search.Rows / (gap * gap) - search.Rows;
            _wait = Math.Max(_wait, Math.Clamp(Math.Min(needed, search.Rows / 4), _settings.Grace, 10 * _settings.Grace));
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
        var current = present[0] == 0 ? 0 : search.Gain(present[0], threshold);
        for (var cell = 1; cell <= _index.Count; cell++)
        {
            var split = search.Best(cell);
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
        writer.Flag(_early);
        writer.Int32(_limit);
        writer.Array(_index.Features);
        _features.Save(writer, _counts.Length, _index.Count);
        writer.Array<double>(Ranges());
    }

    /// <param name="reader">The bytes.</param>
    /// <param name="format">Format of the tree.</param>
    /// <param name="settings">Settings of the tree.</param>
    /// <param name="classes">Classes seen.</param>
    public static TreeLeaf Load(StateReader reader, int format, TreeSettings settings, int classes)
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
            _early = format == 1 || reader.Flag(),
            _limit = format == 1 ? FirstLimit : reader.Count32(int.MaxValue),
            _index = LeafIndex.Restore(reader.Array<uint>()),
        };
        var features = leaf._index.Count;
        leaf._features.Reserve(counts.Length, features);
        leaf._features.Load(reader, counts.Length, features);
        var facts = format > 1 ? Facts : 2;
        var ranges = new double[facts * features];
        reader.Finite(ranges);
        if (settings.ForgetsBelow > 0) leaf._rowsBefore = new double[features + 1];
        for (var cell = 1; cell <= features; cell++)
        {
            var range = ranges.AsSpan(facts * (cell - 1), facts);
            leaf._features.SetRange(cell, range[0], range[1]);
            if (settings.ForgetsBelow > 0 && facts > 2) leaf._rowsBefore[cell] = range[2];
        }
        return leaf;
    }

    private double[] Ranges()
    {
        var ranges = new double[Facts * _index.Count];
        for (var cell = 1; cell <= _index.Count; cell++)
            ((ranges[Facts * (cell - 1)], ranges[Facts * (cell - 1) + 1]), ranges[Facts * (cell - 1) + 2]) = (_features.Range(cell), RowsBefore(cell));
        return ranges;
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

    // Of short rows the share that the settings say; of long ones so much that some ten (until revision 3 two dozen) are left, which is many for a choice at random.
    private double Share(in Row row)
    {
        if (_settings.Share >= 1) return 1;
        if (!double.IsNaN(_share)) return _share;
        return row.Count == 0 ? _settings.Share : Math.Min(_settings.Share, _settings.LongRow / row.Count);
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
        for (var c = 0; c < shares.Length; c++) shares[c] = (_features.Rows(c) + 1) / (rows + shares.Length);
        DeterministicLogs.InPlace(shares);
        _features.AddLogs(cells, row.Values, features, shares);
        Probabilities.FromLogs(shares);
    }

    private static double Sum(ReadOnlySpan<double> counts)
    {
        var sum = 0.0;
        foreach (var count in counts) sum += count;
        return sum;
    }

    private uint FeatureOf(int cell) => _index.Features[cell - 1];

    private Row Sample(in Row row, double share, TreeScratch scratch) =>
        share >= 1 ? row : _early ? scratch.Sample.Of(row, _salt, share) : scratch.Sample.Of(row, scratch.Features.Hashes, _salt, share);

    private double RowsBefore(int cell) => cell < _rowsBefore.Length ? _rowsBefore[cell] : 0;

    // The features that came with a row.
    private void Remember(int known, double rows)
    {
        if (_index.Count >= _rowsBefore.Length) Array.Resize(ref _rowsBefore, _index.Count + _index.Count / 2 + 8);
        for (var cell = known + 1; cell <= _index.Count; cell++) _rowsBefore[cell] = rows;
    }

    private double Rows()
    {
        var rows = 0.0;
        for (var c = 0; c < _counts.Length; c++) rows += _features.Rows(c);
        return rows;
    }

    // Features that were, since they came, in fewer rows than a split needs: no split looks at them (Manku and Motwani, "Approximate Frequency Counts over Data Streams", VLDB 2002).
    private void ForgetScarce(TreeScratch scratch)
    {
        var rows = Rows();
        var kept = scratch.Cells(_index.Count);
        var count = 0;
        for (var cell = 1; cell <= _index.Count; cell++)
            if (_features.Present(cell) >= _settings.ForgetsBelow * (rows - RowsBefore(cell))) kept[count++] = cell;
        Keep(kept[..count]);
        if (_index.Count > _limit / 2) _limit *= 2;
    }

    // The rarer half; of equally rare ones those seen later.
    private void ForgetRare(TreeScratch scratch)
    {
        var counts = scratch.Counts(_index.Count);
        for (var cell = 1; cell <= counts.Length; cell++) counts[cell - 1] = _features.Present(cell);
        var cells = scratch.Cells(counts.Length);
        Keep(cells[..LargestCounts.Find(counts, _settings.LeafFeatures / 2, cells)]);
    }

    private void Keep(ReadOnlySpan<int> cells)
    {
        _index.Keep(cells);
        for (var k = 0; k < cells.Length && cells[k] < _rowsBefore.Length; k++) _rowsBefore[k + 1] = _rowsBefore[cells[k]];
        _features.Keep(cells);
    }
}
