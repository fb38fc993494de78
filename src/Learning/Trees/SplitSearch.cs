namespace StreamMLOps.Learning;

/// <summary>A split: rows whose feature is above the threshold go right, all others, those without the feature too where 0 is not above, go left.</summary>
internal readonly record struct TreeSplit(int Cell, uint Feature, double Threshold, double Gain);

/// <summary>
/// Information gain of the splits of a leaf. The values of a feature within a class are a point mass at 0 (the rows without the feature) and a
/// normal distribution for the others (Pfahringer, Holmes and Kirkby, "Handling Numeric Attributes in Hoeffding Trees", PAKDD 2008).
/// </summary>
internal readonly ref struct SplitSearch
{
    private const int Thresholds = 10;
    private const double SmallestBranch = 0.01;
    private readonly PresenceLikelihood _features;
    private readonly TreeScratch _scratch;
    private readonly int _classes;
    private readonly double[] _left;
    private readonly double[] _right;
    private readonly double _entropy;

    public SplitSearch(PresenceLikelihood features, int classes, TreeScratch scratch)
    {
        (_features, _scratch, _classes) = (features, scratch, classes);
        scratch.ReserveSides(classes);
        (_left, _right) = (scratch.Left, scratch.Right);
        var present = 0;
        for (var c = 0; c < classes; c++)
        {
            _left[c] = features.Rows(c);
            Rows += _left[c];
            if (_left[c] > 0) present++;
        }
        IsPure = present < 2;
        _entropy = IsPure ? 0 : Entropy(_left, Rows);
    }

    /// <summary>Rows (their weights) of the leaf.</summary>
    public double Rows { get; }

    /// <summary>Whether there is only one class.</summary>
    public bool IsPure { get; }

    /// <summary>The best split on a feature; a gain of 0 where there is none.</summary>
    public TreeSplit Best(int cell)
    {
        var present = _features.Present(cell);
        // Too rare to make a branch.
        if (!IsCommon(present)) return default;
        var (smallest, largest) = _features.Range(cell);
        var always = present >= Rows * (1 - 1e-9);
        var low = always ? smallest : Math.Min(smallest, 0);
        var high = always ? largest : Math.Max(largest, 0);
        if (!(high > low)) return default;
        var best = default(TreeSplit);
        Open(cell);
        // A feature with one value besides 0 has one place to split.
        var places = smallest == largest ? 1 : Thresholds;
        for (var i = 1; i <= places; i++)
        {
            var threshold = low + (high - low) * i / (places + 1);
            var gain = Gain(threshold, smallest, largest);
            if (gain > best.Gain) best = new(cell, 0, threshold, gain);
        }
        return best;
    }

    /// <summary>Leaves the class weights of both sides in the scratch.</summary>
    public void Shares(in TreeSplit split, TreeScratch scratch)
    {
        // Bounds of the values do not matter beyond one value: the normal share is what both sides are estimated by.
        Open(split.Cell);
        _ = Gain(split.Threshold, double.NegativeInfinity, double.PositiveInfinity);
    }

    /// <summary>What a split tells of the class, in bits; leaves the class weights of both sides in the scratch. 0 where a side is too small to make a branch.</summary>
    public double Gain(int cell, double threshold)
    {
        Open(cell);
        var (smallest, largest) = _features.Range(cell);
        return Gain(threshold, smallest, largest);
    }

    /// <summary>Whether there are enough rows with a feature to make a branch of them.</summary>
    /// <param name="present">Rows that have it.</param>
    public bool IsCommon(double present) => present >= SmallestBranch * Rows;

    // Takes out what is known of a feature, once for all thresholds.
    private void Open(int cell)
    {
        for (var c = 0; c < _classes; c++)
        {
            var (present, mean, variance) = _features.Of(cell, c);
            _scratch.Present[c] = present;
            _scratch.Means[c] = mean;
            _scratch.Deviations[c] = Math.Sqrt(variance);
        }
    }

    private double Gain(double threshold, double smallest, double largest)
    {
        double left = 0, right = 0;
        for (var c = 0; c < _classes; c++)
        {
            var present = _scratch.Present[c];
            var below = present == 0 ? 0
                : threshold >= largest ? 1
                : threshold < smallest ? 0
                : _scratch.Deviations[c] > 0 ? NormalDistribution.Below((threshold - _scratch.Means[c]) / _scratch.Deviations[c])
                : _scratch.Means[c] <= threshold ? 1 : 0;
            var absent = Math.Max(_features.Rows(c) - present, 0);
            _left[c] = present * below + (threshold >= 0 ? absent : 0);
            _right[c] = present * (1 - below) + (threshold >= 0 ? 0 : absent);
            left += _left[c];
            right += _right[c];
        }
        if (left < SmallestBranch * Rows || right < SmallestBranch * Rows) return 0;
        return _entropy - (left * Entropy(_left, left) + right * Entropy(_right, right)) / (left + right);
    }

    // In bits.
    private double Entropy(double[] weights, double sum)
    {
        const double Ln2 = 0.6931471805599453;
        var entropy = 0.0;
        for (var c = 0; c < _classes; c++)
        {
            var share = weights[c] / sum;
            if (share > 0) entropy -= share * DeterministicMath.Log(share);
        }
        return entropy / Ln2;
    }
}
