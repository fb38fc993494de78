namespace StreamMLOps.Learning;

/// <summary>Weights of rows by label and answer, the confusion matrix, and the ratios that follow from it.</summary>
internal sealed class ConfusionCounts(Func<ConfusionCounts, double> of, bool withCells = false) : MetricStatistic
{
    // Ascending: sums over them must not depend on an order of hashing.
    private (double Label, double Answer)[] _keys = new (double, double)[4];
    private double[] _weights = new double[4];
    private int _count;

    /// <inheritdoc/>
    public override double Value => Total > 0 ? of(this) : double.NaN;

    /// <summary>Weight of all rows.</summary>
    public double Total => Cells.Sum(c => c.Weight);

    /// <summary>Weight of the rows answered rightly.</summary>
    public double Right => Cells.Where(c => c.Label == c.Answer).Sum(c => c.Weight);

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Details => withCells
        ? Cells.Select(c => (FormattableString.Invariant($"label {c.Label} answer {c.Answer}"), c.Weight))
        : [];

    private IEnumerable<(double Label, double Answer, double Weight)> Cells
    {
        get
        {
            for (var i = 0; i < _count; i++) yield return (_keys[i].Label, _keys[i].Answer, _weights[i]);
        }
    }

    /// <summary>The classes that were a label or an answer, ascending, each with its sums.</summary>
    public IEnumerable<ClassSums> Classes()
    {
        var classes = new SortedDictionary<double, ClassSums>();
        foreach (var (label, answer, weight) in Cells)
        {
            var sums = classes.GetValueOrDefault(label, new(label, 0, 0, 0));
            classes[label] = sums with { Labels = sums.Labels + weight, Right = sums.Right + (label == answer ? weight : 0) };
            if (answer < 0) continue;
            sums = classes.GetValueOrDefault(answer, new(answer, 0, 0, 0));
            classes[answer] = sums with { Answers = sums.Answers + weight };
        }
        return classes.Values;
    }

    /// <inheritdoc/>
    public override void Add(in MetricObservation row, double weight) => Add((row.Label, row.Answer), weight);

    /// <inheritdoc/>
    public override void Scale(double factor)
    {
        for (var i = 0; i < _count; i++) _weights[i] *= factor;
    }

    /// <inheritdoc/>
    public override void Merge(MetricStatistic other)
    {
        foreach (var (label, answer, weight) in ((ConfusionCounts)other).Cells.ToArray()) Add((label, answer), weight);
    }

    /// <inheritdoc/>
    public override void Clear() => _count = 0;

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Int32(_count);
        foreach (var (label, answer, weight) in Cells)
        {
            writer.Double(label);
            writer.Double(answer);
            writer.Double(weight);
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _count = 0;
        for (var left = reader.Count32(reader.Remaining); left > 0; left--)
        {
            var key = (reader.Finite(), reader.Finite());
            var weight = reader.Finite();
            if (!(weight >= 0) || (_count > 0 && key.CompareTo(_keys[_count - 1]) <= 0)) throw new StateFormatException($"label and answer {key} are out of order, or weigh {weight}: the bytes are damaged");
            Add(key, weight);
        }
    }

    private void Add((double, double) key, double weight)
    {
        var at = _keys.AsSpan(0, _count).BinarySearch(key);
        if (at < 0)
        {
            at = ~at;
            if (_count == _keys.Length)
            {
                Array.Resize(ref _keys, 2 * _count);
                Array.Resize(ref _weights, 2 * _count);
            }
            _keys.AsSpan(at, _count - at).CopyTo(_keys.AsSpan(at + 1));
            _weights.AsSpan(at, _count - at).CopyTo(_weights.AsSpan(at + 1));
            (_keys[at], _weights[at]) = (key, 0);
            _count++;
        }
        _weights[at] += weight;
    }

    /// <summary>Weights of a class's rows: with the label, with the answer, with both.</summary>
    internal readonly record struct ClassSums(double Class, double Labels, double Answers, double Right)
    {
        public double Precision => Answers > 0 ? Right / Answers : 0;

        public double Recall => Labels > 0 ? Right / Labels : 0;

        /// <summary><c>(1 + b²) right / ((1 + b²) right + b² missed + wrong)</c>.</summary>
        public double F(double beta)
        {
            var b = beta * beta;
            var whole = b * Labels + Answers;
            return whole > 0 ? (1 + b) * Right / whole : 0;
        }
    }
}
