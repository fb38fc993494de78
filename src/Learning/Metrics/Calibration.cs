namespace StreamMLOps.Learning;

/// <summary>
/// Expected calibration error: probabilities in equal bins, the mean over bins, by their rows, of how far the mean probability is from the share
/// that happened (Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015; of many classes for the
/// answer's probability, as Guo, Pleiss, Sun and Weinberger, ICML 2017). The curve is in the details.
/// </summary>
internal sealed class Calibration(int bins) : MetricStatistic
{
    private readonly double[] _rows = new double[bins];
    private readonly double[] _probabilities = new double[bins];
    private readonly double[] _hits = new double[bins];

    public static MetricKind Kind { get; } = new(
        "calibration-error", [LearningTask.Binary, LearningTask.MultiClass], higherIsBetter: false,
        "How far probabilities are from what happens as often as they say: 0 is calibrated. The curve is in the details.",
        "Naeini, Cooper and Hauskrecht, AAAI 2015, 2901-2907; Guo et al., ICML 2017, 1321-1330",
        [new Parameter.Integer("bins", 10, 1, 10_000, "Equal bins of probability.")],
        (_, p) => new Calibration((int)p.Integer("bins")));

    public override double Value
    {
        get
        {
            double all = 0, sum = 0;
            for (var bin = 0; bin < bins; bin++)
            {
                all += _rows[bin];
                sum += Math.Abs(_probabilities[bin] - _hits[bin]);
            }
            return all > 0 ? sum / all : double.NaN;
        }
    }

    public override IEnumerable<(string Name, double Value)> Details
    {
        get
        {
            for (var bin = 0; bin < bins; bin++)
            {
                if (!(_rows[bin] > 0)) continue;
                yield return (FormattableString.Invariant($"bin {bin} probability"), _probabilities[bin] / _rows[bin]);
                yield return (FormattableString.Invariant($"bin {bin} happened"), _hits[bin] / _rows[bin]);
            }
        }
    }

    public override void Add(in MetricObservation row, double weight)
    {
        var bin = (int)Math.Clamp(row.Confidence * bins, 0, bins - 1);
        _rows[bin] += weight;
        _probabilities[bin] += weight * Math.Clamp(row.Confidence, 0, 1);
        if (row.Hit) _hits[bin] += weight;
    }

    public override void Scale(double factor)
    {
        for (var bin = 0; bin < bins; bin++) (_rows[bin], _probabilities[bin], _hits[bin]) = (_rows[bin] * factor, _probabilities[bin] * factor, _hits[bin] * factor);
    }

    public override void Merge(MetricStatistic other)
    {
        var o = (Calibration)other;
        if (o._rows.Length != bins) throw new NotSupportedException("the other has other bins");
        for (var bin = 0; bin < bins; bin++) (_rows[bin], _probabilities[bin], _hits[bin]) = (_rows[bin] + o._rows[bin], _probabilities[bin] + o._probabilities[bin], _hits[bin] + o._hits[bin]);
    }

    public override void Clear()
    {
        Array.Clear(_rows);
        Array.Clear(_probabilities);
        Array.Clear(_hits);
    }

    public override void Save(StateWriter writer)
    {
        writer.Array<double>(_rows);
        writer.Array<double>(_probabilities);
        writer.Array<double>(_hits);
    }

    public override void Load(StateReader reader)
    {
        reader.Finite(_rows);
        reader.Finite(_probabilities);
        reader.Finite(_hits);
    }
}
