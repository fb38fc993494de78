namespace StreamMLOps.Pipeline;

/// <summary>What is known of an id.</summary>
public enum JoinKind : byte
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Its features wait for a label.</summary>
    Features,

    /// <summary>Its label waits for features.</summary>
    Label,

    /// <summary>It was learned.</summary>
    Learned,

    /// <summary>Its features waited for the whole horizon.</summary>
    Expired,

    /// <summary>Its features were scored and, without a label, learned at once: the label is for evaluation. For unsupervised kinds.</summary>
    Scored,
}

/// <summary>What is remembered of an id.</summary>
/// <param name="Kind">What is known.</param>
/// <param name="Partition">Partition of the features; of the label where only the label is known.</param>
/// <param name="Offset">Its offset there.</param>
/// <param name="Label">The label; NaN where there is none.</param>
/// <param name="Stamp">Time of the stream when this was stored; never less than that of an entry stored before.</param>
public readonly record struct JoinEntry(JoinKind Kind, int Partition, long Offset, double Label, long Stamp);

/// <summary>What became of a record of either topic; each record is counted once.</summary>
public enum JoinOutcome
{
    /// <summary>Features: they wait for their label.</summary>
    Waiting,

    /// <summary>The record completed a pair: the row is learned.</summary>
    Learned,

    /// <summary>Features: the id has others already; the first are the ones that count.</summary>
    DuplicateFeatures,

    /// <summary>Label: before its features; it waits for them.</summary>
    Early,

    /// <summary>Label: the same as before.</summary>
    DuplicateLabel,

    /// <summary>Label: another than before, and it does not say that it corrects: the first one counts.</summary>
    Contradictory,

    /// <summary>Label: another than before, and says that it corrects. Of a label that waits it takes the place; what was learned stays learned.</summary>
    Corrected,

    /// <summary>Label: the features had waited for the whole horizon.</summary>
    Late,

    /// <summary>Label: it measures what was answered to features that were learned without it.</summary>
    Evaluated,
}

/// <summary>A decision: what became of the record, and what is remembered of its id from now on (<see cref="JoinKind.None"/>: as before).</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="Store">What is to be stored.</param>
public readonly record struct JoinDecision(JoinOutcome Outcome, JoinKind Store);

/// <summary>The rules of the label join, pure: what a record means, given what is known of its id.</summary>
public static class JoinRules
{
    /// <summary>Features arrive.</summary>
    public static JoinDecision Features(JoinKind known) => known switch
    {
        JoinKind.None => new(JoinOutcome.Waiting, JoinKind.Features),
        JoinKind.Label => new(JoinOutcome.Learned, JoinKind.Learned),
        _ => new(JoinOutcome.DuplicateFeatures, JoinKind.None),
    };

    /// <summary>A label arrives.</summary>
    /// <param name="known">What is known of the id.</param>
    /// <param name="before">The label that is known, if any.</param>
    /// <param name="label">The label.</param>
    /// <param name="corrects">Whether it says that it takes the place of an earlier one.</param>
    public static JoinDecision Label(JoinKind known, double before, double label, bool corrects) => known switch
    {
        JoinKind.None => new(JoinOutcome.Early, JoinKind.Label),
        JoinKind.Features => new(JoinOutcome.Learned, JoinKind.Learned),
        JoinKind.Expired => new(JoinOutcome.Late, JoinKind.None),
        JoinKind.Scored => new(JoinOutcome.Evaluated, JoinKind.Learned),
        _ when BitConverter.DoubleToInt64Bits(before) == BitConverter.DoubleToInt64Bits(label) => new(JoinOutcome.DuplicateLabel, JoinKind.None),
        _ when corrects => new(JoinOutcome.Corrected, known),
        _ => new(JoinOutcome.Contradictory, JoinKind.None),
    };
}
