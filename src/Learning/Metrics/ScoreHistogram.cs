using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// Weights of positive and negative rows by score, in the bins of <see cref="RocHistogram"/>: areas under curves in constant memory. Rows of one bin count as ties.
/// </summary>
internal sealed class ScoreHistogram(Func<ScoreHistogram, double> of) : MetricStatistic
{
    private readonly double[] _negatives = new double[RocHistogram.Bins];
    private readonly double[] _positives = new double[RocHistogram.Bins];

    public static ImmutableArray<MetricKind> Kinds { get; } =
    [
        new("roc-auc", [LearningTask.Binary, LearningTask.Anomaly], higherIsBetter: true,
            "Probability that a positive row scores above a negative one, ties half, whatever the threshold; in constant memory, off by at most half the share of pairs that share a bin.",
            "Hanley and McNeil, Radiology 143 (1982), 29-36", [], (_, _) => new ScoreHistogram(h => h.RocAuc())),
        new("pr-auc", [LearningTask.Binary, LearningTask.Anomaly], higherIsBetter: true,
            "Average precision, the area under the precision-recall curve without interpolation: for rare positives; in constant memory.",
            "Davis and Goadrich, ICML 2006, 233-240", [], (_, _) => new ScoreHistogram(h => h.AveragePrecision())),
    ];

    public override double Value => of(this);

    public override void Add(in MetricObservation row, double weight) => (row.Label > 0 ? _positives : _negatives)[RocHistogram.BinOf(row.Score)] += weight;

    public override void Scale(double factor)
    {
        for (var bin = 0; bin < _positives.Length; bin++)
        {
            _positives[bin] *= factor;
            _negatives[bin] *= factor;
        }
    }

    public override void Merge(MetricStatistic other)
    {
        for (var bin = 0; bin < _positives.Length; bin++)
        {
            _positives[bin] += ((ScoreHistogram)other)._positives[bin];
            _negatives[bin] += ((ScoreHistogram)other)._negatives[bin];
        }
    }

    public override void Clear()
    {
        Array.Clear(_positives);
        Array.Clear(_negatives);
    }

    public override void Save(StateWriter writer)
    {
        writer.Int32(_positives.Zip(_negatives).Count(b => b.First + b.Second > 0));
        for (var bin = 0; bin < _positives.Length; bin++)
        {
            if (!(_positives[bin] + _negatives[bin] > 0)) continue;
            writer.Int32(bin);
            writer.Double(_positives[bin]);
            writer.Double(_negatives[bin]);
        }
    }

    public override void Load(StateReader reader)
    {
        Clear();
        var last = -1;
        for (var left = reader.Count32(_positives.Length); left > 0; left--)
        {
            var bin = reader.Int32();
            if (bin <= last || bin >= _positives.Length) throw new StateFormatException($"bin {bin} after bin {last}: the bytes are damaged");
            (_positives[bin], _negatives[bin], last) = (reader.Finite(), reader.Finite(), bin);
        }
    }

    private double RocAuc()
    {
        double below = 0, positives = 0, wins = 0;
        for (var bin = 0; bin < _positives.Length; bin++)
        {
            wins += _positives[bin] * (below + 0.5 * _negatives[bin]);
            below += _negatives[bin];
            positives += _positives[bin];
        }
        return below > 0 && positives > 0 ? wins / (below * positives) : double.NaN;
    }

    private double AveragePrecision()
    {
        double found = 0, answered = 0, sum = 0;
        for (var bin = _positives.Length - 1; bin >= 0; bin--)
        {
            found += _positives[bin];
            answered += _positives[bin] + _negatives[bin];
            if (_positives[bin] > 0) sum += _positives[bin] * (found / answered);
        }
        return found > 0 ? sum / found : double.NaN;
    }
}
