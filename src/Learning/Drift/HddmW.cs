namespace StreamMLOps.Learning;

/// <summary>
/// HDDM-W: McDiarmid's bound on the difference of two exponentially weighted means, before and after the best cut
/// (Frías-Blanco et al., "Online and Non-Parametric Drift Detection Methods Based on Hoeffding's Bounds", TKDE 27 (3), 2015).
/// </summary>
public sealed class HddmW : IDriftDetector
{
    private readonly double _lambda;
    private readonly double _driftLog;
    private readonly double _warningLog;
    private readonly bool _twoSided;
    private WeightedMean _all;
    private WeightedMean _beforeRise;
    private WeightedMean _afterRise;
    private WeightedMean _beforeFall;
    private WeightedMean _afterFall;
    private double _riseCut;
    private double _fallCut;
    private DriftState _state;

    /// <summary>Starts with no value.</summary>
    /// <param name="drift">Chance of a false drift.</param>
    /// <param name="warning">Chance of a false warning.</param>
    /// <param name="lambda">Weight of the newest value.</param>
    /// <param name="twoSided">Whether a falling mean counts too.</param>
    public HddmW(double drift = 0.001, double warning = 0.005, double lambda = 0.05, bool twoSided = false)
    {
        _lambda = lambda;
        _driftLog = DeterministicMath.Log(1 / drift);
        _warningLog = DeterministicMath.Log(1 / warning);
        _twoSided = twoSided;
        Clear();
    }

    /// <summary>The kind <c>hddm-w</c>.</summary>
    public static DriftDetectorKind Kind { get; } = new(
        "hddm-w",
        OfErrors: true,
        "Weighted means compared by McDiarmid's bound, nothing assumed of the distribution: for slow changes, and quickest in abrupt ones.",
        "Frías-Blanco et al., TKDE 27 (3), 2015",
        [
            new Parameter.Number("drift", 0.001, 0, 1, "Chance of a false drift.", Open: true),
            new Parameter.Number("warning", 0.005, 0, 1, "Chance of a false warning.", Open: true),
            new Parameter.Number("lambda", 0.05, 0, 1, "Weight of the newest value.", Open: true),
            new Parameter.Flag("two-sided", false, "A falling mean counts too."),
        ],
        p => new HddmW(p.Number("drift"), p.Number("warning"), p.Number("lambda"), p.Flag("two-sided")));

    /// <inheritdoc/>
    public DriftState Update(double value)
    {
        DriftInput.RequireError(value);
        if (_state == DriftState.Drift) Clear();
        _all.Add(value, _lambda);
        var bound = Math.Sqrt(_all.Independence * _driftLog / 2);

        if (_all.Value + bound < _riseCut) (_riseCut, _beforeRise, _afterRise) = (_all.Value + bound, _all, WeightedMean.Empty);
        else _afterRise.Add(value, _lambda);
        if (_all.Value - bound > _fallCut) (_fallCut, _beforeFall, _afterFall) = (_all.Value - bound, _all, WeightedMean.Empty);
        else _afterFall.Add(value, _lambda);

        _state = Exceeds(_beforeRise, _afterRise, _driftLog) ? DriftState.Drift : Exceeds(_beforeRise, _afterRise, _warningLog) ? DriftState.Warning : DriftState.Stable;
        if (!_twoSided || _state == DriftState.Drift) return _state;

        if (Exceeds(_afterFall, _beforeFall, _driftLog)) _state = DriftState.Drift;
        else if (Exceeds(_afterFall, _beforeFall, _warningLog)) _state = DriftState.Warning;
        return _state;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("hddm-w", 1);
        _all.Save(writer);
        _beforeRise.Save(writer);
        _afterRise.Save(writer);
        _beforeFall.Save(writer);
        _afterFall.Save(writer);
        writer.Double(_riseCut);
        writer.Double(_fallCut);
        writer.Byte((byte)_state);
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("hddm-w", 1);
        _all.Load(reader);
        _beforeRise.Load(reader);
        _afterRise.Load(reader);
        _beforeFall.Load(reader);
        _afterFall.Load(reader);
        _riseCut = reader.NotNaN();
        _fallCut = reader.NotNaN();
        _state = reader.DriftState();
    }

    private static bool Exceeds(in WeightedMean lower, in WeightedMean upper, double logarithm) =>
        lower.Any && upper.Any && upper.Value - lower.Value > Math.Sqrt((lower.Independence + upper.Independence) * logarithm / 2);

    private void Clear()
    {
        (_all, _beforeRise, _afterRise, _beforeFall, _afterFall) = (WeightedMean.Empty, WeightedMean.Empty, WeightedMean.Empty, WeightedMean.Empty, WeightedMean.Empty);
        (_riseCut, _fallCut, _state) = (double.PositiveInfinity, double.NegativeInfinity, DriftState.Stable);
    }

    /// <summary>An exponentially weighted mean and the sum of its squared weights.</summary>
    private struct WeightedMean
    {
        public static WeightedMean Empty => new() { Independence = 1 };

        public double Value { get; private set; }

        public double Independence { get; private set; }

        public bool Any { get; private set; }

        public void Add(double value, double lambda)
        {
            Value = Any ? lambda * value + (1 - lambda) * Value : value;
            Independence = lambda * lambda + (1 - lambda) * (1 - lambda) * Independence;
            Any = true;
        }

        public readonly void Save(StateWriter writer)
        {
            writer.Flag(Any);
            writer.Double(Value);
            writer.Double(Independence);
        }

        public void Load(StateReader reader)
        {
            Any = reader.Flag();
            Value = reader.Finite();
            Independence = reader.Finite();
        }
    }
}
