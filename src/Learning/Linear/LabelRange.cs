namespace StreamMLOps.Learning;

/// <summary>Holds scores to the range of the labels seen (0 included, as in Vowpal Wabbit), so that one wild row cannot blow up a regression.</summary>
internal struct LabelRange(bool enabled)
{
    private double _low;
    private double _high;

    public readonly double Hold(double score) => enabled ? Math.Clamp(score, _low, _high) : score;

    public void Widen(double label)
    {
        if (!enabled) return;
        _low = Math.Min(_low, label);
        _high = Math.Max(_high, label);
    }

    /// <summary>From the smallest to the largest label; 1 where all are 0.</summary>
    public readonly double Length => _high > _low ? _high - _low : 1;

    public readonly void Save(StateWriter writer)
    {
        writer.Double(_low);
        writer.Double(_high);
    }

    public void Load(StateReader reader)
    {
        _low = reader.Finite();
        _high = reader.Finite();
        if (!(_low <= 0 && _high >= 0)) throw new StateFormatException($"labels from {_low} to {_high}: the bytes are damaged");
    }
}
