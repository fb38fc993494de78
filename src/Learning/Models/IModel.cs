namespace StreamMLOps.Learning;

/// <summary>What a model answers and what its labels mean.</summary>
public enum LearningTask
{
    /// <summary>One score: the probability of the positive class (or a margin mapped to [0, 1]). A label above 0 is positive.</summary>
    Binary,

    /// <summary>A score for each class seen, by class number; labels are whole numbers from 0.</summary>
    MultiClass,

    /// <summary>One score: the predicted value; labels are any finite number.</summary>
    Regression,

    /// <summary>One score from 0 to 1: how unusual the row is, larger is more so; needs no label, a label above 0 means anomalous and is for evaluation.</summary>
    Anomaly,

    /// <summary>One score: the number of the cluster, -1 for none; needs no label.</summary>
    Clustering,
}

/// <summary>
/// A model that learns one row at a time. Predict reads, Learn writes; both are deterministic to the last bit: no clock, no
/// randomness outside the state, no iteration order of hash maps, no arithmetic whose result depends on the machine.
/// Rows are canonical (see <see cref="Row"/>), their values finite. A model has one user at a time.
/// </summary>
public interface IModel
{
    /// <summary>The resolved specification that this model was made from.</summary>
    ModelSpec Spec { get; }

    /// <summary>Scores a prediction has now: 1, or the number of classes seen for <see cref="LearningTask.MultiClass"/> (may grow by learning).</summary>
    int Outputs { get; }

    /// <summary>Scores the row; changes nothing that <see cref="Save"/> would write.</summary>
    /// <param name="row">A canonical row.</param>
    /// <param name="scores">Receives <see cref="Outputs"/> scores.</param>
    void Predict(in Row row, Span<double> scores);

    /// <summary>Learns the row.</summary>
    /// <param name="row">A canonical row.</param>
    /// <param name="label">A finite label as the task has it; NaN (no label) only for tasks that need none.</param>
    /// <param name="weight">Importance of the row, finite and at least 0.</param>
    void Learn(in Row row, double label, double weight = 1);

    /// <summary>Predict, then learn: the same bits as one after the other, for models that can share the work.</summary>
    void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        Predict(row, scores);
        Learn(row, label, weight);
    }

    /// <summary>Distinct features with parameters of their own, 0 where that has no meaning.</summary>
    long Features => 0;

    /// <summary>Writes the whole state as canonical bytes: equal states write equal bytes.</summary>
    void Save(StateWriter writer);

    /// <summary>Replaces the state by what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of another kind, or damaged.</exception>
    void Load(StateReader reader);
}
