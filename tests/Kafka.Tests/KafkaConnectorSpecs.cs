using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The connector on librdkafka's mock cluster.</summary>
public sealed class MockKafkaConnectorSpec(MockBroker broker, ITestOutputHelper output) : KafkaConnectorSpec(broker, output), IClassFixture<MockBroker>
{
    [BrokerFact]
    public async Task Records_that_retention_took_before_they_were_read_are_named()
    {
        var topic = Broker.CreateTopic();
        var source = new KafkaSource(Broker.Consumer(topic));
        var start = source.Partitions()[0];
        for (var i = 0; i < 8; i++) Broker.Fill(topic, 4 * i, 1, _ => new string('x', 900_000)); // the mock keeps 5 MiB

        var first = source.Partitions()[0].Next;
        Assert.InRange(first, 1, 7);
        var refusal = await Refused(source.ReadFrom([start]));
        Assert.Contains($"the records 0..{first - 1} are gone by retention", refusal);
        Assert.Contains("Lengthen the topic's retention", refusal);
    }

    [BrokerFact]
    public async Task Another_cluster_has_another_epoch()
    {
        using var other = new MockBroker();
        var topic = Broker.CreateTopic();
        other.Fill(topic, 0, 40, Text);
        Broker.Fill(topic, 0, 40, Text);
        var position = new KafkaSource(other.Consumer(topic)).Partitions()[0];
        Assert.Contains("leads to another cluster", await Refused(new KafkaSource(Broker.Consumer(topic)).ReadFrom([position])));
    }
}

/// <summary>The connector on a real Apache Kafka.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public sealed class RealKafkaConnectorSpec(RealBroker broker, ITestOutputHelper output) : KafkaConnectorSpec(broker, output);
