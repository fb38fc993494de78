namespace StreamMLOps.Learning;

/// <summary>A linear model over evolving features.</summary>
public interface ILinearModel : IModel
{
    /// <summary>Bytes held for the features: the table that finds them and their parameters.</summary>
    long Bytes { get; }
}
