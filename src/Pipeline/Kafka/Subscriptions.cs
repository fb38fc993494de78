namespace StreamMLOps.Pipeline;

/// <summary>How a consumer comes by its partitions.</summary>
internal abstract record Subscriptions
{
    private Subscriptions()
    {
    }

    /// <summary>As a member of a group, from its commits.</summary>
    public sealed record Topics(string Group) : Subscriptions;

    /// <summary>These, from these positions, without a group.</summary>
    public sealed record AssignmentWithOffset(IReadOnlyList<PartitionPosition> Positions) : Subscriptions;
}
