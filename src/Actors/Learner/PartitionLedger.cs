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
/// <param name="Duplicate">Rows whose id had features already.</param>
/// <param name="Waiting">Rows that wait for their label.</param>
public sealed record PartitionLedger(int Partition, ulong Epoch, long Start, long Next, long Learned, long Unlabelled, long DeadLettered, long Skipped, long Frozen, long Expired, long Duplicate = 0, long Waiting = 0)
{
    /// <summary>The ledger of a partition whose labels come apart.</summary>
    public static PartitionLedger Of(JoinPartition p) => new(
        p.Partition, p.Epoch, p.Start, p.Next, p.Of(JoinEnd.Learned), 0, p.Of(JoinEnd.DeadLettered), p.Of(JoinEnd.Skipped), p.Of(JoinEnd.Frozen), p.Of(JoinEnd.Expired), p.Of(JoinEnd.Duplicate), p.Waiting);

    /// <summary>The position this ledger stands at.</summary>
    public PartitionPosition Position => new(Partition, Epoch, Next);

    /// <summary>Offsets accounted for less offsets passed: anything but 0 is an alarm.</summary>
    public long Remainder => Next - Start - (Learned + Unlabelled + DeadLettered + Skipped + Frozen + Expired + Duplicate + Waiting);

    /// <summary>Rows among the offsets (all but dead letters and blanks).</summary>
    public long Rows => Learned + Unlabelled + Frozen + Expired + Duplicate + Waiting;
}

/// <summary>What a learner's state has accounted for, in all partitions.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Version">The version whose state it is.</param>
/// <param name="Rows">Partitions of the rows' log.</param>
/// <param name="Labels">Partitions of the labels' log; empty where labels come with their rows.</param>
public sealed record LearnerLedger(string Pipeline, StreamMLOps.Pipeline.ModelVersion Version, IReadOnlyList<PartitionLedger> Rows, IReadOnlyList<LabelLedger> Labels)
{
    /// <summary>Whether every record is somewhere.</summary>
    public bool Balances => Rows.All(r => r.Remainder == 0) && Labels.All(l => l.Remainder == 0);
}

/// <summary>What a learner's state has accounted for in one partition of the labels' log, over all offsets from <see cref="Start"/> to <see cref="Next"/>.</summary>
/// <param name="Partition">Partition number.</param>
/// <param name="Epoch">Identity of the log.</param>
/// <param name="Start">Where the lineage began.</param>
/// <param name="Next">Offset of the next record to account for.</param>
/// <param name="Learned">Labels whose rows were learned with them.</param>
/// <param name="Frozen">Labels whose rows passed while learning was frozen.</param>
/// <param name="Orphans">Labels whose features did not come in time.</param>
/// <param name="Duplicate">Labels that said what was known.</param>
/// <param name="Contradictory">Labels that said something else than was known, without correcting it.</param>
/// <param name="Corrected">Labels that corrected an earlier one.</param>
/// <param name="Late">Labels that came after their features had expired.</param>
/// <param name="DeadLettered">Records that are no labels.</param>
/// <param name="Skipped">Blank records and offsets that hold none.</param>
/// <param name="Waiting">Labels that wait for their features.</param>
/// <param name="Early">Labels that came before their features, however they ended.</param>
public sealed record LabelLedger(
    int Partition, ulong Epoch, long Start, long Next, long Learned, long Frozen, long Orphans, long Duplicate, long Contradictory, long Corrected, long Late, long DeadLettered, long Skipped, long Waiting, long Early)
{
    /// <summary>Offsets accounted for less offsets passed: anything but 0 is an alarm.</summary>
    public long Remainder => Next - Start - (Learned + Frozen + Orphans + Duplicate + Contradictory + Corrected + Late + DeadLettered + Skipped + Waiting);

    /// <summary>The ledger of a partition of labels.</summary>
    public static LabelLedger Of(JoinPartition p) => new(
        p.Partition, p.Epoch, p.Start, p.Next, p.Of(JoinEnd.Learned), p.Of(JoinEnd.Frozen), p.Of(JoinEnd.Expired), p.Of(JoinEnd.Duplicate), p.Of(JoinEnd.Contradictory), p.Of(JoinEnd.Corrected), p.Of(JoinEnd.Late),
        p.Of(JoinEnd.DeadLettered), p.Of(JoinEnd.Skipped), p.Waiting, p.Early);
}
