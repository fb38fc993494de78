using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>What labels are to a kind of model.</summary>
public enum Supervision
{
    /// <summary>It learns rows with a label and no others.</summary>
    Supervised,

    /// <summary>It learns rows with a label, and has a use for those without.</summary>
    SemiSupervised,

    /// <summary>It learns every row as it comes; a label measures the answer and nothing more.</summary>
    Unsupervised,
}

/// <summary>
/// A kind of model: its name in settings, what it does, its parameters and how to make one. All kinds are listed in
/// <see cref="ModelRegistry"/>. Arithmetic that changes is a new <see cref="Revision"/>, never a change of one; every revision loads the states of those before it.
/// </summary>
/// <param name="Name">Name in settings (<c>algorithm = NAME</c>), lower case with hyphens.</param>
/// <param name="Revision">Revision of the arithmetic and of the saved bytes; part of every lineage's genesis.</param>
/// <param name="Task">What it answers.</param>
/// <param name="Summary">One sentence for people: what it is and when to use it.</param>
/// <param name="Paper">The paper or specification it follows.</param>
/// <param name="Parameters">Its settings.</param>
/// <param name="Create">Makes an untrained model from resolved settings; all randomness comes from the seed in the specification.</param>
public sealed record ModelKind(
    string Name,
    int Revision,
    LearningTask Task,
    string Summary,
    string Paper,
    ImmutableArray<Parameter> Parameters,
    Func<ModelSpec, IModel> Create)
{
    /// <summary>Whether memory stays within a bound that the settings give, however many features and rows come; most kinds keep numbers for each feature.</summary>
    public bool BoundedMemory { get; init; }

    /// <summary>Whether rows without a label (NaN) are learned too, though the task has labels.</summary>
    public bool LearnsUnlabelled { get; init; }

    /// <summary>What labels are to it.</summary>
    public Supervision Supervision => Task is LearningTask.Anomaly or LearningTask.Clustering ? Supervision.Unsupervised
        : LearnsUnlabelled ? Supervision.SemiSupervised : Supervision.Supervised;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} r{Revision}";
}
