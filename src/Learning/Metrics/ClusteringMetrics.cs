namespace StreamMLOps.Learning;

/// <summary>
/// How clusters agree with labels, where there are some: purity and normalized mutual information. Rows without a label, and rows that belong to
/// no cluster (-1), are counted and nothing more. Memory grows with the pairs of cluster and label.
/// </summary>
public sealed class ClusteringMetrics : ProgressiveMetrics
{
    // Sorted: sums over it must not depend on an order of hashing.
    private readonly SortedDictionary<(double Cluster, double Label), long> _pairs = [];
    private long _count;
    private long _outside;
    private long _labelled;

    /// <inheritdoc/>
    public override long Count => _count;

    /// <summary>Share of the labelled rows whose label is the most frequent of their cluster; NaN before there is one.</summary>
    public double Purity => _labelled == 0 ? double.NaN : (double)_pairs.GroupBy(p => p.Key.Cluster).Sum(g => g.Max(p => p.Value)) / _labelled;

    /// <summary>Mutual information of cluster and label over the mean of their entropies: 1 is agreement, 0 independence; NaN before there is a labelled row, 1 where there is one of each.</summary>
    public double NormalizedMutualInformation
    {
        get
        {
            if (_labelled == 0) return double.NaN;
            var (clusters, labels) = (Shares(p => p.Cluster), Shares(p => p.Label));
            var entropies = Entropy(clusters) + Entropy(labels);
            if (entropies == 0) return 1;
            var information = 0.0;
            foreach (var (key, rows) in _pairs)
            {
                var share = (double)rows / _labelled;
                information += share * DeterministicMath.Log(share / (clusters[key.Cluster] * labels[key.Label]));
            }
            return Math.Clamp(2 * information / entropies, 0, 1);
        }
    }

    /// <inheritdoc/>
    public override void Update(double label, ReadOnlySpan<double> scores)
    {
        _count++;
        if (scores[0] < 0) _outside++;
        UpdateLater(label, scores);
    }

    /// <inheritdoc/>
    public override void UpdateLater(double label, ReadOnlySpan<double> scores)
    {
        if (double.IsNaN(label) || scores[0] < 0) return;
        var key = (scores[0], label);
        _pairs[key] = _pairs.GetValueOrDefault(key) + 1;
        _labelled++;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value)> Report() =>
        [("rows", Count), ("outside", _outside), ("labelled", _labelled), ("purity", Purity), ("nmi", NormalizedMutualInformation)];

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Section("clustering-metrics", 1);
        writer.Int64(_count);
        writer.Int64(_outside);
        writer.Int32(_pairs.Count);
        foreach (var ((cluster, label), rows) in _pairs)
        {
            writer.Double(cluster);
            writer.Double(label);
            writer.Int64(rows);
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Section("clustering-metrics", 1);
        _count = reader.Count64();
        _outside = reader.Count64();
        _labelled = 0;
        _pairs.Clear();
        for (var left = reader.Count32(reader.Remaining); left > 0; left--)
        {
            var key = (reader.Finite(), reader.Finite());
            var rows = reader.Count64();
            if (!_pairs.TryAdd(key, rows)) throw new StateFormatException($"cluster and label {key} are there twice: the bytes are damaged");
            _labelled += rows;
        }
    }

    private SortedDictionary<double, double> Shares(Func<(double Cluster, double Label), double> of)
    {
        var shares = new SortedDictionary<double, double>();
        foreach (var (key, rows) in _pairs) shares[of(key)] = shares.GetValueOrDefault(of(key)) + (double)rows / _labelled;
        return shares;
    }

    private static double Entropy(SortedDictionary<double, double> shares)
    {
        var sum = 0.0;
        foreach (var share in shares.Values) sum -= share * DeterministicMath.Log(share);
        return sum;
    }
}
