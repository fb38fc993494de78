namespace StreamMLOps.Learning;

/// <summary>
/// Two-sample Kolmogorov-Smirnov test between the first values and the newest: the largest distance of their distribution functions, against what chance
/// allows, <c>sqrt(-ln(alpha / 2) / 2) sqrt((n + m) / (n m))</c> (Smirnov, "Table for Estimating the Goodness of Fit of Empirical Distributions",
/// Annals of Mathematical Statistics 19, 1948; over a fixed and a sliding window as in dos Reis, Flach, Matwin and Batista, KDD 2016). After a drift the reference is collected anew.
/// </summary>
public sealed class KolmogorovSmirnov : IDriftDetector
{
    private readonly double _bound;
    private readonly double _warningBound;
    private readonly int _clock;
    private readonly ReferenceAndRecent _values;
    private readonly double[] _sorted;
    private int _ticks;
    private DriftState _state;

    /// <summary>Starts without a reference.</summary>
    /// <param name="alpha">Chance of a false alarm at a check.</param>
    /// <param name="reference">Values of the reference.</param>
    /// <param name="window">Newest values that are compared with it.</param>
    /// <param name="clock">Values between two checks.</param>
    public KolmogorovSmirnov(double alpha = 0.0001, int reference = 500, int window = 500, int clock = 16)
    {
        _clock = clock;
        _values = new(reference, window);
        _sorted = new double[window];
        var scale = Math.Sqrt(((double)reference + window) / ((double)reference * window));
        _bound = Math.Sqrt(-0.5 * DeterministicMath.Log(alpha / 2)) * scale;
        _warningBound = Math.Sqrt(-0.5 * DeterministicMath.Log(Math.Min(1, 10 * alpha) / 2)) * scale;
    }

    /// <summary>The kind <c>kolmogorov-smirnov</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "kolmogorov-smirnov",
        OfErrors: false,
        "Whether newest values are distributed as the first ones, whatever the distribution: for features and scores that are compared with a reference, not with the recent past.",
        "Smirnov, Annals of Mathematical Statistics 19 (1948), 279-281; dos Reis et al., KDD 2016, 1545-1554",
        [
            new Parameter.Number("alpha", 0.0001, 0, 1, "Chance of a false alarm at a check; ten times as likely is a warning.", Open: true),
            new Parameter.Integer("reference", 500, 10, 10_000_000, "Values of the reference: the first since the start or the last drift."),
            new Parameter.Integer("window", 500, 10, 10_000_000, "Newest values that are compared with it."),
            new Parameter.Integer("clock", 16, 1, 1_000_000, "Values between two checks."),
        ],
        p => new KolmogorovSmirnov(p.Number("alpha"), (int)p.Integer("reference"), (int)p.Integer("window"), (int)p.Integer("clock")));

    /// <summary>The largest distance of the two distribution functions now; 0 until both windows are full.</summary>
    public double Distance
    {
        get
        {
            if (!_values.IsReady) return 0;
            _values.Recent.CopyTo(_sorted);
            Array.Sort(_sorted);
            var reference = _values.Reference;
            var largest = 0.0;
            for (int a = 0, b = 0; a < reference.Length && b < _sorted.Length;)
            {
                var x = Math.Min(reference[a], _sorted[b]);
                while (a < reference.Length && reference[a] <= x) a++;
                while (b < _sorted.Length && _sorted[b] <= x) b++;
                largest = Math.Max(largest, Math.Abs((double)a / reference.Length - (double)b / _sorted.Length));
            }
            return largest;
        }
    }

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireFinite(value);
        if (_state == DriftState.Drift)
        {
            _values.Clear();
            (_ticks, _state) = (0, DriftState.Stable);
        }
        if (!_values.Add(value, out _) || !_values.IsReady || ++_ticks % _clock != 0) return _state;
        _ticks = 0;
        var distance = Distance;
        return _state = distance > _bound ? DriftState.Drift : distance > _warningBound ? DriftState.Warning : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("kolmogorov-smirnov", 1);
        writer.Int32(_ticks);
        writer.Byte((byte)_state);
        _values.Save(writer);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("kolmogorov-smirnov", 1);
        _ticks = reader.Count32(_clock);
        _state = reader.DriftState();
        _values.Load(reader);
    }
}
