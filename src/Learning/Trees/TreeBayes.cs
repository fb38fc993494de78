namespace StreamMLOps.Learning;

/// <summary>
/// Multinomial naive Bayes over all rows of a tree, which an adaptive leaf may answer with: on sparse rows a new leaf, whose own counts start from nothing, is no worse than
/// naive Bayes alone.
/// </summary>
internal sealed class TreeBayes
{
    private readonly int _limit;
    private readonly MultinomialLikelihood _likelihood;
    private FeatureIndex _index = new();
    private double[] _rows = new double[2];     // by class

    /// <summary>Starts with no row.</summary>
    /// <param name="limit">Features remembered: where there are more, the rarer half is forgotten.</param>
    /// <param name="rowWeight">What a row weighs on the average: smoothing is a part of that.</param>
    public TreeBayes(int limit, double rowWeight)
    {
        // Less than the kind of its own has: measured in docs/accuracy.md.
        const double alpha = 0.2;
        (_limit, _likelihood) = (limit, new(alpha * rowWeight, complement: false));
    }

    /// <summary>Writes the probability of each class.</summary>
    public void Predict(in Row row, TreeScratch scratch, Span<double> shares)
    {
        var cells = scratch.Cells(row.Count);
        _index.Find(row.Indices, cells);
        Predict(row, cells, _index.Count, shares);
    }

    /// <summary>The features remembered.</summary>
    public uint[] Features()
    {
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        return features;
    }

    /// <summary>Predicts, then learns.</summary>
    /// <returns>Whether features were forgotten.</returns>
    public bool PredictThenLearn(in Row row, int label, double weight, TreeScratch scratch, Span<double> shares)
    {
        var known = _index.Count;
        var cells = scratch.Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Predict(row, scratch.Known(cells, known), known, shares);

        var classes = Math.Max(shares.Length, label + 1);
        if (classes > _rows.Length) Array.Resize(ref _rows, Math.Max(classes, 2 * _rows.Length));
        _likelihood.Reserve(classes, _index.Count);
        _rows[label] += weight;
        _likelihood.Learn(cells, row.Values, _index.Count, label, weight);
        if (_index.Count <= _limit) return false;
        ForgetRare(scratch);
        return true;
    }

    public void Save(StateWriter writer, int classes)
    {
        for (var c = 0; c < classes; c++) writer.Double(c < _rows.Length ? _rows[c] : 0);
        var features = Features();
        writer.Array<uint>(features);
        _likelihood.Reserve(classes, features.Length);
        _likelihood.Save(writer, classes, features.Length);
    }

    public void Load(StateReader reader, int classes)
    {
        _rows = new double[Math.Max(classes, 2)];
        for (var c = 0; c < classes; c++)
            if (!((_rows[c] = reader.Finite()) >= 0)) throw new StateFormatException($"a class has {_rows[c]} rows: the bytes are damaged");
        _index = FeatureIndex.Restore(reader.Array<uint>());
        _likelihood.Reserve(classes, _index.Count);
        _likelihood.Load(reader, classes, _index.Count);
    }

    private void Predict(in Row row, ReadOnlySpan<int> cells, int features, Span<double> shares)
    {
        if (shares.IsEmpty) return;
        _likelihood.Reserve(shares.Length, features);
        var all = 0.0;
        foreach (var rows in _rows) all += rows;
        for (var c = 0; c < shares.Length; c++) shares[c] = ((c < _rows.Length ? _rows[c] : 0) + 1) / (all + shares.Length);
        DeterministicLogs.InPlace(shares);
        _likelihood.AddLogs(cells, row.Values, features, shares);
        Probabilities.FromLogs(shares);
    }

    // The rarer half; of equally rare ones those seen later.
    private void ForgetRare(TreeScratch scratch)
    {
        var counts = scratch.Counts(_index.Count);
        for (var cell = 1; cell <= counts.Length; cell++) counts[cell - 1] = _likelihood.Count(cell);
        var cells = scratch.Cells(counts.Length);
        cells = cells[..LargestCounts.Find(counts, Math.Max(_limit / 2, 1), cells)];
        var features = Features();
        for (var k = 0; k < cells.Length; k++) features[k] = features[cells[k] - 1];
        _index = FeatureIndex.Restore(features.AsSpan(0, cells.Length));
        _likelihood.Keep(cells);
    }
}
