namespace StreamMLOps.Learning;

/// <summary>
/// One metric of a model that is asked before it is told, over all rows, over a window of the newest, or fading. Deterministic to the last bit. What a metric
/// keeps is bounded by its settings and the number of classes. It has one user at a time.
/// </summary>
public abstract class Metric
{
    private const double Ln2 = 0.6931471805599453;
    private readonly LearningTask _task;

    private Metric(MetricKind kind, LearningTask task, MetricStatistic statistic) => (Kind, _task, Statistic) = (kind, task, statistic);

    /// <summary>Its kind.</summary>
    public MetricKind Kind { get; }

    /// <summary>The metric over the rows that count; NaN where it is not defined yet.</summary>
    public double Value => Current.Value;

    /// <summary>Values behind the metric, with their names, in a fixed order: the cells of a confusion matrix, the bins of a calibration curve. Empty for most.</summary>
    public IReadOnlyList<(string Name, double Value)> Details => [.. Current.Details];

    /// <summary>Whether <see cref="Merge"/> is possible: over all rows, for metrics that do not depend on their order.</summary>
    public virtual bool CanMerge => false;

    internal MetricStatistic Statistic { get; private set; }

    private protected virtual MetricStatistic Current => Statistic;

    /// <summary>Makes the metric that settings ask for.</summary>
    internal static Metric Create(MetricKind kind, LearningTask task, ParameterValues values)
    {
        var statistic = kind.Create(task, values);
        var (span, settings) = values.Choice("span");
        return span switch
        {
            "all" => new Cumulative(kind, task, statistic),
            "window" => new Windowed(kind, task, statistic, (int)settings.Integer("rows")),
            _ => new Fading(kind, task, statistic, settings.Number("half-life")),
        };
    }

    /// <summary>Counts one row.</summary>
    /// <param name="label">The row's label; a row without one (NaN), or of weight 0, is not counted.</param>
    /// <param name="scores">What the model answered before it learned the row.</param>
    /// <param name="weight">Importance of the row.</param>
    /// <exception cref="ArgumentOutOfRangeException">A score or the weight is not finite, or the label is not of the task; nothing was counted.</exception>
    public void Update(double label, ReadOnlySpan<double> scores, double weight = 1)
    {
        if (double.IsNaN(label) || weight == 0 || (scores.IsEmpty && _task != LearningTask.MultiClass)) return;
        Add(MetricObservation.Of(_task, label, scores, weight));
    }

    /// <summary>Adds the rows of another metric of the same kind and settings.</summary>
    /// <exception cref="NotSupportedException"><see cref="CanMerge"/> is false.</exception>
    public void Merge(Metric other)
    {
        if (!CanMerge || other.GetType() != GetType() || other.Kind != Kind) throw new NotSupportedException($"{Kind.Name} cannot be merged, or the two are not of one kind and span");
        Statistic.Merge(other.Statistic);
    }

    /// <summary>Writes canonical bytes.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section($"metric-{Kind.Name}", 1);
        SaveSpan(writer);
    }

    /// <summary>Replaces the state by what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of another kind, or damaged.</exception>
    public void Load(StateReader reader)
    {
        reader.Section($"metric-{Kind.Name}", 1);
        LoadSpan(reader);
    }

    private protected abstract void Add(in MetricObservation row);

    private protected abstract void SaveSpan(StateWriter writer);

    private protected abstract void LoadSpan(StateReader reader);

    private sealed class Cumulative(MetricKind kind, LearningTask task, MetricStatistic statistic) : Metric(kind, task, statistic)
    {
        public override bool CanMerge => Statistic.CanMerge;

        private protected override void Add(in MetricObservation row) => Statistic.Add(row, row.Weight);

        private protected override void SaveSpan(StateWriter writer) => Statistic.Save(writer);

        private protected override void LoadSpan(StateReader reader) => Statistic.Load(reader);
    }

    /// <summary>Rows weigh ever more instead of old ones ever less: one multiplication a row, whatever the statistic holds.</summary>
    private sealed class Fading(MetricKind kind, LearningTask task, MetricStatistic statistic, double halfLife) : Metric(kind, task, statistic)
    {
        private const double Largest = 1e30;
        private readonly double _growth = DeterministicMath.Exp(Ln2 / halfLife);
        private double _unit = 1;

        private protected override void Add(in MetricObservation row)
        {
            _unit *= _growth;
            if (_unit > Largest)
            {
                Statistic.Scale(1 / _unit);
                _unit = 1;
            }
            Statistic.Add(row, row.Weight * _unit);
        }

        private protected override void SaveSpan(StateWriter writer)
        {
            writer.Double(_unit);
            Statistic.Save(writer);
        }

        private protected override void LoadSpan(StateReader reader)
        {
            _unit = reader.Finite();
            if (!(_unit >= 1 && _unit <= Largest)) throw new StateFormatException($"the unit of weights is {_unit}: the bytes are damaged");
            Statistic.Load(reader);
        }
    }

    /// <summary>Rows are kept, and summed when somebody asks: exact, without the rounding that taking rows out of a sum leaves behind.</summary>
    private sealed class Windowed(MetricKind kind, LearningTask task, MetricStatistic statistic, int rows) : Metric(kind, task, statistic)
    {
        private readonly MetricObservation[] _rows = new MetricObservation[rows];
        private int _next;
        private int _count;
        private bool _summed = true;

        private protected override MetricStatistic Current
        {
            get
            {
                if (_summed) return Statistic;
                Statistic.Clear();
                for (var i = 0; i < _count; i++) Statistic.Add(At(i), At(i).Weight);
                _summed = true;
                return Statistic;
            }
        }

        private protected override void Add(in MetricObservation row)
        {
            _rows[_next] = row;
            _next = (_next + 1) % _rows.Length;
            if (_count < _rows.Length) _count++;
            _summed = false;
        }

        private protected override void SaveSpan(StateWriter writer)
        {
            writer.Int32(_count);
            for (var i = 0; i < _count; i++) At(i).Save(writer);
        }

        private protected override void LoadSpan(StateReader reader)
        {
            _count = reader.Count32(_rows.Length);
            for (var i = 0; i < _count; i++) _rows[i] = MetricObservation.Load(reader);
            _next = _count % _rows.Length;
            _summed = false;
        }

        private ref readonly MetricObservation At(int i) => ref _rows[(_next - _count + i + _rows.Length) % _rows.Length];
    }
}
