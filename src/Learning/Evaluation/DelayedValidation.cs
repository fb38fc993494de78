namespace StreamMLOps.Learning;

/// <summary>
/// Progressive validation where labels come late, each by a delay of its own: a row is scored when it comes, by the model as it is then; its prediction waits for the
/// label, and is measured and learned when that is due (Gama, Sebastião and Rodrigues, "On Evaluating Stream Learning Algorithms", Machine Learning 90, 2013; delays as in Grzenda, Gomes
/// and Bifet, "Delayed Labelling Evaluation for Data Streams", Data Mining and Knowledge Discovery 34, 2020). Labels due at one time are taken in the order of their rows. Memory grows with the rows that wait.
/// </summary>
/// <param name="model">The model, which nobody else teaches meanwhile.</param>
/// <param name="metrics">What is measured; each sees every labelled row once.</param>
public sealed class DelayedValidation(IModel model, params IReadOnlyList<Metric> metrics)
{
    private const string SectionName = "delayed-validation";
    // Ascending by (due, number): no two rows are alike.
    private readonly PriorityQueue<Waiting, (long Due, long Number)> _waiting = new();
    private readonly Stack<Waiting> _spare = new();
    private double[] _scores = new double[1];
    private long _now = long.MinValue;

    /// <summary>The model.</summary>
    public IModel Model => model;

    /// <summary>What is measured.</summary>
    public IReadOnlyList<Metric> Metrics => metrics;

    /// <summary>Rows that came.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows that were measured and learned.</summary>
    public long Learned { get; private set; }

    /// <summary>Rows whose label is yet to come.</summary>
    public int Pending => _waiting.Count;

    /// <summary>Takes a row: first learns all whose labels are due, then scores it.</summary>
    /// <param name="row">The row.</param>
    /// <param name="label">What its label will be; NaN: none will come.</param>
    /// <param name="time">When it comes, in any unit; never before the row before.</param>
    /// <param name="delay">How long after <paramref name="time"/> its label is known: 0 is before the next row.</param>
    /// <param name="weight">Importance of the row.</param>
    /// <returns>The model's scores, valid until the next call.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Time went back, or the delay is negative.</exception>
    public ReadOnlySpan<double> Add(in Row row, double label, long time, long delay, double weight = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(delay);
        ArgumentOutOfRangeException.ThrowIfLessThan(time, _now);
        LearnUntil(time);
        if (_scores.Length < model.Outputs) _scores = new double[2 * model.Outputs];
        var scores = _scores.AsSpan(0, model.Outputs);
        model.Predict(row, scores);
        var number = Rows++;
        if (double.IsNaN(label)) return scores;
        var waiting = _spare.TryPop(out var spare) ? spare : new Waiting();
        waiting.Fill(row, scores, label, weight);
        _waiting.Enqueue(waiting, (delay <= long.MaxValue - Math.Max(time, 0) ? time + delay : long.MaxValue, number));
        return scores;
    }

    /// <summary>Measures and learns all rows whose labels are known by then; <see cref="Add"/> does so itself.</summary>
    /// <param name="time">The time; <see cref="long.MaxValue"/> at the end of a stream takes in all that wait.</param>
    public void LearnUntil(long time)
    {
        _now = Math.Max(_now, time);
        while (_waiting.TryPeek(out var next, out var key) && key.Due <= time)
        {
            _waiting.Dequeue();
            foreach (var metric in metrics) metric.Update(next.Label, next.Scores, next.Weight);
            model.Learn(next.Row, next.Label, next.Weight);
            Learned++;
            _spare.Push(next);
        }
    }

    /// <summary>Writes all of it as canonical bytes: the model, the metrics, and what waits in the order of its labels.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 1);
        writer.Int64(Rows);
        writer.Int64(Learned);
        writer.Int64(_now);
        writer.Int32(_waiting.Count);
        foreach (var (waiting, key) in _waiting.UnorderedItems.OrderBy(w => w.Priority))
        {
            writer.Int64(key.Due);
            writer.Int64(key.Number);
            waiting.Save(writer);
        }
        foreach (var metric in metrics) metric.Save(writer);
        model.Save(writer);
    }

    /// <summary>Replaces all of it by what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of another kind, or damaged.</exception>
    public void Load(StateReader reader)
    {
        reader.Section(SectionName, 1);
        (Rows, Learned, _now) = (reader.Count64(), reader.Count64(), reader.Int64());
        _waiting.Clear();
        for (var left = reader.Count32(reader.Remaining); left > 0; left--)
        {
            var key = (reader.Int64(), reader.Count64());
            _waiting.Enqueue(Waiting.Load(reader), key);
        }
        foreach (var metric in metrics) metric.Load(reader);
        model.Load(reader);
    }

    /// <summary>A row whose label is not known yet, and what the model said of it.</summary>
    private sealed class Waiting
    {
        private uint[] _indices = [];
        private double[] _values = [];
        private double[] _scores = [];
        private int _count;
        private int _outputs;

        public Row Row => new(_indices.AsSpan(0, _count), _values.AsSpan(0, _count));

        public ReadOnlySpan<double> Scores => _scores.AsSpan(0, _outputs);

        public double Label { get; private set; }

        public double Weight { get; private set; }

        public void Fill(in Row row, ReadOnlySpan<double> scores, double label, double weight)
        {
            if (_indices.Length < row.Count) (_indices, _values) = (new uint[row.Count], new double[row.Count]);
            if (_scores.Length < scores.Length) _scores = new double[scores.Length];
            row.Indices.CopyTo(_indices);
            row.Values.CopyTo(_values);
            scores.CopyTo(_scores);
            (_count, _outputs, Label, Weight) = (row.Count, scores.Length, label, weight);
        }

        public void Save(StateWriter writer)
        {
            writer.Double(Label);
            writer.Double(Weight);
            writer.Array(Row.Indices);
            writer.Array(Row.Values);
            writer.Array(Scores);
        }

        public static Waiting Load(StateReader reader)
        {
            var (label, weight) = (reader.Finite(), reader.Finite());
            var (indices, values, scores) = (reader.Array<uint>(), reader.Array<double>(), reader.Array<double>());
            if (indices.Length != values.Length || weight < 0) throw Damaged();
            for (var k = 0; k < indices.Length; k++)
                if (!double.IsFinite(values[k]) || (k > 0 && indices[k] <= indices[k - 1])) throw Damaged();
            var waiting = new Waiting();
            waiting.Fill(new Row(indices, values), scores, label, weight);
            return waiting;
        }

        private static StateFormatException Damaged() => new("a row that waits for its label is not canonical: the bytes are damaged");
    }
}
