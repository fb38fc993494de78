using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A log of one partition whose offset is the row number from 0, with commits kept in a <see cref="FileCommitStore"/>. The
/// position <c>(0, epoch 0, 0)</c> means the first record of whatever log is there.
/// </summary>
public abstract class LogSource(FileCommitStore? commits) : ISource
{
    /// <summary>Akka.Streams' dispatcher for blocking reads.</summary>
    public const string BlockingDispatcher = "akka.stream.materializer.blocking-io-dispatcher";

    private static readonly PartitionPosition Beginning = new(0, 0, 0);

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <summary>Dispatcher that reads, behind an asynchronous boundary; null: reading is fused into the stream.</summary>
    protected abstract string? Dispatcher { get; }

    /// <summary>How long to wait at the end of the log before looking again; null: the end completes the stream.</summary>
    protected virtual TimeSpan? Follow => null;

    /// <inheritdoc/>
    public abstract IReadOnlyList<PartitionPosition> Partitions();

    /// <summary>Opens the log at a position.</summary>
    /// <exception cref="SourceException">The log is missing, is another one, or ends below the position.</exception>
    public abstract ILogReader Open(PartitionPosition from);

    /// <inheritdoc/>
    public Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions)
    {
        if (positions.Count == 0) return Source.Empty<RawChunk>();
        if (positions.Count > 1 || positions[0].Partition != 0)
        {
            return Source.Failed<RawChunk>(new SourceException(
                $"{Name} has the one partition 0, and was asked for {string.Join(", ", positions)}: these positions belong to another source."));
        }
        var from = positions[0];
        var source = Source.FromGraph(new LogStage(Name, () => Open(from), Follow));
        return Dispatcher is { } dispatcher
            ? source.AddAttributes(ActorAttributes.CreateDispatcher(dispatcher)).Async()
            : source;
    }

    /// <inheritdoc/>
    public ISubscription Subscribe(string group)
    {
        var store = Store(group);
        var committed = store.Read(group);
        var from = committed.Count == 0 ? Beginning : committed[0].Position;
        return new Subscription(ReadFrom([from]), store, group);
    }

    /// <inheritdoc/>
    public IReadOnlyList<CommittedPartition> Committed(string group) => Store(group).Read(group);

    private FileCommitStore Store(string group) => commits ?? throw new SourceException($"{Name} was opened without a commit store, so group {group} has no place for its commits.");

    private sealed class Subscription(Source<RawChunk, NotUsed> chunks, FileCommitStore commits, string group) : ISubscription
    {
        public Source<RawChunk, NotUsed> Chunks { get; } = chunks;

        public IReadOnlyList<CommittedPartition> Committed() => commits.Read(group);

        // Durable means an fsync of some milliseconds, which a stream's thread does not wait for.
        public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions) => new(Task.Run(() => commits.Write(group, partitions)));
    }
}
