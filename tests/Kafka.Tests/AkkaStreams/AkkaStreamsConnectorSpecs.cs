using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The connector on Akka.Streams.Kafka, on librdkafka's mock cluster.</summary>
public sealed class MockAkkaStreamsConnectorSpec(MockBroker broker, ITestOutputHelper output) : MockKafkaConnectorSpec(broker, output)
{
    protected override KafkaConnector Connector => AkkaStreamsKafka.Connector(Sys);

    [BrokerFact]
    public async Task Incremental_rebalancing_is_refused_by_name()
    {
        var settings = Broker.Consumer(Broker.CreateTopic());
        foreach (var (key, value) in new[] { ("partition.assignment.strategy", "cooperative-sticky"), ("group.protocol", "consumer") })
            Assert.Contains($"{key} = {value} cannot be used", await Refused(Connector.Source(settings with { KafkaClients = settings.KafkaClients.Add(key, value) }).Subscribe("g").Chunks));
    }

    [BrokerFact(Skip = Package.OnlyEager)]
    public override Task Members_that_share_partitions_cooperatively_lose_no_record_and_commit_only_their_own() => Task.CompletedTask;

    protected override void AssertLedger(Member member) => Package.AssertLedger(member);

    protected override void AssertTold(Member member, IReadOnlyList<CommittedPartition> told) => Assert.Empty(told); // offsets only
}

/// <summary>The connector on Akka.Streams.Kafka, on a real Apache Kafka.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public sealed class RealAkkaStreamsConnectorSpec(RealBroker broker, ITestOutputHelper output) : RealKafkaConnectorSpec(broker, output)
{
    protected override KafkaConnector Connector => AkkaStreamsKafka.Connector(Sys);

    [BrokerFact(Skip = Package.OnlyEager)]
    public override Task Members_that_share_partitions_cooperatively_lose_no_record_and_commit_only_their_own() => Task.CompletedTask;

    protected override void AssertLedger(Member member) => Package.AssertLedger(member);

    protected override void AssertTold(Member member, IReadOnlyList<CommittedPartition> told) => Assert.Empty(told); // offsets only
}

/// <summary>Where the spec is overridden, and why (docs/connectors.md).</summary>
internal static class Package
{
    public const string OnlyEager = "Akka.Streams.Kafka throws at the first record after the empty assignment that cooperative rebalancing begins with; the connector refuses it by name";

    /// <summary>The package commits offsets without metadata, so a ledger begins where its member did: it never has more than lies below the position.</summary>
    public static void AssertLedger(Member member) => Assert.All(member.Committed, c =>
    {
        Assert.InRange(c.Predicted, 0, c.Position.Next);
        Assert.Equal((0, 0), (c.DeadLettered, c.Skipped));
    });
}
