namespace StreamMLOps.Learning;

/// <summary>
/// ECDD: a control chart on the exponentially weighted mean of the errors, its limit chosen for a wanted number of values
/// between false alarms (Ross, Adams, Tasoulis and Hand, "Exponentially Weighted Moving Average Charts for Detecting Concept Drift",
/// Pattern Recognition Letters 33, 2012; the limits are its table for lambda 0.2).
/// </summary>
public sealed class Ewma : IDriftDetector
{
    private const double Lambda = 0.2;
    private readonly int _runLength;
    private readonly int _warmUp;
    private readonly double _warning;
    private RunningMean _rate;
    private double _average;
    private double _decay = 1;    // (1 - lambda)^(2n)
    private DriftState _state;

    /// <summary>Starts with no value.</summary>
    /// <param name="runLength">Values between two false alarms, on average: 100, 400 or 1000.</param>
    /// <param name="warmUp">Values before anything is signalled.</param>
    /// <param name="warning">Share of the limit that is a warning.</param>
    public Ewma(int runLength = 400, int warmUp = 30, double warning = 0.5)
    {
        if (runLength is not (100 or 400 or 1000)) throw new ArgumentOutOfRangeException(nameof(runLength), runLength, "the limits are known for 100, 400 and 1000");
        (_runLength, _warmUp, _warning) = (runLength, warmUp, warning);
    }

    /// <summary>The kind <c>ewma</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "ewma",
        OfErrors: true,
        "Control chart with a chosen number of values between false alarms: where that number matters most; error rates up to one half.",
        "Ross, Adams, Tasoulis and Hand, Pattern Recognition Letters 33 (2012), 191-198",
        [
            new Parameter.Choice("run-length", "400",
            [
                new Option("100", "A false alarm every 100 values."),
                new Option("400", "A false alarm every 400 values."),
                new Option("1000", "A false alarm every 1,000 values."),
            ], "Values between two false alarms, on average."),
            new Parameter.Integer("warm-up", 30, 1, 1_000_000_000, "Values before anything is signalled."),
            new Parameter.Number("warning", 0.5, 0, 1, "Share of the limit that is a warning."),
        ],
        p => new Ewma(int.Parse(p.Choice("run-length").Option, System.Globalization.CultureInfo.InvariantCulture), (int)p.Integer("warm-up"), p.Number("warning")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireError(value);
        if (_state == DriftState.Drift) (_rate, _average, _decay, _state) = (default, 0, 1, DriftState.Stable);
        _rate.Add(value);
        _decay *= (1 - Lambda) * (1 - Lambda);
        var rate = Math.Clamp(_rate.Value, 0, 1);
        // The chart starts at the first mean it has, so that it does not have to climb there.
        _average = _rate.Count == 1 ? rate : _average + Lambda * (value - _average);
        if (_rate.Count < _warmUp) return _state;

        var deviation = Math.Sqrt(rate * (1 - rate) * Lambda / (2 - Lambda) * (1 - _decay));
        var limit = Limit(rate) * deviation;
        return _state = _average > rate + limit ? DriftState.Drift : _average > rate + _warning * limit ? DriftState.Warning : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("ewma", 1);
        _rate.Save(writer);
        writer.Double(_average);
        writer.Double(_decay);
        writer.Byte((byte)_state);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("ewma", 1);
        _rate.Load(reader);
        _average = reader.Finite();
        _decay = reader.Finite();
        _state = reader.DriftState();
    }

    // The paper's polynomials were fitted up to one half; beyond it they mean nothing.
    private double Limit(double rate)
    {
        var p = Math.Min(rate, 0.5);
        var p3 = p * p * p;
        var p5 = p3 * p * p;
        var p7 = p5 * p * p;
        return _runLength switch
        {
            100 => 2.76 - 6.23 * p + 18.12 * p3 - 312.45 * p5 + 1002.18 * p7,
            400 => 3.97 - 6.56 * p + 48.73 * p3 - 330.13 * p5 + 848.18 * p7,
            _ => 1.17 + 7.56 * p - 21.24 * p3 + 112.12 * p5 - 987.23 * p7,
        };
    }
}
