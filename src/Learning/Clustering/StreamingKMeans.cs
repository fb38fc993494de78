namespace StreamMLOps.Learning;

/// <summary>
/// k-means, one row at a time: the nearest centre moves to the row by <c>1 / n</c> of the way, <c>n</c> the rows it has had, and at least by
/// <c>rate</c>, so that centres follow change (MacQueen, "Some Methods for Classification and Analysis of Multivariate Observations", Berkeley Symposium 1967).
/// Centres start at rows of a first window, drawn as in k-means++ (Arthur and Vassilvitskii, SODA 2007).
/// </summary>
public static class StreamingKMeans
{
    /// <summary>The kind <c>streaming-k-means</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "streaming-k-means", 1, LearningTask.Clustering,
        "The nearest of k centres that follow the rows: a known number of round groups. Memory: features times k.",
        "MacQueen, Fifth Berkeley Symposium (1967), 281-297; Arthur and Vassilvitskii, SODA 2007, 1027-1035",
        [
            new Parameter.Integer("clusters", 8, 1, 1_000, "Centres."),
            new Parameter.Integer("warm-up", 200, 1, 100_000, "Rows that the first centres are drawn from; before, every row is of cluster 0."),
            new Parameter.Number("rate", 0.001, 0, 0.5, "The least share that a row has in its centre: 0 for the mean of all rows, larger to follow change."),
        ],
        spec => new StreamingKMeansModel(spec));
}

internal sealed class StreamingKMeansModel : IModel
{
    private const double SmallestScale = 1e-60;
    private const double LargestWeight = 1e12;
    private readonly int _clusters;
    private readonly double _rate;
    private RowWindow _warmUp;
    private RandomSource _random;
    private FeatureIndex _index = new();
    private double[] _numbers = [];       // by cell, then by centre; times the centre's scale they are its coordinates
    private double[] _scales;
    private double[] _weights;            // of the rows that a centre has had
    private double[] _lengths;            // squared, of the centres
    private double[] _dots;
    private int _centres;                 // 0 until the warm-up is over
    private int[] _cells = new int[64];

    public StreamingKMeansModel(ModelSpec spec)
    {
        Spec = spec;
        _clusters = (int)spec.Values.Integer("clusters");
        _rate = spec.Values.Number("rate");
        _warmUp = new((int)spec.Values.Integer("warm-up"));
        _random = new(spec.Seed);
        _scales = new double[_clusters];
        _weights = new double[_clusters];
        _lengths = new double[_clusters];
        _dots = new double[_clusters];
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _index.Count;

    public void Predict(in Row row, Span<double> scores)
    {
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        scores[0] = _centres == 0 ? 0 : Nearest(cells, row);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight == 0) return;
        if (_centres > 0)
        {
            Move(row, weight);
            return;
        }
        _warmUp.Add(row, double.NaN, weight);
        if (_warmUp.IsFull) Start();
    }

    public void Save(StateWriter writer)
    {
        writer.Section("streaming-k-means", 1);
        _random.Save(writer);
        _warmUp.Save(writer);
        writer.Int32(_centres);
        writer.Array<double>(_scales.AsSpan(0, _centres));
        writer.Array<double>(_weights.AsSpan(0, _centres));
        writer.Array<double>(_lengths.AsSpan(0, _centres));
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        for (var cell = 1; cell <= features.Length; cell++) writer.Array<double>(_numbers.AsSpan(cell * _clusters, _centres));
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new StreamingKMeansModel(Spec);
        fresh.Read(reader);
        (_random, _warmUp, _centres, _index, _numbers) = (fresh._random, fresh._warmUp, fresh._centres, fresh._index, fresh._numbers);
        (_scales, _weights, _lengths) = (fresh._scales, fresh._weights, fresh._lengths);
    }

    private void Read(StateReader reader)
    {
        reader.Section("streaming-k-means", 1);
        _random.Load(reader);
        _warmUp.Load(reader);
        _centres = reader.Count32(_clusters);
        reader.Finite(_scales.AsSpan(0, _centres));
        reader.Finite(_weights.AsSpan(0, _centres));
        reader.Finite(_lengths.AsSpan(0, _centres));
        for (var c = 0; c < _centres; c++)
            if (!(_scales[c] > 0 && _scales[c] <= 1 && _weights[c] > 0)) throw new StateFormatException($"centre {c} has no weight: the bytes are damaged");
        if (_warmUp.IsFull || (_centres > 0 && _warmUp.Count > 0)) throw new StateFormatException("both warming up and not: the bytes are damaged");
        _index = FeatureIndex.Restore(reader.Array<uint>());
        Reserve();
        for (var cell = 1; cell <= _index.Count; cell++) reader.Finite(_numbers.AsSpan(cell * _clusters, _centres));
    }

    private void Start()
    {
        var rows = _warmUp;
        var squares = new double[rows.Count];
        Array.Fill(squares, double.PositiveInfinity);
        var chosen = _random.Next(rows.Count);
        while (true)
        {
            Place(rows[rows.SlotOf(chosen)]);
            var sum = 0.0;
            for (var i = 0; i < squares.Length; i++)
                sum += squares[i] = Math.Min(squares[i], RowDistance.Squared(rows[rows.SlotOf(i)], rows[rows.SlotOf(chosen)]));
            // Fewer centres than wanted where there are fewer different rows.
            if (_centres == _clusters || !(sum > 0)) break;
            var at = _random.NextDouble() * sum;
            chosen = 0;
            while (chosen < squares.Length - 1 && (at -= squares[chosen]) >= 0) chosen++;
            while (squares[chosen] == 0) chosen = (chosen + 1) % squares.Length;
        }
        for (var place = 0; place < rows.Count; place++) Move(rows[rows.SlotOf(place)], rows.Weight(rows.SlotOf(place)));
        _warmUp = new(rows.Capacity);
    }

    private void Place(in Row row)
    {
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Reserve();
        for (var k = 0; k < cells.Length; k++) _numbers[cells[k] * _clusters + _centres] = RowDistance.Hold(row.Values[k]);
        (_scales[_centres], _weights[_centres], _lengths[_centres]) = (1, 1e-9, RowDistance.SquaredLength(row));
        _centres++;
    }

    private void Move(in Row row, double weight)
    {
        var cells = Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        Reserve();
        var centre = Nearest(cells, row);
        weight = Math.Min(weight, LargestWeight);
        _weights[centre] = Math.Min(_weights[centre] + weight, LargestWeight * LargestWeight);
        var share = Math.Clamp(Math.Max(weight / _weights[centre], _rate), 0, 0.999);
        _lengths[centre] = Math.Max(0, (1 - share) * (1 - share) * _lengths[centre] + 2 * share * (1 - share) * _dots[centre] + share * share * RowDistance.SquaredLength(row));
        _scales[centre] *= 1 - share;
        if (_scales[centre] < SmallestScale) Rescale(centre);
        for (var k = 0; k < cells.Length; k++) _numbers[cells[k] * _clusters + centre] += share / _scales[centre] * RowDistance.Hold(row.Values[k]);
    }

    // Leaves the products of the row and the centres in _dots. The squared length of the row is the same for all centres.
    private int Nearest(ReadOnlySpan<int> cells, in Row row)
    {
        var dots = _dots.AsSpan(0, _centres);
        dots.Clear();
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0) continue;
            var value = RowDistance.Hold(row.Values[k]);
            var numbers = _numbers.AsSpan(cells[k] * _clusters, dots.Length);
            for (var c = 0; c < numbers.Length; c++) dots[c] += numbers[c] * value;
        }
        var nearest = 0;
        var least = double.PositiveInfinity;
        for (var c = 0; c < dots.Length; c++)
        {
            dots[c] *= _scales[c];
            var distance = _lengths[c] - 2 * dots[c];
            if (!(distance < least)) continue;
            (nearest, least) = (c, distance);
        }
        return nearest;
    }

    private void Rescale(int centre)
    {
        for (var cell = 1; cell <= _index.Count; cell++) _numbers[cell * _clusters + centre] *= _scales[centre];
        _scales[centre] = 1;
    }

    private void Reserve()
    {
        var needed = checked((_index.Count + 1) * _clusters);
        if (needed > _numbers.Length) Array.Resize(ref _numbers, (int)Math.Min(Math.Max(needed, _numbers.Length * 1.5), Array.MaxLength));
    }

    private Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
