namespace StreamMLOps.Learning;

/// <summary>
/// Confusion counts, accuracy, F1, precision, recall, mean log loss and area under the ROC curve of a binary model. A label above
/// 0 is positive; a score above 0.5 answers positive, so a tie answers negative.
/// </summary>
public sealed class BinaryMetrics : ProgressiveMetrics
{
    private const double Smallest = 1e-15;
    private readonly RocHistogram _roc = new();
    private double _logLoss;

    /// <summary>Positive rows answered positive.</summary>
    public long TruePositives { get; private set; }

    /// <summary>Negative rows answered positive.</summary>
    public long FalsePositives { get; private set; }

    /// <summary>Negative rows answered negative.</summary>
    public long TrueNegatives { get; private set; }

    /// <summary>Positive rows answered negative.</summary>
    public long FalseNegatives { get; private set; }

    /// <inheritdoc/>
    public override long Count => TruePositives + FalsePositives + TrueNegatives + FalseNegatives;

    /// <summary>Share of right answers; 0 before the first row.</summary>
    public double Accuracy => Ratio(TruePositives + TrueNegatives, Count);

    /// <summary>Share of wrong answers.</summary>
    public double Error => Ratio(FalsePositives + FalseNegatives, Count);

    /// <summary>Share of positive answers that were right; 0 where there are none.</summary>
    public double Precision => Ratio(TruePositives, TruePositives + FalsePositives);

    /// <summary>Share of positive rows that were found; 0 where there are none.</summary>
    public double Recall => Ratio(TruePositives, TruePositives + FalseNegatives);

    /// <summary>Harmonic mean of precision and recall.</summary>
    public double F1 => Ratio(2 * TruePositives, 2 * TruePositives + FalsePositives + FalseNegatives);

    /// <summary>Mean of -ln(probability given to what happened), in nats, probabilities held to [1e-15, 1 - 1e-15].</summary>
    public double LogLoss => Count == 0 ? 0 : _logLoss / Count;

    /// <summary>Area under the ROC curve, see <see cref="RocHistogram.Auc"/>; NaN until both classes were seen.</summary>
    public double RocAuc => _roc.Auc;

    /// <inheritdoc/>
    public override void Update(double label, ReadOnlySpan<double> scores)
    {
        if (double.IsNaN(label)) return;
        var score = scores[0];
        var positive = label > 0;
        if (positive)
        {
            if (score > 0.5) TruePositives++; else FalseNegatives++;
        }
        else
        {
            if (score > 0.5) FalsePositives++; else TrueNegatives++;
        }
        var given = Math.Clamp(score, Smallest, 1 - Smallest);
        _logLoss -= DeterministicMath.Log(positive ? given : 1 - given);
        _roc.Add(score, positive);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value)> Report() =>
    [
        ("rows", Count),
        ("accuracy", Accuracy),
        ("error", Error),
        ("f1", F1),
        ("precision", Precision),
        ("recall", Recall),
        ("log-loss", LogLoss),
        ("roc-auc", RocAuc),
        ("true-positives", TruePositives),
        ("false-positives", FalsePositives),
        ("true-negatives", TrueNegatives),
        ("false-negatives", FalseNegatives),
    ];

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Section("binary-metrics", 1);
        writer.Int64(TruePositives);
        writer.Int64(FalsePositives);
        writer.Int64(TrueNegatives);
        writer.Int64(FalseNegatives);
        writer.Double(_logLoss);
        _roc.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Section("binary-metrics", 1);
        TruePositives = Counted(reader);
        FalsePositives = Counted(reader);
        TrueNegatives = Counted(reader);
        FalseNegatives = Counted(reader);
        _logLoss = reader.Double();
        _roc.Load(reader);
    }

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole;

    private static long Counted(StateReader reader)
    {
        var count = reader.Int64();
        return count >= 0 ? count : throw new StateFormatException($"a count is {count}: the bytes are damaged");
    }
}
