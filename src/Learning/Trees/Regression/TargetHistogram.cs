namespace StreamMLOps.Learning;

/// <summary>
/// The labels of rows by the value of one feature, in a bounded number of bins: a new value is a bin of its own, and when there are too many the two nearest become one
/// (Ben-Haim and Tom-Tov, "A Streaming Parallel Decision Tree Algorithm", JMLR 11, 2010).
/// </summary>
internal sealed class TargetHistogram
{
    private const int MostBins = 32;
    private double[] _values = new double[1];
    private TargetStatistic[] _targets = new TargetStatistic[1];

    /// <summary>Bins.</summary>
    public int Count { get; private set; }

    /// <summary>Mean value of each bin, ascending.</summary>
    public ReadOnlySpan<double> Values => _values.AsSpan(0, Count);

    /// <summary>Labels of each bin.</summary>
    public ReadOnlySpan<TargetStatistic> Targets => _targets.AsSpan(0, Count);

    /// <summary>Weight of all rows.</summary>
    public double Weight
    {
        get
        {
            var weight = 0.0;
            foreach (ref readonly var target in Targets) weight += target.Weight;
            return weight;
        }
    }

    public void Add(double value, double label, double weight)
    {
        var at = Values.BinarySearch(value);
        if (at < 0)
        {
            at = ~at;
            Insert(at, value);
        }
        _targets[at].Add(label, weight);
        if (Count > MostBins) MergeNearest();
    }

    public void Save(StateWriter writer)
    {
        writer.Int32(Count);
        for (var i = 0; i < Count; i++)
        {
            writer.Double(_values[i]);
            _targets[i].Save(writer);
        }
    }

    public static TargetHistogram Load(StateReader reader)
    {
        var loaded = new TargetHistogram { Count = reader.Count32(MostBins) };
        (loaded._values, loaded._targets) = (new double[Math.Max(loaded.Count, 1)], new TargetStatistic[Math.Max(loaded.Count, 1)]);
        for (var i = 0; i < loaded.Count; i++)
        {
            loaded._values[i] = reader.Finite();
            loaded._targets[i] = TargetStatistic.Load(reader);
            if (i > 0 && !(loaded._values[i] > loaded._values[i - 1])) throw new StateFormatException("bins are not in order: the bytes are damaged");
        }
        return loaded;
    }

    private void Insert(int at, double value)
    {
        if (Count == _values.Length)
        {
            Array.Resize(ref _values, 2 * Count);
            Array.Resize(ref _targets, 2 * Count);
        }
        _values.AsSpan(at, Count - at).CopyTo(_values.AsSpan(at + 1));
        _targets.AsSpan(at, Count - at).CopyTo(_targets.AsSpan(at + 1));
        (_values[at], _targets[at]) = (value, default);
        Count++;
    }

    private void MergeNearest()
    {
        var nearest = 1;
        for (var i = 2; i < Count; i++)
            if (_values[i] - _values[i - 1] < _values[nearest] - _values[nearest - 1]) nearest = i;
        var (left, right) = (_targets[nearest - 1].Weight, _targets[nearest].Weight);
        // Between the two, so that the order stays.
        var middle = _values[nearest - 1] + (_values[nearest] - _values[nearest - 1]) * (right / (left + right));
        _targets[nearest - 1].Add(_targets[nearest]);
        _values[nearest - 1] = middle;
        Count--;
        _values.AsSpan(nearest + 1, Count - nearest).CopyTo(_values.AsSpan(nearest));
        _targets.AsSpan(nearest + 1, Count - nearest).CopyTo(_targets.AsSpan(nearest));
    }
}
