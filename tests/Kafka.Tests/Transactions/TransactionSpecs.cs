using System.Collections.Concurrent;
using Akka.Streams;
using Akka.TestKit.Xunit2;
using Confluent.Kafka;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>What exactly-once delivery means, on a real broker.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public sealed class TransactionSpecs(RealBroker broker, ITestOutputHelper output) : TestKit(output: output)
{
    private const int Rows = 2_000;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);
    private readonly ITestOutputHelper _output = output;

    [BrokerFact(OwnsBroker = true)]
    public async Task Brokers_that_have_no_transactions_are_named_before_anything_is_scored()
    {
        var topics = (broker.CreateTopic(), broker.CreateTopic(), broker.CreateTopic());
        await using var leg = new ScoreLegRun(broker, topics, "transactions", "writer", Sys.Materializer());
        var refusal = await Assert.ThrowsAsync<SinkException>(() => leg.Done.WaitAsync(Deadline));
        _output.WriteLine(refusal.Message);
        Assert.Contains($"the brokers at {broker.BootstrapServers} have no transactions", refusal.Message);
        Assert.Contains("delivery = at-least-once", refusal.Message);
    }

    [BrokerFact(NeedsTransactions = true)]
    public async Task Each_row_has_one_committed_prediction_whatever_transactions_fail_on_the_way()
    {
        var (topics, group) = Begin();
        var random = new Random(7);
        var scored = new ConcurrentDictionary<(int, long), int>();
        for (var run = 0; ; run++)
        {
            await using var leg = new ScoreLegRun(broker, topics, group, "writer", Sys.Materializer(), _ =>
            {
                if (random.Next(4) == 0) throw new InvalidOperationException("as a spec wants it");
            });
            await AwaitConditionAsync(() => Task.FromResult(leg.Done.IsCompleted || leg.Committed == Rows), Deadline);
            if (leg.Committed == Rows) break;
            await leg.Done.ContinueWith(_ => { }, TaskScheduler.Default);
            AreOne(topics, group);
        }
        AreOne(topics, group);
        EachOnce(topics.Predictions, group);
    }

    [BrokerFact(NeedsTransactions = true)]
    public async Task Each_row_has_one_committed_prediction_while_partitions_move_between_members()
    {
        var (topics, group) = Begin();
        await using var first = new ScoreLegRun(broker, topics, group, "writer-1", Sys.Materializer(), _ => Thread.Sleep(20));
        await AwaitConditionAsync(() => Task.FromResult(first.Committed > 0), Deadline);
        await using var second = new ScoreLegRun(broker, topics, group, "writer-2", Sys.Materializer());
        await AwaitConditionAsync(() => Task.FromResult(second.Committed > 0 || first.Done.IsCompleted), Deadline);
        await first.Leave();
        await AwaitConditionAsync(() => Task.FromResult(second.Committed == Rows), Deadline);
        EachOnce(topics.Predictions, group);
    }

    [BrokerFact(NeedsTransactions = true)]
    public async Task A_writer_that_starts_again_fences_its_predecessor_and_takes_back_what_that_left_open()
    {
        var (topics, group) = Begin();
        await using var former = new KafkaTransactions(broker.Producer(""), group);
        await former.Begin();
        await Write(former, topics.Predictions, "left open");
        // Only what is in the log can be taken back.
        using (var all = Reader("read_uncommitted")) Assert.Equal("left open", Text(Next(all, topics.Predictions)));
        await using var present = new KafkaTransactions(broker.Producer(""), group);
        await present.Open();
        var fenced = Assert.Throws<TransactionAbortedException>(() => former.Commit((_, _) => default));
        _output.WriteLine(fenced.Message);
        await present.Begin();
        await Write(present, topics.Predictions, "its successor's");
        present.Commit((_, _) => default);
        using var reader = Reader();
        Assert.Equal("its successor's", Text(Next(reader, topics.Predictions)));
    }

    [BrokerFact(NeedsTransactions = true)]
    public async Task What_a_dead_writer_left_open_holds_readers_up_until_its_time_out_and_is_never_seen()
    {
        foreach (var closed in (bool[])[false, true])
        {
            var topic = broker.CreateTopic();
            await using var dead = new KafkaTransactions(broker.Producer(""), $"dead-{topic}");
            await dead.Begin();
            await Write(dead, topic, "left open");
            // Only what is in the log holds anybody up: a record that waited in the writer died with it.
            using (var all = Reader("read_uncommitted")) Assert.Equal("left open", Text(Next(all, topic)));
            var since = System.Diagnostics.Stopwatch.StartNew();
            if (closed) await dead.DisposeAsync(); // the client says no farewell to the brokers
            await using var living = new KafkaTransactions(broker.Producer(""), $"living-{topic}");
            await living.Begin();
            await Write(living, topic, "behind it");
            living.Commit((_, _) => default);
            using var reader = Reader();
            Assert.Equal("behind it", Text(Next(reader, topic)));
            _output.WriteLine($"{(closed ? "closed" : "left as it was")}: readers went on after {since.Elapsed.TotalSeconds:F1} s");
            Assert.InRange(since.Elapsed.TotalSeconds, 5, 60); // transaction.timeout.ms is 10 s; brokers look in turns
        }
    }

    [BrokerFact(NeedsTransactions = true)]
    public async Task Rows_of_aborted_transactions_are_never_seen_and_all_offsets_are_accounted_for()
    {
        const int Batches = 40, Each = 25;
        var topic = broker.CreateTopic();
        await using var writer = new KafkaTransactions(broker.Producer(""), $"rows-{topic}");
        var (random, written) = (new Random(3), new List<string>());
        for (var batch = 0; batch < Batches; batch++)
        {
            var commit = batch == 0 || random.Next(3) != 0 && batch != Batches - 1; // the last offsets hold nothing
            await writer.Begin();
            using var records = new RecordBatch();
            for (var i = 0; i < Each; i++)
            {
                var text = $"{(commit ? "committed" : "aborted")} {batch}/{i}";
                records.Add(System.Text.Encoding.UTF8.GetBytes(text));
                records.SetKey(BitConverter.GetBytes(random.Next()));
                if (commit) written.Add(text);
            }
            await writer.Sink(topic).Write(records);
            if (commit) writer.Commit((_, _) => default);
            else await writer.Abort();
        }

        await using var member = new Member(KafkaConnector.Confluent, "member", broker.Consumer(topic), topic, Sys.Materializer());
        // What follows the last record of a partition is accounted for with the next record there, or at its end.
        await AwaitAssertAsync(() => Assert.Equal(written.Order(), member.Records.Select(r => r.Text).Order()), Deadline);
        using var ends = Reader();
        await AwaitAssertAsync(() => Assert.Equal(
            Enumerable.Range(0, 4).Select(p => ends.QueryWatermarkOffsets(new TopicPartition(topic, p), Deadline).High.Value), member.Committed.OrderBy(c => c.Position.Partition).Select(c => c.Position.Next)), Deadline);
        Assert.All(member.Committed, c => Assert.Equal(c.Position.Next, c.Predicted + c.Skipped));
        Assert.Equal(written.Count, member.Committed.Sum(c => c.Predicted));
        _output.WriteLine($"{written.Count} records, {member.Committed.Sum(c => c.Skipped)} offsets of markers and aborted records");
    }

    // Predictions and offsets: a row has its prediction exactly where it is below the group's offset.
    private void AreOne((string Rows, string Predictions, string DeadLetters) topics, string group)
    {
        var source = new KafkaSource(broker.Consumer(topics.Rows));
        var below = source.Committed(group).SelectMany(c => Enumerable.Range(0, (int)c.Position.Next).Select(offset => (c.Position.Partition, (long)offset))).Order();
        Assert.Equal(below, Committed(topics.Predictions).Select(p => (p.Partition, p.Offset)).Order());
    }

    private ((string Rows, string Predictions, string DeadLetters) Topics, string Group) Begin()
    {
        var topics = (broker.CreateTopic(), broker.CreateTopic(), broker.CreateTopic());
        broker.Fill(topics.Item1, 0, Rows, i => $"+1 {i + 1}:1");
        return (topics, $"transactions-{Guid.NewGuid():N}");
    }

    private void EachOnce(string predictions, string group)
    {
        var positions = Committed(predictions).Select(p => (p.Partition, p.Offset)).ToList();
        Assert.Equal(Rows, positions.Distinct().Count());
        Assert.Equal(Rows, positions.Count);
        _output.WriteLine($"{group}: {positions.Count} committed predictions");
    }

    // To one partition.
    private static async Task Write(KafkaTransactions to, string topic, string text)
    {
        using var records = new RecordBatch();
        records.Add(System.Text.Encoding.UTF8.GetBytes(text));
        records.SetKey("one partition"u8);
        await to.Sink(topic).Write(records);
    }

    // The first record that a reader sees.
    private static ConsumeResult<Ignore, byte[]> Next(IConsumer<Ignore, byte[]> of, string topic)
    {
        of.Assign(Enumerable.Range(0, 4).Select(p => new TopicPartitionOffset(topic, p, 0)));
        while (true)
        {
            var result = of.Consume(Deadline) ?? throw new TimeoutException($"nothing in {topic}");
            if (!result.IsPartitionEOF) return result;
        }
    }

    private static string Text(ConsumeResult<Ignore, byte[]> of) => System.Text.Encoding.UTF8.GetString(of.Message.Value);

    // What a reader of what is committed sees.
    private List<Prediction> Committed(string topic)
    {
        using var consumer = Reader();
        consumer.Assign(Enumerable.Range(0, 4).Select(p => new TopicPartitionOffset(topic, p, 0)));
        var (found, ended) = (new List<Prediction>(), 0);
        while (ended < 4)
        {
            var result = consumer.Consume(TimeSpan.FromSeconds(30)) ?? throw new TimeoutException($"{topic} does not come to its end");
            if (result.IsPartitionEOF) ended++;
            else Assert.True(PredictionReader.TryParse(result.Message.Value, out var prediction, out var why) && Add(prediction), why);
        }
        consumer.Close();
        return found;

        bool Add(Prediction p)
        {
            found.Add(p);
            return true;
        }
    }

    private IConsumer<Ignore, byte[]> Reader(string isolation = "read_committed") => new ConsumerBuilder<Ignore, byte[]>(new Dictionary<string, string>(broker.KafkaClients)
    {
        ["bootstrap.servers"] = broker.BootstrapServers,
        ["group.id"] = "reader",
        ["isolation.level"] = isolation,
        ["enable.partition.eof"] = "true",
    }).Build();
}
