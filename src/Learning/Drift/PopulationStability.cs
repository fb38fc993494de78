namespace StreamMLOps.Learning;

/// <summary>
/// Population stability index between the first values and the newest: bins that hold equal shares of the reference,
/// <c>sum (r - e) ln(r / e)</c> over the shares <c>e</c> of the reference and <c>r</c> of the newest values
/// (Siddiqi, "Credit Risk Scorecards", 2006; its distribution in Yurdakul and Naranjo, Journal of Risk Model Validation 14, 2020). Half a value is added to each bin, so that an empty one counts.
/// After a drift the reference is collected anew.
/// </summary>
public sealed class PopulationStability : IDriftDetector
{
    private readonly double _warning;
    private readonly double _drift;
    private readonly int _clock;
    private readonly int _bins;
    private readonly ReferenceAndRecent _values;
    private readonly double[] _edges;
    private readonly int[] _expected;
    private readonly int[] _found;
    private int _used;            // bins; fewer than wanted where values repeat
    private int _ticks;
    private DriftState _state;

    /// <summary>Starts without a reference.</summary>
    /// <param name="reference">Values of the reference.</param>
    /// <param name="window">Newest values that are compared with it.</param>
    /// <param name="bins">Bins.</param>
    /// <param name="warning">Index that is a warning.</param>
    /// <param name="drift">Index that is a drift.</param>
    /// <param name="clock">Values between two checks.</param>
    public PopulationStability(int reference = 500, int window = 500, int bins = 10, double warning = 0.1, double drift = 0.25, int clock = 16)
    {
        (_warning, _drift, _clock, _bins) = (warning, drift, clock, bins);
        _values = new(reference, window);
        _edges = new double[bins];
        _expected = new int[bins + 1];
        _found = new int[bins + 1];
    }

    /// <summary>The kind <c>population-stability</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "population-stability",
        OfErrors: false,
        "Whether newest values fall into the same bins as the first ones: for features and scores, with thresholds that credit risk has used for decades.",
        "Siddiqi, Credit Risk Scorecards (2006); Yurdakul and Naranjo, Journal of Risk Model Validation 14 (2020)",
        [
            new Parameter.Integer("reference", 500, 10, 10_000_000, "Values of the reference: the first since the start or the last drift."),
            new Parameter.Integer("window", 500, 10, 10_000_000, "Newest values that are compared with it."),
            new Parameter.Integer("bins", 10, 2, 1_000, "Bins of equal shares of the reference."),
            new Parameter.Number("warning", 0.1, 0, 100, "Index that is a warning."),
            new Parameter.Number("drift", 0.25, 0, 100, "Index that is a drift."),
            new Parameter.Integer("clock", 16, 1, 1_000_000, "Values between two checks."),
        ],
        p => new PopulationStability((int)p.Integer("reference"), (int)p.Integer("window"), (int)p.Integer("bins"), p.Number("warning"), p.Number("drift"), (int)p.Integer("clock")));

    /// <summary>The index now; 0 until both windows are full.</summary>
    public double Index
    {
        get
        {
            if (!_values.IsReady) return 0;
            var (expected, found) = (_values.Reference.Length + 0.5 * _used, _values.Recent.Length + 0.5 * _used);
            var sum = 0.0;
            for (var bin = 0; bin < _used; bin++)
            {
                var (e, r) = ((_expected[bin] + 0.5) / expected, (_found[bin] + 0.5) / found);
                sum += (r - e) * DeterministicMath.Log(r / e);
            }
            return sum;
        }
    }

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireFinite(value);
        if (_state == DriftState.Drift) Clear();
        if (!_values.Add(value, out var left))
        {
            if (_values.ReferenceCount == _values.Reference.Length) Divide();
            return _state;
        }
        _found[BinOf(value)]++;
        if (left is { } gone) _found[BinOf(gone)]--;
        if (!_values.IsReady || ++_ticks % _clock != 0) return _state;
        _ticks = 0;
        var index = Index;
        return _state = index > _drift ? DriftState.Drift : index > _warning ? DriftState.Warning : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("population-stability", 1);
        writer.Int32(_bins);
        writer.Int32(_ticks);
        writer.Byte((byte)_state);
        _values.Save(writer);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("population-stability", 1);
        if (reader.Int32() is var bins && bins != _bins) throw new StateFormatException($"the state has {bins} bins, this detector {_bins}: load it with the settings it was saved with");
        _ticks = reader.Count32(_clock);
        _state = reader.DriftState();
        _values.Load(reader);
        if (_values.ReferenceCount < _values.Reference.Length) return;
        Divide();
        foreach (var value in _values.Recent) _found[BinOf(value)]++;
    }

    // Upper edges at the quantiles of the reference, equal ones once; a last bin holds what is above all of them.
    private void Divide()
    {
        var reference = _values.Reference;
        var edges = 0;
        for (var k = 1; k <= _bins; k++)
        {
            var edge = reference[(int)((long)k * reference.Length / _bins) - 1];
            if (edges == 0 || edge > _edges[edges - 1]) _edges[edges++] = edge;
        }
        _used = edges + 1;
        Array.Clear(_expected);
        Array.Clear(_found);
        foreach (var value in reference) _expected[BinOf(value)]++;
    }

    // The bin whose upper edge is the first that is not below the value.
    private int BinOf(double value)
    {
        var at = _edges.AsSpan(0, _used - 1).BinarySearch(value);
        return at < 0 ? ~at : at;
    }

    private void Clear()
    {
        _values.Clear();
        (_used, _ticks, _state) = (0, 0, DriftState.Stable);
    }
}
