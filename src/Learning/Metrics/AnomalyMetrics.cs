namespace StreamMLOps.Learning;

/// <summary>
/// How well scores from 0 to 1 rank anomalies (label above 0) above the rest: area under the ROC curve and under the precision-recall curve. Rows
/// without a label are counted and nothing more.
/// </summary>
public sealed class AnomalyMetrics : ProgressiveMetrics
{
    private readonly RocHistogram _roc = new();
    private readonly PrecisionRecallHistogram _precisionRecall = new();
    private long _count;
    private long _labelled;

    /// <inheritdoc/>
    public override long Count => _count;

    /// <summary>Rows with a label.</summary>
    public long Labelled => _labelled;

    /// <summary>Area under the ROC curve; NaN until both classes were seen.</summary>
    public double RocAuc => _roc.Auc;

    /// <summary>Average precision; NaN until an anomaly was seen.</summary>
    public double PrecisionRecallAuc => _precisionRecall.Auc;

    /// <inheritdoc/>
    public override void Update(double label, ReadOnlySpan<double> scores)
    {
        _count++;
        UpdateLater(label, scores);
    }

    /// <inheritdoc/>
    public override void UpdateLater(double label, ReadOnlySpan<double> scores)
    {
        if (double.IsNaN(label)) return;
        _labelled++;
        _roc.Add(scores[0], label > 0);
        _precisionRecall.Add(scores[0], label > 0);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value)> Report() =>
        [("rows", Count), ("labelled", Labelled), ("roc-auc", RocAuc), ("pr-auc", PrecisionRecallAuc)];

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Section("anomaly-metrics", 1);
        writer.Int64(_count);
        writer.Int64(_labelled);
        _roc.Save(writer);
        _precisionRecall.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Section("anomaly-metrics", 1);
        _count = reader.Count64();
        _labelled = reader.Count64();
        _roc.Load(reader);
        _precisionRecall.Load(reader);
    }
}
