using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>A message for one learner, by its entity id <c>pipeline/lineage/shard</c>.</summary>
public sealed record LearnerEnvelope(string EntityId, object Message);

/// <summary>How far the score leg has come; also what starts a learner. Resent each second, so one may be lost.</summary>
public sealed record Scored(PartitionPosition Position);

/// <summary>Starts a learner that is not running, and nothing else.</summary>
public sealed record Wake
{
    public static Wake Instance { get; } = new();
}

/// <summary>A replica asks for the events after a version, at most <paramref name="Credit"/> of them; asked again, the older request is void.</summary>
public sealed record Pull(long After, int Credit);

/// <summary>An event that is in the journal.</summary>
/// <param name="Sequence">Its sequence number.</param>
/// <param name="Event">The event.</param>
/// <param name="Time">When it was published, milliseconds since 1970 UTC by the learner's clock; for the measure of staleness only.</param>
public sealed record Published(long Sequence, JournalEvent Event, long Time = 0);

/// <summary>The learner's memory begins after <paramref name="Oldest"/>: what the replica lacks it must read from the journal first.</summary>
public sealed record Behind(long Oldest, long Newest);

/// <summary>Asks for a <see cref="LearnerStatus"/>.</summary>
public sealed record GetLearnerStatus
{
    public static GetLearnerStatus Instance { get; } = new();
}

/// <summary>Finish what is in hand, persist, snapshot, answer <see cref="Drained"/> and stop.</summary>
public sealed record Drain
{
    public static Drain Instance { get; } = new();
}

/// <summary>All that was learned is in the journal.</summary>
/// <param name="Status">The learner as it was last.</param>
public sealed record Drained(LearnerStatus Status);

/// <summary>Stops learning; scoring goes on from the version reached.</summary>
public sealed record Freeze(string Who, string Why);

/// <summary>Goes on learning.</summary>
public sealed record Thaw(string Who, string Why);

/// <summary>Takes back the current group of pseudo-labels of a self-training model, as a whole.</summary>
/// <param name="Who">Who asks.</param>
/// <param name="Why">The reason.</param>
/// <param name="Group">The group that is meant, refused where it is not the current one; 0: whichever is.</param>
public sealed record Revoke(string Who, string Why, long Group = 0);

/// <summary>Answer to <see cref="Freeze"/>, <see cref="Thaw"/> and <see cref="Revoke"/>: it is in the journal as this version.</summary>
public sealed record Changed(ModelVersion Version);

/// <summary>Answer to <see cref="Freeze"/>, <see cref="Thaw"/> and <see cref="Revoke"/>: nothing was changed.</summary>
public sealed record Unchanged(string Why);

/// <summary>What a learner is doing.</summary>
public enum LearnerState
{
    /// <summary>Reading its journal.</summary>
    Recovering,

    /// <summary>Learning.</summary>
    Running,

    /// <summary>A bounded source is learned to its end.</summary>
    Finished,

    /// <summary>It will not learn until a person acts; the detail says what to do.</summary>
    Refused,

    /// <summary>Its source failed; it tries again by itself.</summary>
    WaitingForSource,

    /// <summary>An event has been on its way into the database for longer than a second; learning waits.</summary>
    WaitingForDatabase,

    /// <summary>Another writer wrote to its journal; it keeps still for a while, then recovers and goes on.</summary>
    Fenced,
}

/// <summary>A learner as it is now.</summary>
/// <param name="State">What it is doing.</param>
/// <param name="Detail">For people; empty where all is well.</param>
/// <param name="Version">The last version in the journal.</param>
/// <param name="Partitions">Ledger of each partition, at that version or one event later.</param>
/// <param name="Metrics">Progressive metrics.</param>
/// <param name="Features">Features with parameters.</param>
/// <param name="Rows">Rows learned.</param>
/// <param name="JournalBytes">Event bytes since the lineage began.</param>
/// <param name="Snapshot">Sequence number of the newest snapshot, 0: none.</param>
/// <param name="Node">Address of the node that it runs on.</param>
public sealed record LearnerStatus(
    LearnerState State,
    string Detail,
    ModelVersion Version,
    IReadOnlyList<PartitionLedger> Partitions,
    IReadOnlyList<(string Name, double Value)> Metrics,
    long Features,
    long Rows,
    long JournalBytes,
    long Snapshot,
    string Node = "")
{
    /// <summary>Ledger of each partition of the labels' log; empty where labels come with their rows.</summary>
    public IReadOnlyList<LabelLedger> Labels { get; init; } = [];
}

/// <summary>When events are sealed and snapshots taken. Has no influence on what is learned.</summary>
/// <param name="MaxRows">Rows after which an event is sealed.</param>
/// <param name="MaxBytes">Bytes after which an event is sealed.</param>
/// <param name="MaxWait">Longest time a learned row waits for its event to be sealed while the journal is free.</param>
/// <param name="SnapshotEveryEvents">Events between snapshots.</param>
/// <param name="SnapshotEveryBytes">Event bytes between snapshots.</param>
/// <param name="SnapshotsKept">Newest snapshots kept in any case.</param>
/// <param name="RingBytes">Newest event bytes held in memory for replicas.</param>
public sealed record LearnerOptions(
    int MaxRows = 4096,
    int MaxBytes = 1 << 20,
    TimeSpan? MaxWait = null,
    long SnapshotEveryEvents = 1000,
    long SnapshotEveryBytes = 64L << 20,
    int SnapshotsKept = 3,
    long RingBytes = 16L << 20)
{
    /// <summary>Whether events name their rows by position in the source, rather than have them; only where labels come with the rows.</summary>
    public bool RowsByReference { get; init; }

    public TimeSpan Wait { get; } = MaxWait ?? TimeSpan.FromMilliseconds(20);
}

/// <summary>All that a learner and its replicas need to know of a pipeline.</summary>
/// <param name="Name">Name of the pipeline.</param>
/// <param name="Lineage">Name of the lineage.</param>
/// <param name="Shard">Shard number.</param>
/// <param name="GenesisSettings">Canonical settings that define the fold.</param>
/// <param name="Define">Makes the fold's definition from any genesis.</param>
/// <param name="Source">Where records come from.</param>
/// <param name="Decoder">Format of the records.</param>
/// <param name="Featurizer">Stateless featurization.</param>
/// <param name="Options">Sealing and snapshots.</param>
/// <param name="Clocks">Where time goes.</param>
/// <param name="Time">Clock for what is recorded for people.</param>
/// <param name="MaxLead">Most offsets that scoring may be ahead of the version that scores.</param>
public sealed record LearnerDefinition(
    string Name,
    string Lineage,
    int Shard,
    string GenesisSettings,
    Func<Genesis, FoldDefinition> Define,
    ISource Source,
    IDecoder Decoder,
    IFeaturizer Featurizer,
    LearnerOptions Options,
    PipelineClocks Clocks,
    TimeProvider Time,
    long MaxLead = long.MaxValue)
{
    /// <summary>Most rows whose answers a node keeps until their labels come apart, to measure what was served.</summary>
    public long Remember { get; init; } = 1_000_000;

    /// <summary>Labels that come apart from their rows; null: they come with them.</summary>
    public LabelFeed? Labels { get; init; }

    /// <summary>Where alerts come together; null: the pipeline has none.</summary>
    public AlertFeed? Alerts { get; init; }

    /// <summary>Files that have the events that are no longer in the journal; null: all are in it.</summary>
    public EventArchive? Archive { get; init; }

    /// <summary>Entity id in the cluster.</summary>
    public string EntityId => $"{Name}/{Lineage}/{Shard}";

    /// <summary>Persistence id in the journal.</summary>
    public string PersistenceId => JournalReader.PersistenceId(Name, Lineage, Shard);
}
