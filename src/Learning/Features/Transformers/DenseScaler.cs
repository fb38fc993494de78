namespace StreamMLOps.Learning;

/// <summary>
/// Scales rows whose zeros mean something: every feature known is in every row, with the value 0 where it is not named, and comes out as whatever 0 is
/// scaled to. A row costs as much as there are features known, so these are at most <c>max-features</c>; later ones are left as they are.
/// </summary>
internal sealed class DenseScaler<TStatistic>(TStatistic statistic, int most) : ITransformer where TStatistic : struct, IFeatureStatistic
{
    private uint[] _features = [];    // ascending
    private double[] _numbers = [];
    private int _count;
    private long _rows;

    /// <summary>The setting that limits the features.</summary>
    public static Parameter Limit { get; } = new Parameter.Integer("max-features", 4_096, 1, RowBatch.MaxFeatures / 2, "Features that are scaled; those that come later are left as they are.");

    public void Learn(in Row row)
    {
        AddNew(row);
        var k = 0;
        for (var i = 0; i < _count; i++)
        {
            while (k < row.Count && row.Indices[k] < _features[i]) k++;
            var value = k < row.Count && row.Indices[k] == _features[i] ? Scaling.Hold(row.Values[k]) : 0;
            statistic.Learn(NumbersOf(i), _rows, value);
        }
        _rows++;
    }

    public void Transform(in Row row, RowBatch output)
    {
        var (i, k) = (0, 0);
        while (i < _count || k < row.Count)
        {
            if (k < row.Count && (i == _count || row.Indices[k] < _features[i]))
            {
                // One never seen has no scale: nothing is known of it yet.
                if (_count == most) output.Add(row.Indices[k], Scaling.Hold(row.Values[k]));
                k++;
                continue;
            }
            var value = k < row.Count && row.Indices[k] == _features[i] ? Scaling.Hold(row.Values[k++]) : 0;
            var scaled = Scaling.Hold(statistic.Scale(NumbersOf(i), _rows, value));
            if (scaled != 0) output.Add(_features[i], scaled);
            i++;
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Section(TStatistic.Name, 1);
        writer.Int64(_rows);
        writer.Array<uint>(_features.AsSpan(0, _count));
        writer.Array<double>(_numbers.AsSpan(0, _count * TStatistic.Width));
    }

    public void Load(StateReader reader)
    {
        reader.Section(TStatistic.Name, 1);
        var rows = reader.Count64();
        var features = reader.Array<uint>();
        var numbers = reader.Array<double>();
        if (features.Length > most || numbers.Length != features.Length * TStatistic.Width)
            throw new StateFormatException($"{numbers.Length} numbers for {features.Length} features: the bytes are damaged");
        for (var i = 0; i < features.Length; i++)
        {
            if (i > 0 && features[i] <= features[i - 1]) throw new StateFormatException("features are not ascending: the bytes are damaged");
            if (!statistic.IsPossible(numbers.AsSpan(i * TStatistic.Width, TStatistic.Width), rows))
                throw new StateFormatException($"the numbers of feature {features[i]} are impossible: the bytes are damaged");
        }
        (_rows, _features, _numbers, _count) = (rows, features, numbers, features.Length);
    }

    private Span<double> NumbersOf(int i) => _numbers.AsSpan(i * TStatistic.Width, TStatistic.Width);

    private void AddNew(in Row row)
    {
        var i = 0;
        foreach (var feature in row.Indices)
        {
            if (_count == most) return;
            while (i < _count && _features[i] < feature) i++;
            if (i < _count && _features[i] == feature) continue;
            if (_count == _features.Length)
            {
                Array.Resize(ref _features, Math.Max(16, _count * 2));
                Array.Resize(ref _numbers, _features.Length * TStatistic.Width);
            }
            _features.AsSpan(i, _count - i).CopyTo(_features.AsSpan(i + 1));
            _numbers.AsSpan(i * TStatistic.Width, (_count - i) * TStatistic.Width).CopyTo(_numbers.AsSpan((i + 1) * TStatistic.Width));
            _features[i] = feature;
            _count++;
            NumbersOf(i).Clear();
        }
    }
}
