namespace StreamMLOps.Learning;

/// <summary>A linear model over evolving features.</summary>
public interface ILinearModel : IExplainable
{
    /// <summary>Bytes held for the features: the table that finds them and their parameters.</summary>
    long Bytes { get; }

    /// <summary>Writes the features that have weights, in first-seen order.</summary>
    /// <param name="target">At least <see cref="IModel.Features"/> long.</param>
    void CopyFeatures(Span<uint> target);
}
