namespace StreamMLOps.Actors;

/// <summary>What a self-training model took a row without a label for.</summary>
public enum PseudoClass : byte
{
    /// <summary>It was not sure enough, and did not learn the row.</summary>
    None,

    /// <summary>Negative.</summary>
    Negative,

    /// <summary>Positive.</summary>
    Positive,
}

/// <summary>The provenance of a row that was learned without a label.</summary>
/// <param name="Group">The group that the pseudo-label belongs to, and is taken back with.</param>
/// <param name="Class">The pseudo-label.</param>
public readonly record struct PseudoLabel(long Group, PseudoClass Class);

/// <summary>A pseudo-labelled row of an event.</summary>
/// <param name="Row">Number of the row in the event, from 0.</param>
/// <param name="Label">What it was taken for.</param>
public readonly record struct PseudoLabelledRow(int Row, PseudoLabel Label);
