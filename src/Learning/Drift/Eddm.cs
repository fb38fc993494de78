namespace StreamMLOps.Learning;

/// <summary>
/// EDDM: watches the distance between errors instead of their rate, which shows slow changes sooner than DDM does
/// (Baena-García et al., "Early Drift Detection Method", IWKDDS 2006).
/// </summary>
public sealed class Eddm(int warmUp = 30, double warning = 0.95, double drift = 0.9) : IDriftDetector
{
    private RunningMean _distance;
    private double _squares;
    private long _count;
    private long _lastError;
    private double _longest = -1;
    private DriftState _state;

    /// <summary>The kind <c>eddm</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "eddm",
        OfErrors: true,
        "Distance between errors against its best so far: for slow changes, where errors are not too rare.",
        "Baena-García et al., IWKDDS 2006",
        [
            new Parameter.Integer("warm-up", 30, 1, 1_000_000_000, "Values, and errors, before anything is signalled."),
            new Parameter.Number("warning", 0.95, 0, 1, "Share of the longest distance below which it is a warning."),
            new Parameter.Number("drift", 0.9, 0, 1, "Share of the longest distance below which it is a drift."),
        ],
        p => new Eddm((int)p.Integer("warm-up"), p.Number("warning"), p.Number("drift")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireError(value);
        if (_state == DriftState.Drift) Clear();
        _count++;
        if (value <= 0.5) return _state;

        double distance = _count - _lastError;
        var before = _distance.Value;
        _distance.Add(distance);
        _squares += (distance - before) * (distance - _distance.Value);
        _lastError = _count;
        if (_count <= warmUp) return _state;

        var variance = _distance.Count > 1 ? _squares / (_distance.Count - 1) : 0;
        var length = _distance.Value + 2 * Math.Sqrt(variance);
        if (length > _longest) _longest = length;
        else if (_distance.Count > warmUp)
            _state = length / _longest < drift ? DriftState.Drift : length / _longest < warning ? DriftState.Warning : DriftState.Stable;
        return _state;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("eddm", 1);
        _distance.Save(writer);
        writer.Double(_squares);
        writer.Int64(_count);
        writer.Int64(_lastError);
        writer.Double(_longest);
        writer.Byte((byte)_state);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("eddm", 1);
        _distance.Load(reader);
        _squares = reader.Finite();
        _count = reader.Count64();
        _lastError = reader.Count64();
        _longest = reader.Finite();
        _state = reader.DriftState();
    }

    private void Clear()
    {
        _distance = default;
        (_squares, _count, _lastError, _longest, _state) = (0, 0, 0, -1, DriftState.Stable);
    }
}
