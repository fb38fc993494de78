using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What a learner's state has accounted for in one partition, over all offsets from <see cref="Start"/> to <see cref="Next"/>.</summary>
/// <param name="Partition">Partition number.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="Start">Where the lineage began.</param>
/// <param name="Next">Offset of the next record to account for.</param>
/// <param name="Learned">Rows learned.</param>
/// <param name="Unlabelled">Rows without a label.</param>
/// <param name="DeadLettered">Records that are no rows.</param>
/// <param name="Skipped">Blank records, offsets that hold none, ranges gone by retention.</param>
/// <param name="Frozen">Labelled rows that passed while learning was frozen.</param>
/// <param name="Expired">Rows whose label did not come in time.</param>
public sealed record PartitionLedger(int Partition, ulong Epoch, long Start, long Next, long Learned, long Unlabelled, long DeadLettered, long Skipped, long Frozen, long Expired)
{
    /// <summary>The position this ledger stands at.</summary>
    public PartitionPosition Position => new(Partition, Epoch, Next);

    /// <summary>Offsets accounted for less offsets passed: anything but 0 is an alarm.</summary>
    public long Remainder => Next - Start - (Learned + Unlabelled + DeadLettered + Skipped + Frozen + Expired);

    /// <summary>Rows among the offsets (all but dead letters and blanks).</summary>
    public long Rows => Learned + Unlabelled + Frozen + Expired;
}
