namespace StreamMLOps.Learning;

/// <summary>
/// R²: the share of the labels' variance that predictions explain, <c>1 - sum (p - y)² / sum (y - mean)²</c>, in one pass and mergeable
/// (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).
/// </summary>
internal sealed class ExplainedVariance : MetricStatistic
{
    private double _total;
    private double _mean;
    private double _spread;
    private double _squares;

    public static MetricKind Kind { get; } = new(
        "r2", [LearningTask.Regression], higherIsBetter: true,
        "Share of the labels' variance that is explained: 1 is perfect, 0 as good as their mean, below 0 worse; NaN where labels do not vary.",
        "Chan, Golub and LeVeque, Stanford STAN-CS-79-773 (1979)", [], (_, _) => new ExplainedVariance());

    public override double Value => _spread > 0 ? 1 - _squares / _spread : double.NaN;

    public override void Add(in MetricObservation row, double weight)
    {
        _total += weight;
        _squares += weight * row.SquaredDistance;
        var before = row.Label - _mean;
        _mean += weight / _total * before;
        _spread += weight * before * (row.Label - _mean);
    }

    public override void Scale(double factor) => (_total, _spread, _squares) = (_total * factor, _spread * factor, _squares * factor);

    public override void Merge(MetricStatistic other)
    {
        var o = (ExplainedVariance)other;
        if (!(o._total > 0)) return;
        var total = _total + o._total;
        var distance = o._mean - _mean;
        _spread += o._spread + distance * distance * (_total * (o._total / total));
        _mean += distance * (o._total / total);
        (_total, _squares) = (total, _squares + o._squares);
    }

    public override void Clear() => (_total, _mean, _spread, _squares) = (0, 0, 0, 0);

    public override void Save(StateWriter writer)
    {
        writer.Double(_total);
        writer.Double(_mean);
        writer.Double(_spread);
        writer.Double(_squares);
    }

    public override void Load(StateReader reader) => (_total, _mean, _spread, _squares) = (reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite());
}
