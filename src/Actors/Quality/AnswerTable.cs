using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What labels said of some answers.</summary>
/// <param name="Rows">Answers that were measured.</param>
/// <param name="Error">Share of wrong decisions; of numbers the mean absolute error. NaN where there are none, and for clusters, which have no right answer.</param>
/// <param name="Loss">Mean of -ln(probability given to what happened), in nats; of numbers the mean squared error. NaN where there are none, and where scores are no probabilities.</param>
public readonly record struct AnswerCounts(long Rows, double Error, double Loss);

/// <summary>Answers measured by labels, in all, by version and by age of the label.</summary>
/// <param name="Metrics">Metrics of the task over all of them.</param>
/// <param name="Versions">Of the newest versions that have any, ascending.</param>
/// <param name="Ages">By how long after the row its label came: each less than <see cref="AgeCounts.Below"/>, the last without bound.</param>
public sealed record AnswerReport(IReadOnlyList<(string Name, double Value)> Metrics, IReadOnlyList<VersionCounts> Versions, IReadOnlyList<AgeCounts> Ages)
{
    /// <summary>Of none.</summary>
    public static AnswerReport Empty { get; } = new([], [], []);
}

/// <summary>Answers of one version.</summary>
public readonly record struct VersionCounts(long Version, AnswerCounts Counts);

/// <summary>Answers whose labels came within a time.</summary>
/// <param name="Below">Milliseconds; <see cref="long.MaxValue"/>: no bound.</param>
/// <param name="Counts">What their labels said.</param>
public readonly record struct AgeCounts(long Below, AnswerCounts Counts);

/// <summary>Counts answers by version and by age of the label, in constant memory. One user at a time.</summary>
/// <param name="task">What is answered.</param>
public sealed class AnswerTable(LearningTask task)
{
    /// <summary>Versions that are kept, the newest.</summary>
    public const int MostVersions = 8;

    private const double Smallest = 1e-15;
    private static readonly long[] Limits = [1_000, 60_000, 3_600_000, 86_400_000, 7 * 86_400_000L, long.MaxValue];
    private readonly ProgressiveMetrics _metrics = ProgressiveMetrics.For(task);
    private readonly Cell[] _ages = [.. Limits.Select(_ => new Cell())];
    private readonly SortedDictionary<long, Cell> _versions = [];
    private (long Version, Cell? Cell) _last = (-1, null);

    /// <summary>Counts one answer.</summary>
    /// <param name="version">The version that gave it.</param>
    /// <param name="age">How long after the row its label came, in milliseconds.</param>
    /// <param name="label">The label.</param>
    /// <param name="scores">The answer.</param>
    public void Add(long version, long age, double label, ReadOnlySpan<double> scores)
    {
        _metrics.Update(label, scores);
        var (error, loss) = Measure(label, scores);
        var bucket = 0;
        while (age >= Limits[bucket] && bucket < Limits.Length - 1) bucket++;
        _ages[bucket].Add(error, loss);
        CellOf(version)?.Add(error, loss);
    }

    /// <summary>What there is so far.</summary>
    public AnswerReport Report() => new(_metrics.Report(), [.. _versions.Select(v => new VersionCounts(v.Key, v.Value.Counts))], [.. Limits.Select((below, i) => new AgeCounts(below, _ages[i].Counts))]);

    // One version answers and learns many rows in a row.
    private Cell? CellOf(long version)
    {
        if (version == _last.Version) return _last.Cell;
        if (!_versions.TryGetValue(version, out var cell) && !(_versions.Count == MostVersions && version < _versions.Keys.First()))
        {
            _versions[version] = cell = new Cell();
            if (_versions.Count > MostVersions) _versions.Remove(_versions.Keys.First());
        }
        _last = (version, cell);
        return cell;
    }

    private (double Error, double Loss) Measure(double label, ReadOnlySpan<double> scores)
    {
        switch (task)
        {
            case LearningTask.Binary:
                return (Wrong(scores[0] > 0.5 == label > 0), LogLoss(label > 0 ? scores[0] : 1 - scores[0]));
            case LearningTask.MultiClass:
                var c = (int)label;
                return (Wrong(Decision.ClassOf(scores) == c), LogLoss(c < scores.Length ? scores[c] : 0));
            case LearningTask.Regression:
                var difference = scores[0] - label;
                return (Math.Abs(difference), difference * difference);
            case LearningTask.Anomaly:
                return (Wrong(scores[0] > 0.5 == label > 0), double.NaN);
            default:
                return (double.NaN, double.NaN);
        }
    }

    private static double Wrong(bool right) => right ? 0 : 1;

    private static double LogLoss(double probability) => -DeterministicMath.Log(Math.Clamp(probability, Smallest, 1 - Smallest));

    private sealed class Cell
    {
        private long _rows;
        private double _error;
        private double _loss;

        public AnswerCounts Counts => _rows == 0 ? new(0, double.NaN, double.NaN) : new(_rows, _error / _rows, _loss / _rows);

        public void Add(double error, double loss)
        {
            _rows++;
            _error += error;
            _loss += loss;
        }
    }
}
