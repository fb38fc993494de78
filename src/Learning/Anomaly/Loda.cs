namespace StreamMLOps.Learning;

/// <summary>
/// LODA: random sparse projections of the row to single numbers, a histogram of each; a row that falls where histograms are low is unusual
/// (Pevný, "Loda: Lightweight On-line Detector of Anomalies", Machine Learning 102, 2016). A projection's weight of a feature is -1, 0 or 1 by hash, so
/// that features never seen before need no state (Manzoor, Lamba and Akoglu, "xStream", KDD 2018). Histograms are made anew from each full
/// window, over the range of its values; memory is projections times window and bins, whatever the features are.
/// </summary>
public static class Loda
{
    /// <summary>The kind <c>loda</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "loda", 1, LearningTask.Anomaly,
        "How unusual a row is by histograms of random projections: constant memory, features unknown beforehand, no trees; quick on short rows.",
        "Pevný, Machine Learning 102 (2016), 275-304; Manzoor, Lamba and Akoglu, KDD 2018, 1963-1972",
        [
            new Parameter.Integer("projections", 50, 1, 1_000, "Random projections."),
            new Parameter.Integer("bins", 16, 2, 1_024, "Bins of each histogram."),
            new Parameter.Integer("window", 256, 2, 1_000_000, "Rows that histograms are made of."),
            new Parameter.Number("density", 0.3333, 0.001, 1, "Share of the features that a projection takes in."),
        ],
        spec => new LodaModel(spec))
    { BoundedMemory = true };
}

internal sealed class LodaModel : IModel
{
    private const int HashBits = 15;
    private readonly int _bins;
    private readonly int _window;
    private readonly uint _below;             // hashes below it take part
    private readonly double[] _projected;     // of one row
    private readonly double[] _latest;        // row by row: the projections of the window that is filling
    private readonly double[] _low;
    private readonly double[] _high;
    private readonly int[] _counts;
    private readonly double[] _surprise;      // -ln of a bin's share, by its rows, scaled to [0, 1]
    private int _filled;
    private bool _ready;

    public LodaModel(ModelSpec spec)
    {
        Spec = spec;
        var projections = (int)spec.Values.Integer("projections");
        _bins = (int)spec.Values.Integer("bins");
        _window = (int)spec.Values.Integer("window");
        _below = (uint)Math.Round(spec.Values.Number("density") * (1 << HashBits));
        _projected = new double[projections];
        _latest = new double[checked(projections * _window)];
        _low = new double[projections];
        _high = new double[projections];
        _counts = new int[projections * _bins];
        _surprise = new double[_window + 1];
        // One row more in every bin: an empty one is improbable, not impossible.
        var most = DeterministicMath.Log(_window + _bins);
        for (var rows = 0; rows <= _window; rows++) _surprise[rows] = (most - DeterministicMath.Log(rows + 1)) / most;
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    /// <summary>Mean over the projections of the logarithm of how improbable the row's bin is, scaled to [0, 1]; 0.5 before the first window is full.</summary>
    public void Predict(in Row row, Span<double> scores)
    {
        Project(row);
        scores[0] = Score();
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> score = stackalloc double[1];
        PredictThenLearn(row, label, weight, score);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        Project(row);
        scores[0] = Score();
        if (weight == 0) return;
        _projected.CopyTo(_latest, _filled * _projected.Length);
        if (++_filled == _window) Turn();
    }

    public void Save(StateWriter writer)
    {
        writer.Section("loda", 1);
        writer.Flag(_ready);
        writer.Array<double>(_low);
        writer.Array<double>(_high);
        writer.Array<int>(_counts);
        writer.Int32(_filled);
        writer.Array<double>(_latest.AsSpan(0, _filled * _projected.Length));
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new LodaModel(Spec);
        fresh.Read(reader);
        (_ready, _filled) = (fresh._ready, fresh._filled);
        fresh._low.CopyTo(_low, 0);
        fresh._high.CopyTo(_high, 0);
        fresh._counts.CopyTo(_counts, 0);
        fresh._latest.CopyTo(_latest, 0);
    }

    private void Read(StateReader reader)
    {
        reader.Section("loda", 1);
        _ready = reader.Flag();
        reader.Finite(_low);
        reader.Finite(_high);
        if (reader.Array<int>(_counts) != _counts.Length) throw new StateFormatException("bins are missing: the bytes are damaged");
        foreach (var count in _counts)
            if (count < 0 || count > _window) throw new StateFormatException($"a bin has {count} rows: the bytes are damaged");
        _filled = reader.Count32(_window - 1);
        reader.Finite(_latest.AsSpan(0, _filled * _projected.Length));
    }

    // Sixteen bits of a feature's random numbers for each projection: whether it takes part, and with which sign.
    private void Project(in Row row)
    {
        Array.Clear(_projected);
        for (var k = 0; k < row.Count; k++)
        {
            var random = new RandomSource(RandomSource.Derive(Spec.Seed, row.Indices[k]));
            var value = RowDistance.Hold(row.Values[k]);
            var bits = 0UL;
            for (var p = 0; p < _projected.Length; p++)
            {
                bits = p % 4 == 0 ? random.NextUInt64() : bits >> (HashBits + 1);
                if ((bits >> 1 & ((1 << HashBits) - 1)) < _below) _projected[p] += (bits & 1) == 0 ? value : -value;
            }
        }
    }

    private double Score()
    {
        if (!_ready) return 0.5;
        var sum = 0.0;
        for (var p = 0; p < _projected.Length; p++)
        {
            var inside = _projected[p] >= _low[p] && _projected[p] <= _high[p];
            sum += _surprise[inside ? _counts[p * _bins + BinOf(p, _projected[p])] : 0];
        }
        return sum / _projected.Length;
    }

    private int BinOf(int projection, double value)
    {
        var width = _high[projection] - _low[projection];
        return width > 0 ? (int)Math.Min((value - _low[projection]) / width * _bins, _bins - 1) : 0;
    }

    private void Turn()
    {
        var projections = _projected.Length;
        Array.Clear(_counts);
        for (var p = 0; p < projections; p++)
        {
            (_low[p], _high[p]) = (_latest[p], _latest[p]);
            for (var row = 1; row < _window; row++)
            {
                _low[p] = Math.Min(_low[p], _latest[row * projections + p]);
                _high[p] = Math.Max(_high[p], _latest[row * projections + p]);
            }
            for (var row = 0; row < _window; row++) _counts[p * _bins + BinOf(p, _latest[row * projections + p])]++;
        }
        (_filled, _ready) = (0, true);
    }
}
