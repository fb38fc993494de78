namespace StreamMLOps.Learning;

/// <summary>
/// Confusion matrix of classes 0, 1, 2, ... and what follows from it: accuracy, balanced accuracy, macro and weighted F1, Cohen's kappa. The
/// answer is the class with the largest score, the lowest of equal ones; before any class was seen there is none, and the row counts as wrong.
/// </summary>
public sealed class MultiClassMetrics : ProgressiveMetrics
{
    private const int NoAnswer = -1;

    // Sorted: sums over it must not depend on an order of hashing.
    private readonly SortedDictionary<(int Label, int Answer), long> _confusion = [];
    private long _count;
    private long _right;

    /// <inheritdoc/>
    public override long Count => _count;

    /// <summary>Share of right answers; 0 before the first row.</summary>
    public double Accuracy => _count == 0 ? 0 : (double)_right / _count;

    /// <summary>Mean over classes of the share of each that was found: a rare class counts as much as a common one.</summary>
    public double BalancedAccuracy => Mean(c => c.Recall, weighted: false);

    /// <summary>Mean over classes of F1, each class counting alike.</summary>
    public double MacroF1 => Mean(c => c.F1, weighted: false);

    /// <summary>Mean over classes of F1, each class by its rows.</summary>
    public double WeightedF1 => Mean(c => c.F1, weighted: true);

    /// <summary>Cohen's kappa: accuracy beyond what answers of the same frequencies would reach by chance; 1 is all right, 0 is chance.</summary>
    public double Kappa
    {
        get
        {
            if (_count == 0) return 0;
            var chance = Classes().Sum(c => (double)c.Labels / _count * ((double)c.Answers / _count));
            return chance < 1 ? (Accuracy - chance) / (1 - chance) : 0;
        }
    }

    /// <summary>Rows with this label that got this answer.</summary>
    public long Confusion(int label, int answer) => _confusion.GetValueOrDefault((label, answer));

    /// <inheritdoc/>
    public override void Update(double label, ReadOnlySpan<double> scores)
    {
        if (double.IsNaN(label)) return;
        var answer = NoAnswer;
        for (var k = 0; k < scores.Length; k++)
            if (answer == NoAnswer || scores[k] > scores[answer]) answer = k;
        var key = ((int)label, answer);
        _confusion[key] = _confusion.GetValueOrDefault(key) + 1;
        _count++;
        if (key.Item1 == answer) _right++;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value)> Report() =>
    [
        ("rows", Count),
        ("accuracy", Accuracy),
        ("balanced-accuracy", BalancedAccuracy),
        ("macro-f1", MacroF1),
        ("weighted-f1", WeightedF1),
        ("kappa", Kappa),
    ];

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Section("multi-class-metrics", 1);
        writer.Int32(_confusion.Count);
        foreach (var ((label, answer), rows) in _confusion)
        {
            writer.Int32(label);
            writer.Int32(answer);
            writer.Int64(rows);
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Section("multi-class-metrics", 1);
        _confusion.Clear();
        (_count, _right) = (0, 0);
        var entries = reader.Count32(reader.Remaining);
        for (var i = 0; i < entries; i++)
        {
            var key = (reader.Int32(), reader.Int32());
            var rows = reader.Count64();
            if (!_confusion.TryAdd(key, rows)) throw new StateFormatException($"label and answer {key} are there twice: the bytes are damaged");
            _count += rows;
            if (key.Item1 == key.Item2) _right += rows;
        }
    }

    private double Mean(Func<ClassCounts, double> of, bool weighted)
    {
        var (sum, weights) = (0.0, 0.0);
        foreach (var c in Classes())
        {
            var weight = weighted ? c.Labels : 1.0;
            sum += weight * of(c);
            weights += weight;
        }
        return weights > 0 ? sum / weights : 0;
    }

    // Classes that were a label at least once, ascending.
    private IEnumerable<ClassCounts> Classes()
    {
        var labels = new SortedDictionary<int, ClassCounts>();
        foreach (var ((label, answer), rows) in _confusion)
        {
            var counts = labels.GetValueOrDefault(label);
            labels[label] = new(counts.Labels + rows, counts.Answers, counts.Right + (label == answer ? rows : 0));
        }
        foreach (var ((_, answer), rows) in _confusion)
            if (labels.TryGetValue(answer, out var counts)) labels[answer] = counts with { Answers = counts.Answers + rows };
        return labels.Values;
    }

    private readonly record struct ClassCounts(long Labels, long Answers, long Right)
    {
        public double Recall => Labels == 0 ? 0 : (double)Right / Labels;

        public double F1 => Labels + Answers == 0 ? 0 : 2.0 * Right / (Labels + Answers);
    }
}
