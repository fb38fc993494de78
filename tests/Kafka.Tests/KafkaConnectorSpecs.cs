using System.Text;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The connector on librdkafka's mock cluster.</summary>
public class MockKafkaConnectorSpec(MockBroker broker, ITestOutputHelper output) : KafkaConnectorSpec(broker, output), IClassFixture<MockBroker>
{
    [BrokerFact]
    public virtual async Task Records_that_retention_took_before_they_were_read_are_named()
    {
        var topic = Broker.CreateTopic();
        var source = Connector.Source(Broker.Consumer(topic));
        var start = source.Partitions()[0];
        for (var i = 0; i < 8; i++) Broker.Fill(topic, 4 * i, 1, _ => new string('x', 900_000)); // the mock keeps 5 MiB

        var first = source.Partitions()[0].Next;
        Assert.InRange(first, 1, 7);
        var refusal = await Refused(source.ReadFrom([start]));
        Assert.Contains($"the records 0..{first - 1} are gone by retention", refusal);
        Assert.Contains("Lengthen the topic's retention", refusal);
    }

    [BrokerFact]
    public virtual async Task Another_cluster_has_another_epoch()
    {
        using var other = new MockBroker();
        var topic = Broker.CreateTopic();
        other.Fill(topic, 0, 40, Text);
        Broker.Fill(topic, 0, 40, Text);
        var position = Connector.Source(other.Consumer(topic)).Partitions()[0];
        Assert.Contains("leads to another cluster", await Refused(Connector.Source(Broker.Consumer(topic)).ReadFrom([position])));
    }
}

/// <summary>The connector on a real Apache Kafka.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public class RealKafkaConnectorSpec(RealBroker broker, ITestOutputHelper output) : KafkaConnectorSpec(broker, output)
{
    [BrokerFact(OwnsBroker = true)]
    public virtual async Task Offsets_that_compaction_took_are_accounted_for()
    {
        const int Written = 2_000;
        var topic = ((RealBroker)Broker).CreateTopicWith("cleanup.policy=compact", "segment.bytes=20000", "min.cleanable.dirty.ratio=0.01");
        var producer = Broker.Producer(topic);
        await using var sink = Connector.Sink(producer with { KafkaClients = producer.KafkaClients.Add("batch.num.messages", "50") }); // segments are small
        using (var records = new RecordBatch())
        {
            for (var i = 0; i < Written; i++)
            {
                records.Add(Encoding.UTF8.GetBytes(Text(i)));
                records.SetKey(Encoding.UTF8.GetBytes(i % 7 == 0 ? $"kept {i}" : "overwritten"));
            }
            await sink.Write(records).AsTask().WaitAsync(Deadline);
        }
        await using var source = Connector.Source(Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 64) });
        var start = source.Partitions()[0];

        List<(int Partition, long From, long To, List<Seen> Records)> chunks = [];
        await AwaitConditionAsync(async () =>
        {
            chunks = await ToTheEnd(start);
            return chunks.Sum(c => c.Records.Count) < Written;
        }, Deadline);
        Assert.Equal(0, chunks[0].From);
        Assert.All(chunks.Zip(chunks.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
        Assert.All(chunks, c => Assert.All(c.Records, r => Assert.InRange(r.Offset, c.From, c.To - 1)));
        Assert.All(chunks.SelectMany(c => c.Records), r => Assert.Equal(Text((int)r.Offset), r.Text));
        Assert.Contains(chunks.SelectMany(c => c.Records), r => r.Offset == 7);
        Assert.DoesNotContain(chunks.SelectMany(c => c.Records), r => r.Offset == 8);

        var inTheGap = await ToTheEnd(start with { Next = 8 });
        Assert.Equal(8, inTheGap[0].From);
        Assert.Equal(14, inTheGap[0].Records[0].Offset);

        Task<List<(int Partition, long From, long To, List<Seen> Records)>> ToTheEnd(PartitionPosition from) => Chunks(source, [from], Written, c => c.To == Written);
    }
}
