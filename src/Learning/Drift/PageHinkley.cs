namespace StreamMLOps.Learning;

/// <summary>Which changes of the mean <see cref="PageHinkley"/> looks for.</summary>
public enum DriftDirection
{
    /// <summary>Rises and falls.</summary>
    Both,

    /// <summary>Rises only.</summary>
    Up,

    /// <summary>Falls only.</summary>
    Down,
}

/// <summary>
/// The Page-Hinkley test: sums deviations from the mean and signals when the sum has moved far from its extreme
/// (Page, "Continuous Inspection Schemes", Biometrika 41, 1954; with forgetting as in Mouss et al., 2004).
/// </summary>
public sealed class PageHinkley(int warmUp = 30, double delta = 0.005, double threshold = 50, double forgetting = 0.9999, DriftDirection direction = DriftDirection.Both)
    : IDriftDetector
{
    private RunningMean _mean;
    private double _rising;
    private double _falling;
    private double _lowest = double.PositiveInfinity;
    private double _highest = double.NegativeInfinity;
    private bool _drifted;

    /// <summary>The kind <c>page-hinkley</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "page-hinkley",
        OfErrors: false,
        "Cumulative sum of deviations from the mean: the fastest, for a known scale of values; the threshold is in their unit.",
        "Page, Biometrika 41 (1954), 100-115",
        [
            new Parameter.Integer("warm-up", 30, 1, 1_000_000_000, "Values before anything is signalled."),
            new Parameter.Number("delta", 0.005, 0, 1e100, "Size of a change that is let pass."),
            new Parameter.Number("threshold", 50, 0, 1e100, "Sum of deviations that is a drift."),
            new Parameter.Number("forgetting", 0.9999, 0, 1, "What remains of the sum at each value."),
            new Parameter.Choice("direction", "both",
            [
                new Option("both", "Rises and falls."),
                new Option("up", "Rises only."),
                new Option("down", "Falls only."),
            ], "Which changes count."),
        ],
        p => new PageHinkley((int)p.Integer("warm-up"), p.Number("delta"), p.Number("threshold"), p.Number("forgetting"),
            p.Choice("direction").Option switch { "up" => DriftDirection.Up, "down" => DriftDirection.Down, _ => DriftDirection.Both }));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireFinite(value);
        if (_drifted) Clear();
        _mean.Add(value);
        var deviation = value - _mean.Value;
        _rising = forgetting * _rising + deviation - delta;
        _falling = forgetting * _falling + deviation + delta;
        if (_rising < _lowest) _lowest = _rising;
        if (_falling > _highest) _highest = _falling;
        _drifted = _mean.Count >= warmUp
            && ((direction != DriftDirection.Down && _rising - _lowest > threshold) || (direction != DriftDirection.Up && _highest - _falling > threshold));
        return _drifted ? DriftState.Drift : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("page-hinkley", 1);
        _mean.Save(writer);
        writer.Double(_rising);
        writer.Double(_falling);
        writer.Double(_lowest);
        writer.Double(_highest);
        writer.Flag(_drifted);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("page-hinkley", 1);
        _mean.Load(reader);
        _rising = reader.Finite();
        _falling = reader.Finite();
        _lowest = reader.NotNaN();
        _highest = reader.NotNaN();
        _drifted = reader.Flag();
    }

    private void Clear()
    {
        _mean = default;
        (_rising, _falling, _lowest, _highest, _drifted) = (0, 0, double.PositiveInfinity, double.NegativeInfinity, false);
    }
}
