namespace StreamMLOps.Learning;

/// <summary>
/// DDM: remembers the lowest error rate plus its standard deviation and signals when the rate now lies some deviations above
/// (Gama, Medas, Castillo and Rodrigues, "Learning with Drift Detection", SBIA 2004).
/// </summary>
public sealed class Ddm(int warmUp = 30, double warning = 2, double drift = 3) : IDriftDetector
{
    private RunningMean _rate;
    private double _lowestRate;
    private double _lowestDeviation;
    private double _lowest = double.PositiveInfinity;
    private DriftState _state;

    /// <summary>The kind <c>ddm</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "ddm",
        OfErrors: true,
        "Error rate against its best so far: cheap, good for abrupt changes, slow after a long quiet stretch.",
        "Gama, Medas, Castillo and Rodrigues, SBIA 2004",
        [
            new Parameter.Integer("warm-up", 30, 1, 1_000_000_000, "Values before anything is signalled."),
            new Parameter.Number("warning", 2, 0, 100, "Standard deviations above the best that are a warning."),
            new Parameter.Number("drift", 3, 0, 100, "Standard deviations above the best that are a drift."),
        ],
        p => new Ddm((int)p.Integer("warm-up"), p.Number("warning"), p.Number("drift")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireError(value);
        if (_state == DriftState.Drift) Clear();
        _rate.Add(value);
        if (_rate.Count <= warmUp) return _state;

        var rate = Math.Clamp(_rate.Value, 0, 1);
        var deviation = Math.Sqrt(rate * (1 - rate) / _rate.Count);
        if (rate + deviation <= _lowest) (_lowestRate, _lowestDeviation, _lowest) = (rate, deviation, rate + deviation);
        return _state = rate + deviation > _lowestRate + drift * _lowestDeviation ? DriftState.Drift
            : rate + deviation > _lowestRate + warning * _lowestDeviation ? DriftState.Warning
            : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("ddm", 1);
        _rate.Save(writer);
        writer.Double(_lowestRate);
        writer.Double(_lowestDeviation);
        writer.Double(_lowest);
        writer.Byte((byte)_state);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("ddm", 1);
        _rate.Load(reader);
        _lowestRate = reader.Finite();
        _lowestDeviation = reader.Finite();
        _lowest = reader.NotNaN();
        _state = reader.DriftState();
    }

    private void Clear()
    {
        _rate = default;
        (_lowestRate, _lowestDeviation, _lowest, _state) = (0, 0, double.PositiveInfinity, DriftState.Stable);
    }
}
