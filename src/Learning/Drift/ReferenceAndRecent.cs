namespace StreamMLOps.Learning;

/// <summary>The values that a detector compares: the first ones since it started, in ascending order once they are complete, and the newest after them.</summary>
internal sealed class ReferenceAndRecent(int reference, int recent)
{
    private readonly double[] _reference = new double[reference];
    private readonly double[] _recent = new double[recent];   // a ring
    private int _next;

    /// <summary>Values of the reference so far.</summary>
    public int ReferenceCount { get; private set; }

    /// <summary>Newest values there are.</summary>
    public int RecentCount { get; private set; }

    /// <summary>Whether both are complete.</summary>
    public bool IsReady => RecentCount == recent;

    /// <summary>The reference, ascending; only when it is complete.</summary>
    public ReadOnlySpan<double> Reference => _reference;

    /// <summary>The newest values in no order that means anything.</summary>
    public ReadOnlySpan<double> Recent => _recent.AsSpan(0, RecentCount);

    /// <summary>Takes a value; tells which one left the newest.</summary>
    /// <returns>Whether the value went to the newest.</returns>
    public bool Add(double value, out double? left)
    {
        left = null;
        if (ReferenceCount < reference)
        {
            _reference[ReferenceCount++] = value;
            if (ReferenceCount == reference) Array.Sort(_reference);
            return false;
        }
        if (IsReady) left = _recent[_next];
        else RecentCount++;
        _recent[_next] = value;
        _next = (_next + 1) % recent;
        return true;
    }

    /// <summary>Starts again.</summary>
    public void Clear() => (ReferenceCount, RecentCount, _next) = (0, 0, 0);

    /// <summary>Writes both, the newest from the oldest on.</summary>
    public void Save(StateWriter writer)
    {
        writer.Int32(reference);
        writer.Int32(recent);
        writer.Int32(ReferenceCount);
        foreach (var value in _reference.AsSpan(0, ReferenceCount)) writer.Double(value);
        writer.Int32(RecentCount);
        for (var i = 0; i < RecentCount; i++) writer.Double(_recent[(_next - RecentCount + i + recent) % recent]);
    }

    /// <summary>Replaces both.</summary>
    public void Load(StateReader reader)
    {
        if ((reader.Int32(), reader.Int32()) is var sizes && sizes != (reference, recent))
            throw new StateFormatException($"the state compares {sizes.Item1} values with {sizes.Item2}, this detector {reference} with {recent}: load it with the settings it was saved with");
        ReferenceCount = reader.Count32(reference);
        for (var i = 0; i < ReferenceCount; i++) _reference[i] = reader.Finite();
        RecentCount = reader.Count32(ReferenceCount == reference ? recent : 0);
        for (var i = 0; i < RecentCount; i++) _recent[i] = reader.Finite();
        _next = RecentCount % recent;
        for (var i = 1; i < ReferenceCount && ReferenceCount == reference; i++)
            if (_reference[i] < _reference[i - 1]) throw new StateFormatException("the reference is not in order: the bytes are damaged");
    }
}
