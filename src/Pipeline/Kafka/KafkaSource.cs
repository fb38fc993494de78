using System.Collections.Concurrent;
using System.Diagnostics;
using Akka;
using Akka.Streams.Dsl;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A topic as a log: each partition's records at the broker's own offsets. A stream waits for brokers that are away, by itself;
/// <see cref="Trouble"/> says so meanwhile. It fails only where a person must act: the topic is missing or was made again, records are
/// gone by retention, access is denied.
/// </summary>
/// <param name="settings">How the topic is read.</param>
/// <param name="transactions">Where a group commits its offsets together with what was made of the records; null: by itself.</param>
public sealed class KafkaSource(ConsumerSettings settings, KafkaTransactions? transactions = null) : ITopicSource
{
    private readonly ConcurrentDictionary<ConsumerThread, ClientHealth> _consumers = [];

    /// <inheritdoc/>
    public string Name => $"topic {settings.Topic}";

    /// <inheritdoc/>
    public string Trouble => _consumers.Values.Select(h => h.Trouble).FirstOrDefault(t => t.Length > 0) ?? "";

    /// <inheritdoc/>
    /// <exception cref="SourceUnavailableException">No broker answers; trying again may help.</exception>
    public IReadOnlyList<PartitionPosition> Partitions()
    {
        using var consumer = Consumer("streammlops-positions");
        return Ask(consumer, topic => topic.Partitions.Select(p => new PartitionPosition(p, topic.Epoch, TopicLookup.Watermarks(consumer, settings.Topic, p, settings.RequestTimeout).Low.Value)));
    }

    /// <inheritdoc/>
    /// <exception cref="SourceUnavailableException">No broker, or not the group's coordinator, answers; trying again may help.</exception>
    public IReadOnlyList<CommittedPartition> Committed(string group)
    {
        using var consumer = Consumer(group); // subscribes to nothing, so it is no member
        var offsets = new GroupOffsets(Librdkafka.HandleOf(consumer).DangerousGetHandle(), settings.Topic);
        return Ask(consumer, topic => offsets.Read(topic.Partitions, settings.RequestTimeout).Select(c => CommitMetadata.Read(c.Partition, c.Offset, c.Metadata)).OfType<CommittedPartition>());
    }

    /// <summary>Asks about the topic, for a while, as brokers that have just started do not know it.</summary>
    private IReadOnlyList<T> Ask<T>(IConsumer<Ignore, Ignore> consumer, Func<TopicInfo, IEnumerable<T>> ask)
    {
        var lookup = new TopicLookup(consumer, settings);
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            KafkaException? away = null;
            try
            {
                if (lookup.Find() is { } topic) return [.. ask(topic)];
            }
            catch (KafkaException e)
            {
                away = KafkaErrors.Refusal(Name, e.Error.Code, e.Error.Reason) is { } refusal ? throw refusal : e;
            }
            if (Stopwatch.GetElapsedTime(started) > settings.MissingAfter)
            {
                throw away is null
                    ? KafkaErrors.Missing(Name, settings.BootstrapServers)
                    : new SourceUnavailableException($"{Name}: no answer from the brokers ({away.Error.Reason}). Check that one of {settings.BootstrapServers} runs and can be reached from here.", away);
            }
            Thread.Sleep(100);
        }
    }

    /// <inheritdoc/>
    public Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions) => positions.Count == 0
        ? Source.Empty<RawChunk>()
        : Source.Lazily(() => Open(new Subscriptions.AssignmentWithOffset(positions), commits: false).Chunks).MapMaterializedValue(_ => NotUsed.Instance);

    /// <inheritdoc/>
    public ISubscription Subscribe(string group)
    {
        var (queue, consumer, chunks) = Open(new Subscriptions.Topics(group), commits: true);
        return new Subscription(queue, consumer, chunks, transactions);
    }

    /// <summary>Waits until all streams of this source, which must be stopped, have left their groups.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var consumer in _consumers.Keys) await consumer.Ended.ConfigureAwait(false);
    }

    private (ChunkQueue Queue, ConsumerThread Consumer, Source<RawChunk, NotUsed> Chunks) Open(Subscriptions subscription, bool commits)
    {
        var queue = new ChunkQueue(settings.BufferedChunks, commits);
        var health = new ClientHealth(Name, settings.BootstrapServers);
        var consumer = new ConsumerThread(Name, settings, subscription, queue, health);
        var stage = new KafkaStage(Name, queue, consumer, () =>
        {
            _consumers[consumer] = health;
            consumer.Ended.ContinueWith(ended => _consumers.TryRemove(consumer, out _), TaskScheduler.Default);
        });
        return (queue, consumer, Source.FromGraph(stage));
    }

    private IConsumer<Ignore, Ignore> Consumer(string group)
    {
        try
        {
            return new ConsumerBuilder<Ignore, Ignore>(settings.ToConfig(group))
                .SetLogHandler((_, line) => settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, _) => { })
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SourceException($"{Name}: kafka-clients has a fault: {e.Message}", e);
        }
    }

    private sealed class Subscription(ChunkQueue queue, ConsumerThread consumer, Source<RawChunk, NotUsed> chunks, KafkaTransactions? transactions) : ISubscription
    {
        public Source<RawChunk, NotUsed> Chunks { get; } = chunks;

        public IReadOnlyList<CommittedPartition> Committed() => queue.Committed();

        // A commit waits for the broker, which a stream's thread does not.
        public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions) => new(Task.Run(() =>
        {
            if (transactions is null) consumer.Commit(partitions);
            else consumer.Commit(partitions, transactions);
        }));
    }
}
