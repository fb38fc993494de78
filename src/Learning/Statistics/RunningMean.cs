namespace StreamMLOps.Learning;

/// <summary>Mean of the values so far, by the update that keeps its precision over long streams: <c>mean += (x - mean) / n</c>.</summary>
internal struct RunningMean
{
    /// <summary>Values so far.</summary>
    public long Count { get; private set; }

    /// <summary>Their mean; 0 before the first.</summary>
    public double Value { get; private set; }

    public void Add(double x)
    {
        Count++;
        // The reciprocal first: the same bits as the systems whose published figures the tests compare with.
        Value += 1.0 / Count * (x - Value);
    }

    public readonly void Save(StateWriter writer)
    {
        writer.Int64(Count);
        writer.Double(Value);
    }

    public void Load(StateReader reader)
    {
        Count = reader.Count64();
        Value = reader.Finite();
    }
}
