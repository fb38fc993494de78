namespace StreamMLOps.Host;

/// <summary>Shows a running node.</summary>
public interface IDisplay
{
    /// <summary>How often it wants facts.</summary>
    TimeSpan Interval { get; }

    /// <summary>Runs <paramref name="watch"/>, which hands over facts until the node is done.</summary>
    Task Run(Func<Action<NodeFacts>, Task> watch);
}
