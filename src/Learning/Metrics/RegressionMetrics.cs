namespace StreamMLOps.Learning;

/// <summary>Mean absolute and root mean squared error, R² and symmetric mean absolute percentage error of a predicted number.</summary>
public sealed class RegressionMetrics : ProgressiveMetrics
{
    // Squared and summed for ever it stays finite.
    private const double Largest = 1e140;
    private long _count;
    private double _absolute;
    private double _squared;
    private double _symmetric;
    private double _mean;
    private double _spread;     // sum of squared deviations of the labels from their mean

    /// <inheritdoc/>
    public override long Count => _count;

    /// <summary>Mean of <c>|p - y|</c>, in the labels' unit.</summary>
    public double MeanAbsoluteError => _count == 0 ? 0 : _absolute / _count;

    /// <summary>Root of the mean of <c>(p - y)²</c>, in the labels' unit.</summary>
    public double RootMeanSquaredError => _count == 0 ? 0 : Math.Sqrt(_squared / _count);

    /// <summary>Share of the labels' variance that is explained; 0 where the labels have none, negative where their mean would do better.</summary>
    public double RSquared => _spread > 0 ? 1 - _squared / _spread : 0;

    /// <summary>Mean of <c>2 |p - y| / (|p| + |y|)</c>, a row of two zeros counting 0: from 0 to 2.</summary>
    public double SymmetricMeanAbsolutePercentageError => _count == 0 ? 0 : _symmetric / _count;

    /// <inheritdoc/>
    public override void Update(double label, ReadOnlySpan<double> scores)
    {
        if (double.IsNaN(label)) return;
        var y = Math.Clamp(label, -Largest, Largest);
        var p = Math.Clamp(scores[0], -Largest, Largest);
        var distance = Math.Abs(p - y);
        _count++;
        _absolute += distance;
        _squared += distance * distance;
        if (distance > 0) _symmetric += 2 * distance / (Math.Abs(p) + Math.Abs(y));
        var before = y - _mean;
        _mean += before / _count;
        _spread += before * (y - _mean);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, double Value)> Report() =>
    [
        ("rows", Count),
        ("mae", MeanAbsoluteError),
        ("rmse", RootMeanSquaredError),
        ("r2", RSquared),
        ("smape", SymmetricMeanAbsolutePercentageError),
    ];

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Section("regression-metrics", 1);
        writer.Int64(_count);
        writer.Double(_absolute);
        writer.Double(_squared);
        writer.Double(_symmetric);
        writer.Double(_mean);
        writer.Double(_spread);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Section("regression-metrics", 1);
        _count = reader.Count64();
        _absolute = reader.Finite();
        _squared = reader.Finite();
        _symmetric = reader.Finite();
        _mean = reader.Finite();
        _spread = reader.Finite();
    }
}
