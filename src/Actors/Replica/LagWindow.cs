namespace StreamMLOps.Actors;

/// <summary>The latest so many lags. Safe for use by many threads.</summary>
internal sealed class LagWindow
{
    private readonly double[] _latest = new double[1024];
    private int _count;

    public void Add(double milliseconds)
    {
        lock (_latest) _latest[_count++ % _latest.Length] = milliseconds;
    }

    /// <summary>Median and 99th percentile, NaN where there is none yet.</summary>
    public (double P50, double P99) Percentiles()
    {
        double[] sorted;
        lock (_latest) sorted = _latest[..Math.Min(_count, _latest.Length)];
        if (sorted.Length == 0) return (double.NaN, double.NaN);
        Array.Sort(sorted);
        return (sorted[sorted.Length / 2], sorted[sorted.Length * 99 / 100]);
    }
}
