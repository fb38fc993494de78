namespace StreamMLOps.Learning;

/// <summary>What metrics look at: a label beside what the model answered, whatever the task is.</summary>
/// <param name="Label">Class (0 or 1 for <see cref="LearningTask.Binary"/> and <see cref="LearningTask.Anomaly"/>), or the number to predict.</param>
/// <param name="Answer">Class answered, -1 where the model knew none yet; or the number predicted.</param>
/// <param name="Score">Probability given to class 1, or to the label's class of many; or the number predicted.</param>
/// <param name="Confidence">Probability of what <paramref name="Hit"/> says: of class 1, or of the answer of many.</param>
/// <param name="Hit">Whether it happened.</param>
/// <param name="SquaredDistance">Of the probabilities from what happened; for numbers, of prediction and label.</param>
/// <param name="Weight">Importance of the row.</param>
internal readonly record struct MetricObservation(double Label, double Answer, double Score, double Confidence, bool Hit, double SquaredDistance, double Weight)
{
    // Squared and summed for ever it stays finite.
    private const double Largest = 1e100;
    private const double LargestWeight = 1e50;

    /// <summary>The observation of a row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A score is not finite, or the label is infinite or no class.</exception>
    public static MetricObservation Of(LearningTask task, double label, ReadOnlySpan<double> scores, double weight)
    {
        if (double.IsInfinity(label)) throw new ArgumentOutOfRangeException(nameof(label), label, "a label is a finite number");
        if (!(weight >= 0 && double.IsFinite(weight))) throw new ArgumentOutOfRangeException(nameof(weight), weight, "a weight is a finite number from 0");
        weight = Math.Min(weight, LargestWeight);
        foreach (var score in scores)
            if (!double.IsFinite(score)) throw new ArgumentOutOfRangeException(nameof(scores), score, "a score is a finite number");
        return task switch
        {
            LearningTask.MultiClass => OfClasses(label, scores, weight),
            LearningTask.Regression => OfNumber(Math.Clamp(label, -Largest, Largest), Math.Clamp(scores[0], -Largest, Largest), weight),
            _ => OfTwo(label > 0, scores[0], weight),
        };
    }

    /// <summary>Writes it.</summary>
    public void Save(StateWriter writer)
    {
        writer.Double(Label);
        writer.Double(Answer);
        writer.Double(Score);
        writer.Double(Confidence);
        writer.Flag(Hit);
        writer.Double(SquaredDistance);
        writer.Double(Weight);
    }

    /// <summary>Reads one.</summary>
    public static MetricObservation Load(StateReader reader) =>
        new(reader.Finite(), reader.Finite(), reader.Finite(), reader.Finite(), reader.Flag(), reader.Finite(), reader.Finite());

    private static MetricObservation OfTwo(bool positive, double score, double weight)
    {
        var label = positive ? 1.0 : 0;
        return new(label, score > 0.5 ? 1 : 0, score, score, positive, (score - label) * (score - label), weight);
    }

    private static MetricObservation OfNumber(double label, double score, double weight) =>
        new(label, score, score, score, score == label, (score - label) * (score - label), weight);

    private static MetricObservation OfClasses(double label, ReadOnlySpan<double> scores, double weight)
    {
        if (!(label >= 0 && label <= int.MaxValue && label == Math.Floor(label))) throw new ArgumentOutOfRangeException(nameof(label), label, "labels of classes are whole numbers from 0");
        var answer = -1;
        var known = label < scores.Length;
        // A class the model has not met has probability 0.
        var squares = known ? 0.0 : 1;
        for (var c = 0; c < scores.Length; c++)
        {
            if (answer < 0 || scores[c] > scores[answer]) answer = c;
            var distance = scores[c] - (c == (int)label ? 1 : 0);
            squares += distance * distance;
        }
        return new(label, answer, known ? scores[(int)label] : 0, answer < 0 ? 0 : scores[answer], answer == (int)label, squares, weight);
    }
}
