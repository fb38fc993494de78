using Akka;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A log of records in partitions, read by position: the one seam between the graph and where records come from. Both ways of
/// reading give the same records at the same offsets, so that replay, resume, audit and exactly-once learning hold for all sources.
/// </summary>
public interface ISource
{
    /// <summary>For people: <c>file rows.svm</c>, <c>topic features</c>.</summary>
    string Name { get; }

    /// <summary>What is wrong at present and is waited for, for people; empty where all is well.</summary>
    string Trouble => "";

    /// <summary>The partitions with their epochs; <c>Next</c> is the first offset still there.</summary>
    /// <exception cref="SourceException">The source is missing or unreadable.</exception>
    IReadOnlyList<PartitionPosition> Partitions();

    /// <summary>
    /// The learn leg's and the auditor's way: reads the named partitions from the named positions, one chunk after the other; no
    /// group, no commit. Completes at the end of a bounded log.
    /// </summary>
    /// <exception cref="SourceException">(as the stream's failure) The epoch is another, or the log ends below the position.</exception>
    Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions);

    /// <summary>The score leg's way: a member of a group, from the group's committed positions.</summary>
    ISubscription Subscribe(string group);

    /// <summary>What a group committed last, by partition, asked without joining it; partitions whose commit carries no ledger are left out.</summary>
    /// <exception cref="SourceException">The commits are missing or unreadable, or access to them is denied.</exception>
    IReadOnlyList<CommittedPartition> Committed(string group);
}

/// <summary>A membership in a consumer group: chunks, and the place where processed ranges are committed.</summary>
public interface ISubscription
{
    /// <summary>Chunks from the committed positions on; materialize it once.</summary>
    Source<RawChunk, NotUsed> Chunks { get; }

    /// <summary>
    /// Ledger and position of each partition that this member has now and that was ever committed. Partitions come and go, with
    /// the ledger that their last member left: ask again before each commit.
    /// </summary>
    IReadOnlyList<CommittedPartition> Committed();

    /// <summary>
    /// Commits, durably, that everything below each position is processed. Called in order, after all effects of the records; every
    /// chunk is in some commit. What belongs to partitions that went to other members is let go: they process it again.
    /// </summary>
    ValueTask Commit(IReadOnlyList<CommittedPartition> partitions);
}

/// <summary>A committed position with the ledger of the score leg over all offsets from <see cref="Start"/> to it (distinct positions: a redelivery counts once).</summary>
/// <param name="Position">Everything below <c>Next</c> is processed.</param>
/// <param name="Predicted">Rows predicted.</param>
/// <param name="DeadLettered">Records sent to the dead letters.</param>
/// <param name="Skipped">Blank records and offsets that hold none.</param>
public sealed record CommittedPartition(PartitionPosition Position, long Predicted, long DeadLettered, long Skipped)
{
    /// <summary>
    /// Where the group began to count: at the beginning of the log, or where it was told to begin (at its end, at a commit of a tool's). What is not
    /// said is what the counts say: versions that did not record it are believed.
    /// </summary>
    public long Start { get; init; } = Position.Next - Predicted - DeadLettered - Skipped;

    /// <summary>Offsets from the start on less those accounted for: anything but 0 is an alarm.</summary>
    public long Remainder => Position.Next - Start - Predicted - DeadLettered - Skipped;
}

/// <summary>A source that cannot be read as asked: says what, where and what to do.</summary>
public sealed class SourceException(string message, Exception? inner = null) : Exception(message, inner);
