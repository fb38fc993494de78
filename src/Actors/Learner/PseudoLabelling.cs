using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>What a self-training model takes rows without a label for, and where its groups begin: the part of the fold that the journal has as provenance.</summary>
/// <param name="model">The model; null where the kind gives no pseudo-labels.</param>
internal sealed class PseudoLabelling(ISelfTraining? model)
{
    // The newest group that has any: groups that the model began and that are empty are not told.
    private (long Number, long From) _group;
    private (long Negative, long Positive) _before;

    /// <summary>What the last row without a label was taken for.</summary>
    public PseudoLabel Last { get; private set; }

    /// <summary>Whether there ever was a pseudo-label; then this is part of the state.</summary>
    public bool HasBegun => _group.From > 0;

    /// <summary>The current group and the event that has its first pseudo-label; null: it has none.</summary>
    public (long Number, long From)? Current => HasBegun && model!.Group == _group.Number ? _group : null;

    /// <summary>A row without a label is about to be learned.</summary>
    public void Begin() => _before = model?.PseudoLabels ?? default;

    /// <summary>It was, in this event.</summary>
    public void End(long sequence)
    {
        if (model is null) return;
        var (negative, positive) = model.PseudoLabels;
        Last = new PseudoLabel(model.Group, negative > _before.Negative ? PseudoClass.Negative : positive > _before.Positive ? PseudoClass.Positive : PseudoClass.None);
        if (Last.Class != PseudoClass.None && _group.Number != Last.Group) _group = (Last.Group, sequence);
    }

    public void Save(StateWriter writer)
    {
        writer.Int64(_group.Number);
        writer.Int64(_group.From);
    }

    public void Load(StateReader reader) => _group = (reader.Count64(), reader.Count64());
}
