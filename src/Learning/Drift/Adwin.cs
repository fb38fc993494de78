using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// ADWIN2: keeps a window as long as its mean is constant and drops its older part when the two parts of some cut differ by
/// more than chance allows (Bifet and Gavaldà, "Learning from Time-Changing Data with Adaptive Windowing", SDM 2007). The window is
/// an exponential histogram: buckets of 1, 2, 4, ... values, a few of each size, so memory grows with the logarithm of its length.
/// </summary>
public sealed class Adwin : IDriftDetector
{
    private const int Levels = 48;   // 2^48 values: no stream fills it
    private readonly double _delta;
    private readonly int _clock;
    private readonly int _perLevel;
    private readonly int _shortest;
    private readonly int _grace;
    private readonly bool _restart;
    private readonly int _leftOut;                          // newest buckets of each size that no cut moves to the older part

    private readonly int[] _counts = new int[Levels];       // buckets of each level, oldest first
    private readonly double[] _totals;
    private readonly double[] _variances;                   // sums of squared deviations
    private int _levels = 1;
    private long _ticks;
    private double _variance;
    private bool _drifted;

    /// <summary>Starts with an empty window.</summary>
    /// <param name="delta">Chance of a false alarm at a check.</param>
    /// <param name="clock">Values between two checks.</param>
    /// <param name="perLevel">Buckets of one size before two are merged.</param>
    /// <param name="shortest">The shortest part of the window that is compared.</param>
    /// <param name="grace">Values before the first check.</param>
    /// <param name="restart">Whether a drift empties the window; otherwise only its older part goes, as in the paper.</param>
    /// <param name="asRiver">Whether the newest bucket of each size always counts as new, as in River 0.19: changes are found a little later.</param>
    public Adwin(double delta = 0.002, int clock = 32, int perLevel = 5, int shortest = 5, int grace = 10, bool restart = false, bool asRiver = false)
    {
        _leftOut = asRiver ? 1 : 0;
        (_delta, _clock, _perLevel, _shortest, _grace, _restart) = (delta, clock, perLevel, shortest, grace, restart);
        _totals = new double[Levels * (perLevel + 1)];
        _variances = new double[Levels * (perLevel + 1)];
    }

    /// <summary>The kind <c>adwin</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "adwin",
        OfErrors: false,
        "Adaptive window over any numbers, with a bound on false alarms: the first choice, few parameters, finds slow and abrupt changes of the mean.",
        "Bifet and Gavaldà, SDM 2007",
        [
            new Parameter.Number("delta", 0.002, 0, 1, "Chance of a false alarm at a check.", Open: true),
            new Parameter.Integer("clock", 32, 1, 1_000_000, "Values between two checks: 1 finds changes soonest, larger is faster."),
            new Parameter.Integer("buckets", 5, 1, 100, "Buckets of one size before two are merged: more is finer and slower."),
            new Parameter.Integer("min-window", 5, 1, 1_000_000, "The shortest part of the window that is compared."),
            new Parameter.Integer("grace", 10, 0, 1_000_000_000, "Values before the first check."),
            new Parameter.Flag("restart", true, "A drift empties the window; off: only its older part goes, as in the paper, and one change may signal several times."),
            new Parameter.Choice("cuts", "all",
            [
                new Option("all", "Every cut between two buckets, as in the paper."),
                new Option("river", "The newest bucket of each size always counts as new, as in River 0.19: changes are found a little later."),
            ], "Where the window may be cut in two."),
        ],
        p => new Adwin(p.Number("delta"), (int)p.Integer("clock"), (int)p.Integer("buckets"), (int)p.Integer("min-window"), (int)p.Integer("grace"),
            p.Flag("restart"), p.Choice("cuts").Option == "river"));

    /// <summary>Values in the window.</summary>
    public long Width { get; private set; }

    /// <summary>Sum of the values in the window.</summary>
    public double Total { get; private set; }

    /// <summary>Their mean; 0 for an empty window.</summary>
    public double Mean => Width == 0 ? 0 : Total / Width;

    /// <summary>Their population variance; 0 for an empty window.</summary>
    public double Variance => Width == 0 ? 0 : _variance / Width;

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireFinite(value);
        if (_drifted && _restart) Clear();
        _drifted = false;
        Insert(value);
        if (++_ticks % _clock == 0 && Width > _grace) _drifted = Shrink();
        return _drifted ? DriftState.Drift : DriftState.Stable;
    }

    /// <summary>Empties the window.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        (_levels, _ticks, Width, Total, _variance, _drifted) = (1, 0, 0, 0, 0, false);
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("adwin", 1);
        writer.Int32(_perLevel);
        writer.Int64(_ticks);
        writer.Int64(Width);
        writer.Double(Total);
        writer.Double(_variance);
        writer.Flag(_drifted);
        writer.Int32(_levels);
        for (var level = 0; level < _levels; level++)
        {
            writer.Array<double>(_totals.AsSpan(At(level), _counts[level]));
            writer.Array<double>(_variances.AsSpan(At(level), _counts[level]));
        }
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("adwin", 1);
        if (reader.Int32() is var perLevel && perLevel != _perLevel)
            throw new StateFormatException($"the state has {perLevel} buckets of a size, this detector {_perLevel}: load it with the settings it was saved with");
        Clear();
        _ticks = reader.Count64();
        Width = reader.Count64();
        Total = reader.Finite();
        _variance = reader.Finite();
        _drifted = reader.Flag();
        _levels = reader.Count32(Levels);
        var values = 0L;
        for (var level = 0; level < _levels; level++)
        {
            _counts[level] = reader.Array(_totals.AsSpan(At(level), _perLevel + 1));
            if (reader.Array(_variances.AsSpan(At(level), _perLevel + 1)) != _counts[level]) throw new StateFormatException("buckets without a variance: the bytes are damaged");
            values += (long)_counts[level] << level;
        }
        if (values != Width || _levels == 0) throw new StateFormatException($"the buckets hold {values} values, the window {Width}: the bytes are damaged");
    }

    private int At(int level) => level * (_perLevel + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Insert(double value)
    {
        var at = _counts[0]++;
        _totals[at] = value;
        _variances[at] = 0;
        if (Width > 0)
        {
            var deviation = value - Total / Width;
            _variance += Width * deviation * deviation / (Width + 1.0);
        }
        Width++;
        Total += value;
        if (_counts[0] > _perLevel) Merge();
    }

    // The two oldest buckets of a level that is too full become one of the next.
    private void Merge()
    {
        for (var level = 0; _counts[level] > _perLevel; level++)
        {
            if (level + 1 == _levels) _levels++;
            var from = At(level);
            var to = At(level + 1) + _counts[level + 1]++;
            double n = 1L << level;
            var difference = _totals[from] / n - _totals[from + 1] / n;
            _totals[to] = _totals[from] + _totals[from + 1];
            _variances[to] = _variances[from] + _variances[from + 1] + n * n * difference * difference / (n + n);
            DropOldest(level, 2);
        }
    }

    private void DropOldest(int level, int buckets)
    {
        var from = At(level);
        var kept = _counts[level] -= buckets;
        _totals.AsSpan(from + buckets, kept).CopyTo(_totals.AsSpan(from));
        _variances.AsSpan(from + buckets, kept).CopyTo(_variances.AsSpan(from));
    }

    // Drops the oldest bucket as long as some cut of the window shows a change.
    private bool Shrink()
    {
        var changed = false;
        while (HasCut())
        {
            changed = true;
            Forget();
        }
        return changed;
    }

    private bool HasCut()
    {
        // A variance that rounding took below 0 is 0.
        var logarithm = DeterministicMath.Log(2 * DeterministicMath.Log(Width) / _delta);
        var spread = 2 * Math.Max(Variance, 0) * logarithm;
        double oldCount = 0, oldTotal = 0;
        double newCount = Width, newTotal = Total;
        for (var level = _levels - 1; level >= 0; level--)
        {
            double n = 1L << level;
            for (var bucket = 0; bucket < _counts[level] - _leftOut; bucket++)
            {
                var total = _totals[At(level) + bucket];
                oldCount += n;
                oldTotal += total;
                newCount -= n;
                newTotal -= total;
                if (newCount < _shortest || newCount < 1) return false;
                if (oldCount < _shortest) continue;
                var reciprocal = 1 / (oldCount - _shortest + 1) + 1 / (newCount - _shortest + 1);
                var bound = Math.Sqrt(spread * reciprocal) + 2.0 / 3 * logarithm * reciprocal;
                if (Math.Abs(oldTotal / oldCount - newTotal / newCount) > bound) return true;
            }
        }
        return false;
    }

    private void Forget()
    {
        var level = _levels - 1;
        var at = At(level);
        double n = 1L << level;
        Width -= 1L << level;
        Total -= _totals[at];
        var difference = _totals[at] / n - Total / Width;
        _variance -= _variances[at] + n * Width * difference * difference / (n + Width);
        DropOldest(level, 1);
        while (_levels > 1 && _counts[_levels - 1] == 0) _levels--;
    }
}
