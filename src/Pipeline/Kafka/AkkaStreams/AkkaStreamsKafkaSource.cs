using System.Collections.Concurrent;
using Akka;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A topic as a log, read by Akka.Streams.Kafka. The records, offsets and chunks are those of <see cref="KafkaSource"/>; the package's
/// commits carry no ledger, and it hands partitions over without waiting for what is under way.
/// </summary>
public sealed class AkkaStreamsKafkaSource(ConsumerSettings settings) : ITopicSource
{
    private readonly ConcurrentDictionary<PackageConsumer, byte> _consumers = [];

    /// <inheritdoc/>
    public string Name => $"topic {settings.Topic}";

    /// <inheritdoc/>
    public string Trouble => _consumers.Keys.Select(c => c.Health.Trouble).FirstOrDefault(t => t.Length > 0) ?? "";

    /// <inheritdoc/>
    /// <exception cref="SourceUnavailableException">No broker answers; trying again may help.</exception>
    public IReadOnlyList<PartitionPosition> Partitions() => new KafkaSource(settings).Partitions();

    /// <inheritdoc/>
    public Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions) => positions.Count == 0
        ? Source.Empty<RawChunk>()
        : Source.Lazily(() => Chunks(new PackageConsumer(Name, settings, new Subscriptions.AssignmentWithOffset(positions)))).MapMaterializedValue(_ => NotUsed.Instance);

    /// <inheritdoc/>
    public ISubscription Subscribe(string group)
    {
        var consumer = new PackageConsumer(Name, settings, new Subscriptions.Topics(group));
        return new Subscription(consumer, Source.Lazily(() => Chunks(consumer)).MapMaterializedValue(_ => NotUsed.Instance));
    }

    /// <inheritdoc/>
    /// <exception cref="SourceUnavailableException">No broker answers; trying again may help.</exception>
    public IReadOnlyList<CommittedPartition> Committed(string group) => new KafkaSource(settings).Committed(group);

    /// <summary>Waits until all streams of this source, which must be stopped, have ended their consumers.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var consumer in _consumers.Keys) await consumer.Ended.ConfigureAwait(false);
    }

    private Source<RawChunk, NotUsed> Chunks(PackageConsumer consumer)
    {
        _consumers[consumer] = 0;
        consumer.Ended.ContinueWith(_ => _consumers.TryRemove(consumer, out byte _), TaskScheduler.Default);
        // Brokers are asked first, on a thread that may wait.
        return Source.FromTaskSource(Task.Run(consumer.Open)).Via(new ChunkStage(consumer)).MapMaterializedValue(_ => NotUsed.Instance);
    }

    private sealed class Subscription(PackageConsumer consumer, Source<RawChunk, NotUsed> chunks) : ISubscription
    {
        public Source<RawChunk, NotUsed> Chunks { get; } = chunks;

        public IReadOnlyList<CommittedPartition> Committed() => consumer.Queue.Committed();

        public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions) => new(consumer.Commit(partitions));
    }
}
