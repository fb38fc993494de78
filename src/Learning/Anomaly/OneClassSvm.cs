namespace StreamMLOps.Learning;

/// <summary>
/// One-class support vector machine with a linear kernel over rows of length 1, online: a direction <c>w</c> and a threshold <c>rho</c> such that about a
/// share <c>1 - nu</c> of the rows has <c>w·x &gt;= rho</c>. Each row fades the weights, <c>w *= 1 - rate</c>; a row below the threshold is added,
/// <c>w += rate x</c>, and lowers it by <c>rate (1 - nu)</c>, another raises it by <c>rate nu</c> (Schölkopf et al., "Estimating the Support of a
/// High-Dimensional Distribution", Neural Computation 13, 2001; Kivinen, Smola and Williamson, "Online Learning with Kernels", IEEE Transactions on Signal
/// Processing 52, 2004, section on novelty detection).
/// </summary>
public static class OneClassSvm
{
    /// <summary>The kind <c>one-class-svm</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "one-class-svm", 1, LearningTask.Anomaly,
        "How far a row is from the common direction of the rows: sparse rows such as texts and logs; above 0.5 is outside. One weight a feature.",
        "Schölkopf et al., Neural Computation 13 (2001), 1443-1471; Kivinen, Smola and Williamson, IEEE Transactions on Signal Processing 52 (2004), 2165-2176",
        [
            new Parameter.Number("nu", 0.1, 0, 1, "Share of rows that are to be outside.", Open: true),
            new Parameter.Number("rate", 0.01, 1e-6, 0.5, "Step size; its reciprocal is about how many rows are remembered."),
        ],
        spec => new OneClassSvmModel(spec));
}

internal sealed class OneClassSvmModel(ModelSpec spec) : IModel
{
    private const double SmallestScale = 1e-60;
    private readonly double _nu = spec.Values.Number("nu");
    private readonly double _rate = spec.Values.Number("rate");
    private FeatureIndex _index = new();
    private double[] _weights = new double[64];   // by cell; times _scale they are w
    private double _scale = 1;
    private double _threshold;
    private int[] _cells = new int[64];

    public ModelSpec Spec => spec;

    public int Outputs => 1;

    public long Features => _index.Count;

    /// <summary><c>(1 + (rho - w·x) / (|rho| + |w·x|)) / 2</c>: 0.5 on the border, above it outside.</summary>
    public void Predict(in Row row, Span<double> scores)
    {
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        scores[0] = Score(Margin(cells, row));
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> score = stackalloc double[1];
        PredictThenLearn(row, label, weight, score);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        if (_index.Count >= _weights.Length) Array.Resize(ref _weights, Math.Max(_index.Count + 1, _weights.Length / 2 * 3));
        var margin = Margin(cells, row);
        scores[0] = Score(margin);
        if (weight == 0) return;

        // A heavy row moves further, but never past itself.
        var rate = Math.Min(_rate * weight, 0.5);
        var outside = margin < _threshold;
        _scale *= 1 - rate;
        if (_scale < SmallestScale) Rescale();
        _threshold += outside ? -rate * (1 - _nu) : rate * _nu;
        if (!outside && _threshold > 0) return;
        var length = Math.Sqrt(RowDistance.SquaredLength(row));
        if (length == 0) return;
        for (var k = 0; k < cells.Length; k++) _weights[cells[k]] += rate / _scale * (RowDistance.Hold(row.Values[k]) / length);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("one-class-svm", 1);
        writer.Double(_threshold);
        writer.Double(_scale);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        writer.Array<double>(_weights.AsSpan(1, features.Length));
    }

    public void Load(StateReader reader)
    {
        reader.Section("one-class-svm", 1);
        var threshold = reader.Finite();
        var scale = reader.Finite();
        if (!(scale > 0 && scale <= 1)) throw new StateFormatException($"a scale is {scale}: the bytes are damaged");
        var index = FeatureIndex.Restore(reader.Array<uint>());
        var weights = new double[index.Count + 64];
        reader.Finite(weights.AsSpan(1, index.Count));
        (_threshold, _scale, _index, _weights) = (threshold, scale, index, weights);
    }

    private double Score(double margin)
    {
        var size = Math.Abs(_threshold) + Math.Abs(margin);
        return size > 0 ? 0.5 + 0.5 * ((_threshold - margin) / size) : 0.5;
    }

    private double Margin(ReadOnlySpan<int> cells, in Row row)
    {
        double dot = 0, squares = 0;
        for (var k = 0; k < cells.Length; k++)
        {
            var value = RowDistance.Hold(row.Values[k]);
            squares += value * value;
            // Cell 0, of features never seen, has the weight 0.
            dot += _weights[cells[k]] * value;
        }
        return squares > 0 ? _scale * (dot / Math.Sqrt(squares)) : 0;
    }

    private void Rescale()
    {
        for (var cell = 1; cell <= _index.Count; cell++) _weights[cell] *= _scale;
        _scale = 1;
    }

    private Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
