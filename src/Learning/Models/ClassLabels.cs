namespace StreamMLOps.Learning;

/// <summary>How labels become classes 0, 1, 2, ... and class probabilities become scores, for models that serve two classes and many alike.</summary>
internal readonly struct ClassLabels(LearningTask task, int most)
{
    /// <summary>The setting that limits the classes of a multi-class kind.</summary>
    public static Parameter Limit { get; } = new Parameter.Integer("max-classes", 100, 2, 10_000, "Labels are whole numbers below this.");

    /// <summary>The most classes there can be.</summary>
    public int Most => most;

    /// <summary>Classes there are before any was seen.</summary>
    public int AtStart => task == LearningTask.Binary ? 2 : 0;

    /// <summary>Scores of a prediction when this many classes were seen.</summary>
    public int Outputs(int classes) => task == LearningTask.Binary ? 1 : classes;

    /// <summary>The class of a label.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A multi-class label that is not a whole number from 0 to below the limit.</exception>
    public int ClassOf(double label)
    {
        if (task == LearningTask.Binary) return label > 0 ? 1 : 0;
        return label >= 0 && label < most && label == Math.Floor(label) ? (int)label
            : throw new ArgumentOutOfRangeException(nameof(label), label, $"labels of classes are whole numbers from 0 to {most - 1}; max-classes sets the limit");
    }

    /// <summary>The class whose probability an output is.</summary>
    public int ClassOfOutput(int output) => task == LearningTask.Binary ? 1 : output;

    /// <summary>Writes class probabilities as scores.</summary>
    public void Write(ReadOnlySpan<double> probabilities, Span<double> scores)
    {
        if (task == LearningTask.Binary) scores[0] = probabilities[1];
        else probabilities.CopyTo(scores);
    }
}
