namespace StreamMLOps.Learning;

/// <summary>
/// KSWIN: a Kolmogorov-Smirnov test between the newest values of a sliding window and as many drawn at random from the older
/// ones (Raab, Heusinger and Schleif, "Reactive Soft Prototype Computing for Concept Drift Streams", Neurocomputing 416, 2020). It sees any
/// change of the distribution, not of the mean alone. The random state is part of the detector's state.
/// </summary>
public sealed class Kswin : IDriftDetector
{
    private readonly int _stat;
    private readonly double _threshold;
    private readonly double[] _window;    // a ring
    private readonly int[] _order;
    private readonly double[] _recent;
    private readonly double[] _sample;
    private readonly ulong _seed;
    private RandomSource _random;
    private int _next;
    private int _count;
    private bool _drifted;

    /// <summary>Starts with an empty window.</summary>
    /// <param name="alpha">Chance of a false alarm at a value.</param>
    /// <param name="window">Values in the window.</param>
    /// <param name="stat">Values in each of the two samples, at most half of <paramref name="window"/>.</param>
    /// <param name="seed">Seed of the drawing.</param>
    public Kswin(double alpha = 0.005, int window = 100, int stat = 30, ulong seed = 0)
    {
        if (stat * 2 > window) throw new ArgumentOutOfRangeException(nameof(stat), stat, $"at most half of the window ({window}) can be drawn from its older part");
        _stat = stat;
        // The bound of the paper: the two samples differ with certainty 1 - alpha above it.
        _threshold = Math.Sqrt(-DeterministicMath.Log(alpha) / stat);
        _window = new double[window];
        _order = new int[window - stat];
        _recent = new double[stat];
        _sample = new double[stat];
        _seed = seed;
        _random = new RandomSource(seed);
    }

    /// <summary>The kind <c>kswin</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "kswin",
        OfErrors: false,
        "Kolmogorov-Smirnov test within a window: for scores and features whose shape changes while their mean stays; the slowest detector.",
        "Raab, Heusinger and Schleif, Neurocomputing 416 (2020), 340-351",
        [
            new Parameter.Number("alpha", 0.005, 0, 1, "Chance of a false alarm at a value.", Open: true),
            new Parameter.Integer("window", 100, 4, 1_000_000, "Values in the window."),
            new Parameter.Integer("sample", 30, 2, 500_000, "Values in each of the two samples; held to half of the window."),
            new Parameter.Integer("seed", 0, 0, long.MaxValue, "Seed of the drawing."),
        ],
        p => new Kswin(p.Number("alpha"), (int)p.Integer("window"), (int)Math.Min(p.Integer("sample"), p.Integer("window") / 2), (ulong)p.Integer("seed")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireFinite(value);
        if (_drifted) KeepRecent();
        _window[_next] = value;
        _next = (_next + 1) % _window.Length;
        if (_count < _window.Length) _count++;
        if (_count < _window.Length) return DriftState.Stable;

        for (var i = 0; i < _stat; i++) _recent[i] = At(_window.Length - _stat + i);
        Draw();
        Array.Sort(_recent);
        Array.Sort(_sample);
        _drifted = Distance() > _threshold;
        return _drifted ? DriftState.Drift : DriftState.Stable;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("kswin", 1);
        writer.Int32(_window.Length);
        writer.Int32(_stat);
        writer.UInt64(_seed);
        _random.Save(writer);
        writer.Flag(_drifted);
        writer.Int32(_count);
        for (var i = 0; i < _count; i++) writer.Double(At(i));
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("kswin", 1);
        if ((reader.Int32(), reader.Int32(), reader.UInt64()) is var settings && settings != (_window.Length, _stat, _seed))
            throw new StateFormatException($"the state has a window of {settings.Item1}, samples of {settings.Item2} and seed {settings.Item3}: load it with the settings it was saved with");
        _random.Load(reader);
        _drifted = reader.Flag();
        _count = reader.Count32(_window.Length);
        for (var i = 0; i < _count; i++) _window[i] = reader.Finite();
        _next = _count % _window.Length;
    }

    // Value i of the window, the oldest first.
    private double At(int i) => _window[(_next - _count + i + _window.Length) % _window.Length];

    // The first steps of a Fisher-Yates shuffle: a sample without repetition, the same for every order left behind.
    private void Draw()
    {
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        for (var i = 0; i < _stat; i++)
        {
            var j = i + _random.Next(_order.Length - i);
            (_order[i], _order[j]) = (_order[j], _order[i]);
            _sample[i] = At(_order[i]);
        }
    }

    // The largest difference between the two empirical distribution functions.
    private double Distance()
    {
        int a = 0, b = 0, largest = 0;
        while (a < _stat && b < _stat)
        {
            var x = Math.Min(_recent[a], _sample[b]);
            while (a < _stat && _recent[a] <= x) a++;
            while (b < _stat && _sample[b] <= x) b++;
            largest = Math.Max(largest, Math.Abs(a - b));
        }
        return (double)largest / _stat;
    }

    private void KeepRecent()
    {
        for (var i = 0; i < _stat; i++) _recent[i] = At(_count - _stat + i);
        _recent.CopyTo(_window, 0);
        (_count, _next, _drifted) = (_stat, _stat, false);
    }
}
