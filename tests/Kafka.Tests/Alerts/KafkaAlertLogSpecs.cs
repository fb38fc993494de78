using Confluent.Kafka;

namespace StreamMLOps.Pipeline.Tests.Alerts;

/// <summary>Alerts in a topic, at least once: what is remembered is never ahead of what is acknowledged, and an alert that comes again is the same bytes.</summary>
public sealed class KafkaAlertLogSpecs
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Another_writer_goes_on_after_what_is_remembered_and_repeats_what_is_not_with_the_same_bytes()
    {
        using var broker = new MockBroker();
        var topic = broker.CreateTopic();
        await using (var first = new KafkaAlertLog(new KafkaSink(broker.Producer(topic)), broker.Consumer(topic)))
        {
            Assert.Equal(0, await first.Open(AlertReading.History));
            await first.Write([AlertReading.Alert(1), AlertReading.Alert(3), AlertReading.Alert(3, 1)], 4);
            await first.Write([], 6);
        }
        // Dies when its alerts are acknowledged, before that is remembered.
        await using (var second = new KafkaAlertLog(new DyingSink(new KafkaSink(broker.Producer(topic))), broker.Consumer(topic)))
        {
            Assert.Equal(6, await second.Open(AlertReading.History));
            await Assert.ThrowsAsync<InvalidOperationException>(() => second.Write([AlertReading.Alert(7), AlertReading.Alert(8)], 8).AsTask());
        }
        await using (var third = new KafkaAlertLog(new KafkaSink(broker.Producer(topic)), broker.Consumer(topic)))
        {
            Assert.Equal(6, await third.Open(AlertReading.History));
            await third.Write([AlertReading.Alert(7), AlertReading.Alert(8), AlertReading.Alert(9)], 9);
            Assert.Equal(9, await third.Open(AlertReading.History));
            await third.Note([new Alert(AlertFamily.Alert, "p/fenced/all/1/raised", "p", "fenced", AlertState.Raised, "x", 1) { Node = "n:1" }]);
        }
        var read = AlertReading.Read(broker, topic, 9, Deadline);
        Assert.Equal(7, read.Distinct().Count());
        Assert.Equal(7, read.Select(r => r.Id).Distinct().Count()); // equal ids, equal bytes
        Assert.Equal([1, 3, 3, 7, 8, 7, 8, 9], read.Where(r => r.Sequence > 0).Select(r => r.Sequence)); // of one lineage in one partition
    }

    [Fact]
    public async Task A_journal_that_was_begun_anew_under_the_same_name_starts_at_its_beginning()
    {
        using var broker = new MockBroker();
        var topic = broker.CreateTopic();
        await using var log = new KafkaAlertLog(new KafkaSink(broker.Producer(topic)), broker.Consumer(topic));
        await log.Open(AlertReading.History);
        await log.Write([AlertReading.Alert(1)], 5);
        Assert.Equal(0, await log.Open(AlertReading.History with { Journal = 0xCD }));
    }

    [Fact]
    public async Task In_transactions_alerts_and_what_is_remembered_are_one_and_nothing_is_committed_outside()
    {
        const short OffsetCommit = 8, TxnOffsetCommit = 28;
        using var broker = new MockBroker();
        var topic = broker.CreateTopic();
        broker.Cluster.TrackRequests();
        await using (var log = AlertReading.Exactly(broker, topic))
        {
            await log.Open(AlertReading.History);
            await log.Write([AlertReading.Alert(1)], 2);
            broker.Cluster.Refuse(TxnOffsetCommit, ErrorCode.IllegalGeneration);
            await Assert.ThrowsAsync<TransactionAbortedException>(() => log.Write([AlertReading.Alert(3)], 4).AsTask());
            await log.Open(AlertReading.History);
            await log.Write([AlertReading.Alert(3)], 4);
        }
        var requests = string.Concat(broker.Cluster.Requests().Select(k => k switch { 22 => "I", 24 => "A", 0 => "P", 25 => "O", TxnOffsetCommit => "T", 26 => "E", _ => "" }));
        Assert.Matches("^I([AP]*O[AP]*T[AP]*E){3}$", requests);
        Assert.DoesNotContain(OffsetCommit, broker.Cluster.Requests());
    }

    private sealed class DyingSink(ISink inner) : ISink
    {
        public string Name => inner.Name;

        public async ValueTask Write(RecordBatch records)
        {
            await inner.Write(records);
            throw new InvalidOperationException("as a spec wants it");
        }

        public ValueTask Flush() => inner.Flush();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

/// <summary>What transactions mean for alerts; needs brokers that have them, and is reported as skipped otherwise.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public sealed class AlertTransactionSpecs(RealBroker broker)
{
    [BrokerFact(NeedsTransactions = true)]
    public async Task A_reader_of_what_is_committed_sees_each_alert_once_whoever_died_between()
    {
        var topic = broker.CreateTopic();
        // Two that were not closed: the first has committed, the second is taken for dead with its alerts written.
        var first = AlertReading.Exactly(broker, topic);
        Assert.Equal(0, await first.Open(AlertReading.History));
        await first.Write([AlertReading.Alert(1), AlertReading.Alert(2)], 3);
        await using var second = AlertReading.Exactly(broker, topic);
        Assert.Equal(3, await second.Open(AlertReading.History));
        await Assert.ThrowsAnyAsync<Exception>(() => first.Write([AlertReading.Alert(4)], 4).AsTask());
        await second.Write([AlertReading.Alert(4), AlertReading.Alert(5)], 6);
        await using var third = AlertReading.Exactly(broker, topic);
        Assert.Equal(6, await third.Open(AlertReading.History));
        await third.Write([AlertReading.Alert(7)], 7);
        Assert.Equal([1, 2, 4, 5, 7], AlertReading.Read(broker, topic, 5, TimeSpan.FromSeconds(60)).Select(r => r.Sequence));
        await first.DisposeAsync();
    }
}

internal static class AlertReading
{
    public static AlertHistory History { get; } = new("p", "main", 0, 0xAB);

    public static Alert Alert(long sequence, int ordinal = 0) =>
        new(AlertFamily.Alert, History.IdOf(sequence, "k", ordinal), "p", "k", AlertState.Noted, "text", sequence) { History = History, Sequence = sequence };

    public static KafkaAlertLog Exactly(TestBroker broker, string topic) =>
        new(new KafkaSink(broker.Producer(topic)), broker.Consumer(topic), new KafkaTransactions(broker.Producer(""), KafkaAlertLog.WriterOf("p", "main", 0)));

    /// <summary>Reads so many alerts with a plain client that reads what is committed.</summary>
    public static IReadOnlyList<(string Id, long Sequence, string Text)> Read(TestBroker broker, string topic, int count, TimeSpan within)
    {
        var properties = new Dictionary<string, string>(broker.KafkaClients) { ["bootstrap.servers"] = broker.BootstrapServers, ["group.id"] = "reader", ["isolation.level"] = "read_committed", ["enable.partition.eof"] = "true" };
        using var consumer = new ConsumerBuilder<Ignore, string>(properties).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        consumer.Assign(Enumerable.Range(0, 4).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        var read = new List<(string, long, string)>();
        var ended = new HashSet<int>();
        for (var deadline = DateTime.UtcNow + within; DateTime.UtcNow < deadline && (read.Count < count || ended.Count < 4);)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(200)) is not { } result) continue;
            if (result.IsPartitionEOF)
            {
                ended.Add(result.Partition.Value);
                continue;
            }
            Assert.True(AlertMessage.TryParse(System.Text.Encoding.UTF8.GetBytes(result.Message.Value), out var alert, out var reason), reason);
            read.Add((alert.Id, alert.Sequence, result.Message.Value));
        }
        return read;
    }
}
