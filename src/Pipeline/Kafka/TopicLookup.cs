using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace StreamMLOps.Pipeline;

/// <summary>What identifies a topic, and its partitions.</summary>
/// <param name="Epoch">Hash of the topic's id; of cluster id and name where the broker gives topics no id.</param>
/// <param name="Partitions">Partition numbers, ascending.</param>
internal sealed record TopicInfo(ulong Epoch, IReadOnlyList<int> Partitions);

/// <summary>
/// Asks brokers about a topic, through a client that is there already. From Kafka 2.8 on a topic has an id that it loses when it is made
/// again under its name. Older brokers (and the mock cluster) tell the cluster's id at most, and those below 0.10 not even
/// that: a topic that was made again there is noticed only once its end is below a position, or its beginning above one.
/// </summary>
internal sealed partial class TopicLookup(IClient client, ConsumerSettings settings)
{
    /// <summary>The topic, or null where the cluster has none of that name.</summary>
    /// <exception cref="KafkaException">No broker answered, or not in a way that makes sense yet.</exception>
    public TopicInfo? Find()
    {
        using var admin = new DependentAdminClientBuilder(client.Handle).Build();
        // All topics: asking for one makes it, on brokers that make topics by themselves.
        var metadata = admin.GetMetadata(settings.RequestTimeout);
        var topic = metadata.Topics.Find(t => t.Topic == settings.Topic);
        if (topic is null || topic.Error.Code == ErrorCode.UnknownTopicOrPart) return null;
        if (topic.Error.IsError) throw new KafkaException(topic.Error);
        var partitions = topic.Partitions.Select(p => p.PartitionId).Order().ToArray();
        if (partitions.Length == 0) throw new KafkaException(new Error(ErrorCode.LeaderNotAvailable));
        return new TopicInfo(EpochOf(admin), partitions);
    }

    /// <summary>First offset that is there and the one after the last.</summary>
    /// <exception cref="KafkaException">The partition's leader did not answer.</exception>
    public static WatermarkOffsets Watermarks<TKey, TValue>(IConsumer<TKey, TValue> consumer, string topic, int partition, TimeSpan timeout) =>
        consumer.QueryWatermarkOffsets(new TopicPartition(topic, partition), timeout);

    private ulong EpochOf(IAdminClient admin)
    {
        var cluster = settings.BrokerIsOld ? "" : ClusterId();
        // The mock cluster has no administration: a question would only time out.
        var id = settings.BrokerIsOld || cluster.StartsWith("mockCluster", StringComparison.Ordinal) ? null : TopicId(admin);
        var identity = id is null ? $"name/{cluster}/{settings.Topic}" : string.Create(CultureInfo.InvariantCulture, $"id/{id.MostSignificantBits:x16}{id.LeastSignificantBits:x16}");
        return Math.Max(1, XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(identity)));
    }

    private Uuid? TopicId(IAdminClient admin)
    {
        try
        {
            var described = admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([settings.Topic]), new DescribeTopicsOptions { RequestTimeout = settings.RequestTimeout }).GetAwaiter().GetResult();
            var id = described.TopicDescriptions[0].TopicId;
            return id.MostSignificantBits == 0 && id.LeastSignificantBits == 0 ? null : id;
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_UnsupportedFeature or ErrorCode.UnsupportedVersion)
        {
            return null;
        }
    }

    private string ClusterId()
    {
        var handle = Librdkafka.HandleOf(client).DangerousGetHandle();
        var text = ClusterId(handle, (int)settings.RequestTimeout.TotalMilliseconds); // at once: the metadata are there
        if (text == 0) return "";
        var id = Marshal.PtrToStringUTF8(text)!;
        Librdkafka.Free(handle, text);
        return id;
    }

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_clusterid")]
    private static partial nint ClusterId(nint client, int timeoutMs);
}
