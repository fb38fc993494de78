namespace StreamMLOps.Learning;

/// <summary>
/// Accuracy beyond that of answering the label before: 1 is all right, 0 is no better, below 0 worse (Žliobaitė, Bifet, Read, Pfahringer and Holmes,
/// "Evaluation Methods and Decision Theory for Classification of Streaming Data with Temporal Dependence", Machine Learning 98, 2015). The first row has no label before it and is not counted.
/// </summary>
internal sealed class TemporalKappa : MetricStatistic
{
    private double _total;
    private double _right;
    private double _same;
    private double _before = double.NaN;

    public static MetricKind Kind { get; } = new(
        "temporal-kappa", [LearningTask.Binary, LearningTask.MultiClass], higherIsBetter: true,
        "Accuracy beyond that of answering the label before: whether a model of a stream whose labels come in runs has learned anything.",
        "Žliobaitė, Bifet, Read, Pfahringer and Holmes, Machine Learning 98 (2015), 455-482", [], (_, _) => new TemporalKappa());

    public override double Value => !(_total > 0) ? double.NaN : _same < _total ? (_right - _same) / (_total - _same) : 0;

    public override bool CanMerge => false;

    public override void Add(in MetricObservation row, double weight)
    {
        if (!double.IsNaN(_before))
        {
            _total += weight;
            if (row.Label == row.Answer) _right += weight;
            if (row.Label == _before) _same += weight;
        }
        _before = row.Label;
    }

    public override void Scale(double factor) => (_total, _right, _same) = (_total * factor, _right * factor, _same * factor);

    public override void Merge(MetricStatistic other) => throw new NotSupportedException("depends on the order of rows");

    public override void Clear() => (_total, _right, _same, _before) = (0, 0, 0, double.NaN);

    public override void Save(StateWriter writer)
    {
        writer.Double(_total);
        writer.Double(_right);
        writer.Double(_same);
        writer.Double(_before);
    }

    public override void Load(StateReader reader) => (_total, _right, _same, _before) = (reader.Finite(), reader.Finite(), reader.Finite(), reader.Double());
}
