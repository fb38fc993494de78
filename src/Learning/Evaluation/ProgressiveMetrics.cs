namespace StreamMLOps.Learning;

/// <summary>Metrics of a model that was asked before it was told, in constant memory, deterministic to the last bit.</summary>
public abstract class ProgressiveMetrics
{
    /// <summary>The metrics that fit a task.</summary>
    public static ProgressiveMetrics For(LearningTask task) => task switch
    {
        LearningTask.Binary => new BinaryMetrics(),
        LearningTask.MultiClass => new MultiClassMetrics(),
        LearningTask.Regression => new RegressionMetrics(),
        // Without labels only the rows count; with some, ranking by score.
        LearningTask.Anomaly => new AnomalyMetrics(),
        LearningTask.Clustering => new ClusteringMetrics(),
        _ => throw new System.Diagnostics.UnreachableException(task.ToString()),
    };

    /// <summary>Rows counted.</summary>
    public abstract long Count { get; }

    /// <summary>Counts one row.</summary>
    /// <param name="label">The row's label; NaN (no label) is not counted.</param>
    /// <param name="scores">What the model answered before it learned the row.</param>
    public abstract void Update(double label, ReadOnlySpan<double> scores);

    /// <summary>Counts the label of a row that was counted without one (<see cref="Update"/> with NaN) when it came.</summary>
    /// <param name="label">The label.</param>
    /// <param name="scores">What the model answered then.</param>
    public virtual void UpdateLater(double label, ReadOnlySpan<double> scores) => Update(label, scores);

    /// <summary>Names and values for people and for exporters, in a fixed order.</summary>
    public abstract IReadOnlyList<(string Name, double Value)> Report();

    /// <summary>Writes canonical bytes.</summary>
    public abstract void Save(StateWriter writer);

    /// <summary>Replaces the counts by saved bytes.</summary>
    public abstract void Load(StateReader reader);
}
