using Confluent.Kafka;
using StreamMLOps.Pipeline.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>What a plain client sees of the topics and the group, with nothing of this program in between.</summary>
internal static class PlainConsumer
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static IConsumer<Ignore, byte[]> Of(TestBroker broker, string group = "specs", IsolationLevel isolation = IsolationLevel.ReadCommitted, bool endOfPartitions = false) =>
        new ConsumerBuilder<Ignore, byte[]>(new Dictionary<string, string>(broker.KafkaClients)
        {
            ["bootstrap.servers"] = broker.BootstrapServers,
            ["group.id"] = group,
            ["enable.auto.commit"] = "false",
            ["auto.offset.reset"] = "earliest",
            ["fetch.wait.max.ms"] = "10",
            ["session.timeout.ms"] = "6000",
            ["isolation.level"] = isolation == IsolationLevel.ReadCommitted ? "read_committed" : "read_uncommitted",
            ["enable.partition.eof"] = endOfPartitions ? "true" : "false",
        }).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();

    public static int[] Partitions(TestBroker broker, string topic)
    {
        using var admin = new AdminClientBuilder(new Dictionary<string, string>(broker.KafkaClients) { ["bootstrap.servers"] = broker.BootstrapServers }).SetLogHandler((_, _) => { }).Build();
        return [.. admin.GetMetadata(topic, Patience).Topics[0].Partitions.Select(p => p.PartitionId).Order()];
    }

    /// <summary>Whether the broker has the topic; asking for one alone would make it.</summary>
    public static bool Exists(TestBroker broker, string topic)
    {
        using var admin = new AdminClientBuilder(new Dictionary<string, string>(broker.KafkaClients) { ["bootstrap.servers"] = broker.BootstrapServers }).SetLogHandler((_, _) => { }).Build();
        return admin.GetMetadata(Patience).Topics.Any(t => t.Topic == topic);
    }

    /// <summary>The whole topic by partition; record i of a list has offset i.</summary>
    public static SortedDictionary<int, List<byte[]>> ReadAll(TestBroker broker, string topic)
    {
        var rows = new SortedDictionary<int, List<byte[]>>();
        using var consumer = Of(broker);
        foreach (var number in Partitions(broker, topic))
        {
            var partition = new TopicPartition(topic, number);
            var end = consumer.QueryWatermarkOffsets(partition, Patience).High.Value;
            var records = rows[number] = [];
            consumer.Assign(new TopicPartitionOffset(partition, 0));
            while (records.Count < end)
            {
                var result = consumer.Consume(Patience) ?? throw new TimeoutException($"{partition} ends at {end}, and offset {records.Count} does not come");
                Assert.Equal(records.Count, result.Offset.Value);
                records.Add(result.Message.Value);
            }
        }
        consumer.Close();
        return rows;
    }

    /// <summary>A group's commits by partition; -1 where it has none. A reader of what is committed waits for the end of a transaction that has offsets of the group.</summary>
    public static SortedDictionary<int, long> Committed(TestBroker broker, string topic, string group, IsolationLevel isolation = IsolationLevel.ReadCommitted)
    {
        using var consumer = Of(broker, group, isolation);
        var committed = consumer.Committed(Partitions(broker, topic).Select(p => new TopicPartition(topic, p)), Patience);
        return new(committed.ToDictionary(c => c.Partition.Value, c => c.Offset == Offset.Unset ? -1 : c.Offset.Value));
    }

    /// <summary>Commits an offset for all partitions of a group that has no members, as a tool would.</summary>
    public static void Commit(TestBroker broker, string topic, string group, long offset)
    {
        using var consumer = Of(broker, group);
        var partitions = Partitions(broker, topic).Select(p => new TopicPartition(topic, p)).ToArray();
        consumer.Assign(partitions);
        consumer.Commit(partitions.Select(p => new TopicPartitionOffset(p, offset)));
        consumer.Close();
    }
}
