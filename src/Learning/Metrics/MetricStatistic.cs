namespace StreamMLOps.Learning;

/// <summary>
/// What a metric is computed from: sums over weighted observations. Sums can be scaled, which lets old rows fade, and, but for those that
/// depend on the order of rows, added, which lets partitions be measured apart.
/// </summary>
internal abstract class MetricStatistic
{
    /// <summary>The metric; NaN where it is not defined yet.</summary>
    public abstract double Value { get; }

    /// <summary>Whether <see cref="Merge"/> is defined.</summary>
    public virtual bool CanMerge => true;

    /// <summary>Counts one row.</summary>
    public abstract void Add(in MetricObservation row, double weight);

    /// <summary>Multiplies all sums.</summary>
    public abstract void Scale(double factor);

    /// <summary>Adds the sums of other rows.</summary>
    public abstract void Merge(MetricStatistic other);

    /// <summary>Forgets all rows.</summary>
    public abstract void Clear();

    /// <summary>More values than one, with their names.</summary>
    public virtual IEnumerable<(string Name, double Value)> Details => [];

    /// <summary>Writes the sums.</summary>
    public abstract void Save(StateWriter writer);

    /// <summary>Replaces the sums.</summary>
    public abstract void Load(StateReader reader);
}
