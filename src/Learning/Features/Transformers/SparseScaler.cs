namespace StreamMLOps.Learning;

/// <summary>Scales rows by a statistic that leaves zero as it is: only the features that a row names are touched, and new ones come at any time.</summary>
internal sealed class SparseScaler<TStatistic>(TStatistic statistic) : ITransformer where TStatistic : struct, IFeatureStatistic
{
    private FeatureIndex _index = new();
    private double[] _numbers = new double[16 * TStatistic.Width];   // of cell c: from (c - 1) * Width on
    private int[] _cells = new int[64];
    private long _rows;

    public void Learn(in Row row)
    {
        var cells = CellsFor(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        if (_index.Count * TStatistic.Width > _numbers.Length) Array.Resize(ref _numbers, Math.Max(_index.Count * TStatistic.Width, _numbers.Length * 2));
        for (var k = 0; k < cells.Length; k++) statistic.Learn(NumbersOf(cells[k]), _rows, Scaling.Hold(row.Values[k]));
        _rows++;
    }

    public void Transform(in Row row, RowBatch output)
    {
        var cells = CellsFor(row.Count);
        _index.Find(row.Indices, cells);
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0) continue;
            var scaled = Scaling.Hold(statistic.Scale(NumbersOf(cells[k]), _rows, Scaling.Hold(row.Values[k])));
            if (scaled != 0) output.Add(row.Indices[k], scaled);
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Section(TStatistic.Name, 1);
        writer.Int64(_rows);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        writer.Array<double>(_numbers.AsSpan(0, features.Length * TStatistic.Width));
    }

    public void Load(StateReader reader)
    {
        reader.Section(TStatistic.Name, 1);
        var rows = reader.Count64();
        var index = FeatureIndex.Restore(reader.Array<uint>());
        var numbers = reader.Array<double>();
        if (numbers.Length != index.Count * TStatistic.Width) throw new StateFormatException($"{numbers.Length} numbers for {index.Count} features: the bytes are damaged");
        for (var i = 0; i < numbers.Length; i += TStatistic.Width)
            if (!statistic.IsPossible(numbers.AsSpan(i, TStatistic.Width), rows)) throw new StateFormatException("the numbers of a feature are impossible: the bytes are damaged");
        (_rows, _index, _numbers) = (rows, index, numbers);
    }

    private Span<double> NumbersOf(int cell) => _numbers.AsSpan((cell - 1) * TStatistic.Width, TStatistic.Width);

    private Span<int> CellsFor(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
