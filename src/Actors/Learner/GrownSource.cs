using System.Globalization;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Partitions that the source got after the lineage began: they are scored, and that they are not learned is said loudly, once each.</summary>
internal sealed class GrownSource(LearnerDefinition definition)
{
    private readonly SortedSet<int> _partitions = [];

    /// <summary>What happened and what to do; empty where the source has what it had.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>Whether the partition is one that the genesis does not know and that was not noted before.</summary>
    public bool Note(int partition, Genesis genesis)
    {
        if (genesis.Start.Any(s => s.Partition == partition) || !_partitions.Add(partition)) return false;
        Detail = string.Create(CultureInfo.InvariantCulture,
            $"{definition.Source.Name} had {genesis.Start.Count} partitions when lineage '{definition.Lineage}' began and has more now: rows of partition {string.Join(", ", _partitions)} are scored and not learned. Start a new lineage (lineage = NAME) to learn them.");
        return true;
    }
}
