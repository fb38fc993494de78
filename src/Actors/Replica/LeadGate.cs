using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Lets a chunk be scored once the replica's version has learned all but the last so many offsets before it.</summary>
internal sealed class LeadGate(Replica replica, long maxLead) : IGate
{
    public event Action Moved
    {
        add => replica.Applied += value;
        remove => replica.Applied -= value;
    }

    public bool LetsThrough(RawChunk chunk) => chunk.From - replica.Read(fold => fold?.LearnedBelow(chunk.Partition, chunk.Epoch) ?? 0) <= maxLead;
}
