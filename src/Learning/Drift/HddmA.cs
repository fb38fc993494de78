namespace StreamMLOps.Learning;

/// <summary>
/// HDDM-A: Hoeffding's bound on the difference between the mean up to the best cut and the mean of all
/// (Frías-Blanco et al., "Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds", TKDE 27 (3), 2015).
/// </summary>
public sealed class HddmA : IDriftDetector
{
    private readonly double _driftLog;
    private readonly double _warningLog;
    private readonly double _boundLog;
    private readonly bool _twoSided;
    private RunningMean _all;
    private RunningMean _lowest;
    private RunningMean _highest;
    private DriftState _state;

    /// <summary>Starts with no value.</summary>
    /// <param name="drift">Chance of a false drift.</param>
    /// <param name="warning">Chance of a false warning.</param>
    /// <param name="twoSided">Whether a falling mean counts too.</param>
    public HddmA(double drift = 0.001, double warning = 0.005, bool twoSided = false)
    {
        _driftLog = DeterministicMath.Log(2 / drift);
        _warningLog = DeterministicMath.Log(2 / warning);
        _boundLog = DeterministicMath.Log(1 / drift);
        _twoSided = twoSided;
    }

    /// <summary>The kind <c>hddm-a</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "hddm-a",
        OfErrors: true,
        "Means compared by Hoeffding's bound, nothing assumed of the distribution: for abrupt changes.",
        "Frías-Blanco et al., TKDE 27 (3), 2015",
        [
            new Parameter.Number("drift", 0.001, 0, 1, "Chance of a false drift.", Open: true),
            new Parameter.Number("warning", 0.005, 0, 1, "Chance of a false warning.", Open: true),
            new Parameter.Flag("two-sided", false, "A falling mean counts too."),
        ],
        p => new HddmA(p.Number("drift"), p.Number("warning"), p.Flag("two-sided")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireError(value);
        if (_state == DriftState.Drift) (_all, _lowest, _highest, _state) = (default, default, default, DriftState.Stable);
        _all.Add(value);
        var bound = Bound(_all.Count);
        if (_lowest.Count == 0 || _lowest.Value + Bound(_lowest.Count) >= _all.Value + bound) _lowest = _all;
        if (_highest.Count == 0 || _highest.Value - Bound(_highest.Count) <= _all.Value - bound) _highest = _all;

        var rise = _all.Value - _lowest.Value;
        _state = Exceeds(rise, _lowest.Count, _driftLog) ? DriftState.Drift : Exceeds(rise, _lowest.Count, _warningLog) ? DriftState.Warning : DriftState.Stable;
        if (!_twoSided || _state == DriftState.Drift) return _state;

        var fall = _highest.Value - _all.Value;
        if (Exceeds(fall, _highest.Count, _driftLog)) _state = DriftState.Drift;
        else if (Exceeds(fall, _highest.Count, _warningLog)) _state = DriftState.Warning;
        return _state;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("hddm-a", 1);
        _all.Save(writer);
        _lowest.Save(writer);
        _highest.Save(writer);
        writer.Byte((byte)_state);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("hddm-a", 1);
        _all.Load(reader);
        _lowest.Load(reader);
        _highest.Load(reader);
        _state = reader.DriftState();
    }

    private double Bound(long count) => Math.Sqrt(1.0 / (2 * count) * _boundLog);

    private bool Exceeds(double difference, long cut, double logarithm)
    {
        if (cut == _all.Count) return false;
        var m = (double)(_all.Count - cut) / cut * (1.0 / _all.Count);
        return difference >= Math.Sqrt(m / 2 * logarithm);
    }
}
