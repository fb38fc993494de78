using Akka.Streams;
using Akka.TestKit.Xunit2;
using Confluent.Kafka;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>Which requests exactly-once delivery makes, in which order. The mock cluster takes them without their meaning, which <see cref="TransactionSpecs"/> asks real brokers for.</summary>
public sealed class TransactionProtocolSpecs(ITestOutputHelper output) : TestKit(output: output)
{
    private const int Rows = 400;
    private const short OffsetCommit = 8, TxnOffsetCommit = 28;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private readonly ITestOutputHelper _output = output;

    [Fact]
    public async Task Each_transaction_writes_then_sends_the_groups_offsets_and_ends_and_no_offset_is_committed_outside()
    {
        using var broker = new MockBroker();
        var topics = Topics(broker);
        broker.Cluster.TrackRequests();
        await using (var leg = new ScoreLegRun(broker, topics, "g", "writer", Sys.Materializer()))
        {
            await AwaitConditionAsync(() => Task.FromResult(leg.Committed == Rows), Deadline);
            await leg.Leave();
            Assert.Equal(Rows, leg.Steps.Sum(s => s.Rows));
        }
        var requests = Letters(broker);
        _output.WriteLine(requests);
        // Records may be on their way beside the offsets; the end comes after both.
        Assert.StartsWith("I", requests);
        Assert.EndsWith("E", requests);
        Assert.All(requests[1..^1].Split('E'), transaction =>
        {
            Assert.Matches("^[AP]*O[AP]*T[AP]*$", transaction);
            Assert.Matches("^[^P]*A.*P", transaction);
        });
        Assert.DoesNotContain(OffsetCommit, broker.Cluster.Requests());
    }

    [Fact]
    public async Task Offsets_that_the_coordinator_refuses_abort_the_transaction_and_the_next_run_scores_it_again()
    {
        using var broker = new MockBroker();
        var topics = Topics(broker);
        broker.Cluster.TrackRequests();
        broker.Cluster.Refuse(TxnOffsetCommit, ErrorCode.IllegalGeneration);
        await using (var leg = new ScoreLegRun(broker, topics, "g", "writer", Sys.Materializer()))
        {
            var aborted = await Assert.ThrowsAsync<TransactionAbortedException>(() => leg.Done.WaitAsync(Deadline));
            _output.WriteLine(aborted.Message);
            Assert.Equal((0, 0), (leg.Steps.Count, leg.Committed));
        }
        Assert.Matches("^I[AP]*O[AP]*TE$", Letters(broker)); // the end is the abort: nothing was sent after it
        await using var again = new ScoreLegRun(broker, topics, "g", "writer", Sys.Materializer());
        await AwaitConditionAsync(() => Task.FromResult(again.Committed == Rows), Deadline);
        Assert.Equal(Rows, again.Steps.Sum(s => s.Rows));
    }

    [Fact]
    public async Task What_fails_before_the_offsets_are_sent_is_aborted_without_them()
    {
        using var broker = new MockBroker();
        var topics = Topics(broker);
        broker.Cluster.TrackRequests();
        await using (var leg = new ScoreLegRun(broker, topics, "g", "writer", Sys.Materializer(), _ => throw new InvalidOperationException("as a spec wants it")))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => leg.Done.WaitAsync(Deadline));
            Assert.Equal((0, 0), (leg.Steps.Count, leg.Committed));
        }
        Assert.Matches("^IA?[AP]*E?$", Letters(broker));
        Assert.DoesNotContain(TxnOffsetCommit, broker.Cluster.Requests());
    }

    // Brokers would take them: offsets without a generation are those of clients from before there was one to check.
    [Fact]
    public async Task Offsets_of_a_consumer_that_is_no_member_are_not_sent()
    {
        using var broker = new MockBroker();
        var topics = Topics(broker);
        broker.Cluster.TrackRequests();
        await using var writer = new KafkaTransactions(broker.Producer(""), "writer");
        await writer.Begin();
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new Dictionary<string, string> { ["bootstrap.servers"] = broker.BootstrapServers, ["group.id"] = "g" }).Build();
        var offsets = new GroupOffsets(Librdkafka.HandleOf(consumer).DangerousGetHandle(), topics.Rows);
        var refused = Assert.Throws<TransactionAbortedException>(() => writer.Commit((producer, timeout) => offsets.Write([new(new(0, 1, 100), 100, 0, 0)], producer, timeout)));
        Assert.Contains("no member of its group", refused.Message);
        Assert.DoesNotContain(TxnOffsetCommit, broker.Cluster.Requests());
    }

    private static (string Rows, string Predictions, string DeadLetters) Topics(MockBroker broker)
    {
        var topics = (broker.CreateTopic(), broker.CreateTopic(), broker.CreateTopic());
        broker.Fill(topics.Item1, 0, Rows, i => $"+1 {i + 1}:1");
        return topics;
    }

    // InitProducerId, AddPartitionsToTxn, Produce, AddOffsetsToTxn, TxnOffsetCommit, EndTxn
    private static string Letters(MockBroker broker) => string.Concat(broker.Cluster.Requests().Select(k => k switch
    {
        22 => "I",
        24 => "A",
        0 => "P",
        25 => "O",
        TxnOffsetCommit => "T",
        26 => "E",
        _ => "",
    }));
}
