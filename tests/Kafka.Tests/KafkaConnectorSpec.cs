using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.TestKit.Xunit2;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>What holds for the Kafka connector, whatever broker it talks to.</summary>
public abstract class KafkaConnectorSpec : TestKit
{
    protected static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly ITestOutputHelper _output;

    protected KafkaConnectorSpec(TestBroker broker, ITestOutputHelper output) : base(output: output)
    {
        Broker = broker;
        _output = output;
    }

    protected TestBroker Broker { get; }

    /// <summary>What is held to this spec.</summary>
    protected virtual KafkaConnector Connector => KafkaConnector.Confluent;

    [BrokerFact]
    public virtual async Task Equal_records_stand_at_equal_offsets_wherever_reading_starts()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 1_000, Text);
        var source = Connector.Source(Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 100) });
        var positions = source.Partitions();
        Assert.Equal([0, 1, 2, 3], positions.Select(p => p.Partition));
        Assert.All(positions, p => Assert.Equal(0, p.Next));
        Assert.Single(positions.Select(p => p.Epoch).Distinct());

        var all = await Read(source, positions, 1_000);
        Assert.Equal(Enumerable.Range(0, 1_000).Select(i => new Seen(i % 4, i / 4, Text(i))).OrderBy(r => (r.Partition, r.Offset)), all);
        foreach (var next in new long[] { 1, 77, 249 })
        {
            var small = Connector.Source(Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 7) });
            var from = positions.Select(p => p with { Next = next }).ToArray();
            Assert.Equal(all.Where(r => r.Offset >= next), await Read(small, from, 4 * (250 - (int)next)));
        }
        Assert.Equal(all.Where(r => r.Partition == 2 && r.Offset >= 200), await Read(source, [positions[2] with { Next = 200 }], 50));
        await source.DisposeAsync();
    }

    [BrokerFact]
    public virtual async Task A_chunk_accounts_for_consecutive_offsets_of_one_partition_within_its_limits()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 1_000, Text);
        var source = Connector.Source(Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 16, Bytes: 300) });
        var chunks = await Chunks(source, source.Partitions(), 1_000);
        foreach (var partition in chunks.GroupBy(c => c.Partition))
        {
            Assert.Equal(0, partition.First().From);
            Assert.Equal(250, partition.Last().To);
            Assert.All(partition.Zip(partition.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
            Assert.All(partition, c => Assert.InRange(c.Records.Count, 1, 16));
            Assert.All(partition, c => Assert.InRange(c.Records.SkipLast(1).Sum(r => r.Text.Length), 0, 299));
        }
    }

    [BrokerFact]
    public virtual async Task A_record_beyond_the_limit_is_cut_and_marked()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 4, i => new string((char)('a' + i), 1_000 * (i + 1)));
        var source = Connector.Source(Broker.Consumer(topic) with { Limits = new ChunkLimits(RecordBytes: 1_500) });
        var cuts = await source.ReadFrom(source.Partitions())
            .Select(chunk =>
            {
                using (chunk) return (chunk.Partition, Kept: chunk[0].Length, Cut: chunk.IsCut(0, out var length), length);
            })
            .Take(4).RunWith(Sink.Seq<(int, int, bool, long)>(), Sys.Materializer()).WaitAsync(Deadline);
        Assert.Equal([(0, 1_000, false, 1_000), (1, 1_500, true, 2_000), (2, 1_500, true, 3_000), (3, 1_500, true, 4_000)], cuts.Order());
    }

    [BrokerFact]
    public virtual async Task A_group_goes_on_at_exactly_its_commit_with_its_ledger()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 2_000, Text);
        var settings = Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 10) };
        var taken = 0;
        var enough = new TaskCompletionSource();
        var hold = new TaskCompletionSource();
        var first = Join("first", settings, topic, process: _ =>
        {
            if (++taken < 60) return Task.CompletedTask;
            enough.TrySetResult();
            return hold.Task;
        });
        await enough.Task.WaitAsync(Deadline);
        var leaving = first.Leave();
        hold.SetResult();
        await leaving;

        await using var second = Join("second", settings, topic);
        await AwaitAssertAsync(() => Assert.Equal(2_000, second.Committed.Sum(c => c.Position.Next)), Deadline);
        Assert.Equal(2_000, first.Records.Count + second.Records.Count);
        Assert.Equal(2_000, first.Records.Concat(second.Records).Distinct().Count());
        Assert.InRange(first.Records.Count, 60, 1_999);
        AssertLedger(second);
    }

    [BrokerFact]
    public virtual async Task What_a_group_committed_is_told_without_joining_it()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 400, Text);
        await using var asked = Connector.Source(Broker.Consumer(topic));
        Assert.Empty(asked.Committed(topic));
        await using var member = Join("member", Broker.Consumer(topic), topic);
        await AwaitAssertAsync(() => Assert.Equal(400, member.Committed.Sum(c => c.Position.Next)), Deadline);
        AssertTold(member, asked.Committed(topic));
        Assert.Empty(asked.Committed(topic + "-another-group"));
        Broker.Fill(topic, 400, 400, Text);
        await AwaitAssertAsync(() => Assert.Equal(800, member.Committed.Sum(c => c.Position.Next)), Deadline);
        AssertTold(member, asked.Committed(topic));
        Assert.Equal(800, member.Records.Count); // none twice: it kept its partitions
    }

    [Fact]
    public virtual async Task Commits_that_no_broker_tells_are_said_to_be_unavailable()
    {
        await using var source = Connector.Source(new ConsumerSettings("127.0.0.1:1", "rows") { RequestTimeout = TimeSpan.FromSeconds(1), MissingAfter = TimeSpan.FromMilliseconds(500) });
        var unavailable = Assert.Throws<SourceUnavailableException>(() => source.Committed("group"));
        Assert.Contains("topic rows: no answer from the brokers", unavailable.Message);
        Assert.Contains("Check that one of 127.0.0.1:1 runs", unavailable.Message);
    }

    [BrokerFact]
    public virtual Task Members_that_share_partitions_eagerly_lose_no_record_and_commit_only_their_own() => Rebalances("range");

    [BrokerFact]
    public virtual Task Members_that_share_partitions_cooperatively_lose_no_record_and_commit_only_their_own() => Rebalances("cooperative-sticky");

    [BrokerFact]
    public virtual async Task A_stream_that_stands_still_keeps_its_membership_and_bounds_its_memory()
    {
        var topic = Broker.CreateTopic();
        var padding = new string('x', 1_000);
        Broker.Fill(topic, 0, 16_000, i => Text(i) + padding);
        var poll = TimeSpan.FromSeconds(7);
        var clients = Broker.GroupClients.Add("max.poll.interval.ms", poll.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)).SetItem("queued.max.messages.kbytes", "1024");
        var started = new TaskCompletionSource();
        var hold = new TaskCompletionSource();
        GC.Collect();
        var before = WorkingSet();
        await using var member = Join("slow", Broker.Consumer(topic) with { KafkaClients = clients, Limits = new ChunkLimits(Rows: 50) }, topic, process: _ =>
        {
            started.TrySetResult();
            return hold.Task;
        });
        await started.Task.WaitAsync(Deadline);
        var still = Stopwatch.StartNew();
        var most = 0L;
        await AwaitConditionAsync(() =>
        {
            most = Math.Max(most, WorkingSet() - before);
            return Task.FromResult(still.Elapsed > 2 * poll);
        }, 4 * poll, TimeSpan.FromMilliseconds(200));
        hold.SetResult();

        await AwaitAssertAsync(() => Assert.Equal(16_000, member.Committed.Sum(c => c.Position.Next)), Deadline);
        Assert.Equal(16_000, member.Records.Count); // none twice: the partitions were never taken away
        _output.WriteLine($"working set while 16 MB waited: {most >> 10:+#;-#;0} KiB");
        Assert.InRange(most, long.MinValue, 32 << 20);
    }

    [BrokerFact(OwnsBroker = true)]
    public virtual async Task A_broker_that_goes_and_comes_back_is_waited_for()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 400, Text);
        await using var member = Join("member", Broker.Consumer(topic), topic);
        var source = Connector.Source(Broker.Consumer(topic));
        var learned = new ConcurrentQueue<Seen>();
        var (stop, learning) = source.ReadFrom(source.Partitions()).ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right)
            .ToMaterialized(Sink.ForEach<RawChunk>(chunk => { foreach (var r in Records(chunk)) learned.Enqueue(r); }), Keep.Both).Run(Sys.Materializer());
        await using var sink = Connector.Sink(Broker.Producer(topic));
        await AwaitAssertAsync(() => Assert.Equal(400, member.Committed.Sum(c => c.Position.Next)), Deadline);
        await AwaitAssertAsync(() => Assert.Equal(400, learned.Count), Deadline);

        Broker.Down();
        await AwaitAssertAsync(() => Assert.Contains("no answer from the brokers", member.Trouble), Deadline);
        Assert.Contains(Broker.BootstrapServers, member.Trouble);
        using var records = Batch(0, 100, "later ");
        var writing = sink.Write(records).AsTask();
        await AwaitAssertAsync(() => Assert.NotEmpty(sink.Trouble), Deadline);
        Assert.False(writing.IsCompleted);
        Broker.Up();

        await writing.WaitAsync(Deadline);
        await AwaitAssertAsync(() => Assert.Equal(500, learned.Distinct().Count()), Deadline);
        await AwaitAssertAsync(() => Assert.Equal(500, member.Committed.Sum(c => c.Position.Next)), Deadline);
        await AwaitAssertAsync(() => Assert.Equal("", member.Trouble + source.Trouble + sink.Trouble), Deadline);
        Assert.Equal(500, learned.Count);
        Assert.False(member.Done.IsCompleted);
        Assert.Equal(member.Committed.Sum(c => c.Position.Next), member.Committed.Sum(c => c.Predicted));
        stop.Shutdown();
        await learning.WaitAsync(Deadline);
    }

    [BrokerFact(OwnsBroker = true)]
    public virtual async Task A_member_that_was_away_longer_than_its_session_goes_on_from_its_commit_with_its_ledger()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 2_000, Text);
        var session = TimeSpan.FromSeconds(3);
        var clients = Broker.GroupClients.SetItem("session.timeout.ms", session.TotalMilliseconds.ToString(CultureInfo.InvariantCulture));
        var commits = new ConcurrentQueue<Made>();
        var hold = new TaskCompletionSource();
        var taken = 0;
        await using var member = Join("member", Broker.Consumer(topic) with { KafkaClients = clients, Limits = new ChunkLimits(Rows: 50) }, topic, commits,
            _ => ++taken < 10 ? Task.CompletedTask : hold.Task);
        await AwaitConditionAsync(() => Task.FromResult(!commits.IsEmpty && taken >= 10), Deadline);

        Broker.Down();
        var away = Stopwatch.StartNew();
        await AwaitConditionAsync(() => Task.FromResult(away.Elapsed > 2 * session && member.Trouble.Length > 0), Deadline);
        hold.SetResult(); // what it has is processed while nobody can be told
        Broker.Up();

        await AwaitAssertAsync(() => Assert.Equal(2_000, member.Committed.Sum(c => c.Position.Next)), Deadline);
        Assert.Equal(2_000, member.Records.Distinct().Count());
        AssertLedger(member);
        _output.WriteLine($"scored again: {member.Records.Count - 2_000}");
    }

    [BrokerFact]
    public virtual async Task A_position_that_is_none_of_the_log_fails_the_stream_in_one_line_that_says_what_to_do()
    {
        var topic = Broker.CreateTopic();
        Broker.Fill(topic, 0, 40, Text);
        var source = Connector.Source(Broker.Consumer(topic));
        var position = source.Partitions()[1];

        var beyond = await Refused(source.ReadFrom([position with { Next = 11 }]));
        Assert.Contains($"topic {topic}, partition 1, ends at offset 10, below offset 11", beyond);
        Assert.Contains("start with an empty data folder", beyond);
        Assert.Contains("is not the topic that was read before", await Refused(source.ReadFrom([position with { Epoch = position.Epoch + 1 }])));
        Assert.Contains("has 4 partitions and was asked for partition 4", await Refused(source.ReadFrom([position with { Partition = 4 }])));
        await source.DisposeAsync();
    }

    [BrokerFact]
    public virtual async Task A_topic_that_is_not_there_is_refused()
    {
        var source = Connector.Source(Broker.Consumer("no-such-topic"));
        Assert.Contains("topic no-such-topic is not there", Assert.Throws<SourceException>(() => source.Partitions()).Message);
        Assert.Contains("topic no-such-topic is not there", await Refused(source.ReadFrom([default])));
        Assert.Contains("topic no-such-topic is not there", await Refused(source.Subscribe("group").Chunks));
    }

    [BrokerFact]
    public virtual async Task A_fault_in_kafka_clients_is_named()
    {
        var topic = Broker.CreateTopic();
        var settings = Broker.Consumer(topic);
        Assert.Contains("no.such.key", await Refused(Connector.Source(settings with { KafkaClients = settings.KafkaClients.Add("no.such.key", "1") }).Subscribe("g").Chunks));
        Assert.Contains("enable.auto.commit", await Refused(Connector.Source(settings with { KafkaClients = settings.KafkaClients.Add("enable.auto.commit", "true") }).Subscribe("g").Chunks));
        Assert.Contains("no.such.key", Assert.Throws<SinkException>(() => Connector.Sink(Broker.Producer(topic) with { KafkaClients = settings.KafkaClients.Add("no.such.key", "1") })).Message);
    }

    [BrokerFact]
    public virtual async Task A_sink_writes_all_records_in_order_and_completes_when_they_are_acknowledged()
    {
        var topic = Broker.CreateTopic();
        var key = "one key, so one partition"u8.ToArray();
        await using var sink = Connector.Sink(Broker.Producer(topic) with { MaxInFlight = 100 });
        var batches = Enumerable.Range(0, 20).Select(i => Batch(i * 100, 100, "", key)).ToArray();
        var writes = batches.Select(b => sink.Write(b).AsTask()).ToArray(); // overlapping
        await Task.WhenAll(writes).WaitAsync(Deadline);
        await sink.Flush();
        foreach (var batch in batches) batch.Dispose();

        var source = Connector.Source(Broker.Consumer(topic));
        var read = await Read(source, source.Partitions(), 2_000);
        Assert.Single(read.Select(r => r.Partition).Distinct());
        Assert.Equal(Enumerable.Range(0, 2_000).Select(Text), read.Select(r => r.Text));
    }

    [BrokerFact]
    public virtual async Task A_record_that_the_broker_will_never_take_fails_the_write()
    {
        var topic = Broker.CreateTopic();
        await using var sink = Connector.Sink(Broker.Producer(topic));
        using var records = new RecordBatch();
        records.Add("small"u8);
        records.Add(new byte[2 << 20]);
        var refused = await Assert.ThrowsAsync<SinkException>(() => sink.Write(records).AsTask().WaitAsync(Deadline));
        Assert.Contains("message.max.bytes", refused.Message);
    }

    protected static string Text(int i) => string.Create(CultureInfo.InvariantCulture, $"record {i}");

    protected async Task<string> Refused(Source<RawChunk, Akka.NotUsed> chunks)
    {
        var refusal = await Assert.ThrowsAsync<SourceException>(() => chunks.RunWith(Sink.Ignore<RawChunk>(), Sys.Materializer()).WaitAsync(Deadline));
        Assert.DoesNotContain('\n', refusal.Message);
        return refusal.Message;
    }

    protected async Task<List<Seen>> Read(ITopicSource source, IReadOnlyList<PartitionPosition> positions, int records) =>
        [.. (await Chunks(source, positions, records)).SelectMany(c => c.Records).OrderBy(r => (r.Partition, r.Offset))];

    protected async Task<List<(int Partition, long From, long To, List<Seen> Records)>> Chunks(ITopicSource source, IReadOnlyList<PartitionPosition> positions, int records,
        Func<(int Partition, long From, long To, List<Seen> Records), bool>? last = null)
    {
        var left = records;
        var chunks = await source.ReadFrom(positions)
            .Select(chunk => (chunk.Partition, chunk.From, chunk.To, Records: Records(chunk)))
            .TakeWhile(c => (left -= c.Records.Count) > 0 && last?.Invoke(c) != true, inclusive: true)
            .RunWith(Sink.Seq<(int, long, long, List<Seen>)>(), Sys.Materializer())
            .WaitAsync(Deadline);
        return [.. chunks];
    }

    protected static List<Seen> Records(RawChunk chunk)
    {
        using (chunk) return [.. Enumerable.Range(0, chunk.Count).Select(i => new Seen(chunk.Partition, chunk.OffsetOf(i), Encoding.UTF8.GetString(chunk[i])))];
    }

    /// <summary>All that lies below a member's positions is in its ledger, whoever processed it.</summary>
    protected virtual void AssertLedger(Member member) =>
        Assert.All(member.Committed, c => Assert.Equal((c.Position.Next, 0, 0), (c.Predicted, c.DeadLettered, c.Skipped)));

    /// <summary>What the broker tells of a group is what its only member has.</summary>
    protected virtual void AssertTold(Member member, IReadOnlyList<CommittedPartition> told) => Assert.Equal(member.Committed.OrderBy(c => c.Position.Partition), told.OrderBy(c => c.Position.Partition));

    private Member Join(string name, ConsumerSettings settings, string topic, ConcurrentQueue<Made>? commits = null, Func<RawChunk, Task>? process = null) =>
        new(Connector, name, settings, topic, Sys.Materializer(), commits, process);

    private static RecordBatch Batch(int from, int count, string prefix, byte[]? key = null)
    {
        var records = new RecordBatch();
        for (var i = from; i < from + count; i++)
        {
            records.Add(Encoding.UTF8.GetBytes(prefix + Text(i)));
            if (key is not null) records.SetKey(key);
        }
        return records;
    }

    private static long WorkingSet()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    /// <summary>A second member comes and goes, twice, while records are written and processed.</summary>
    private async Task Rebalances(string strategy)
    {
        const int Rounds = 4;
        var written = 0;
        var topic = Broker.CreateTopic();
        var settings = Broker.Consumer(topic) with { Limits = new ChunkLimits(Rows: 20), KafkaClients = Broker.GroupClients.Add("partition.assignment.strategy", strategy) };
        var commits = new ConcurrentQueue<Made>();
        var members = new List<Member>();
        Member Guest(string name)
        {
            var member = Join(name, settings, topic, commits);
            members.Add(member);
            return member;
        }
        int Distinct() => members.SelectMany(m => m.Records).Select(r => (r.Partition, r.Offset)).Distinct().Count();

        var stays = Guest("a");
        Member? guest = null;
        for (var round = 0; round < Rounds; round++)
        {
            Task moved;
            if (round % 2 == 0)
            {
                var joined = guest = Guest($"guest {round}");
                // Keeps records coming until the guest has some: then partitions have moved.
                moved = AwaitConditionAsync(() => Task.FromResult(!joined.Records.IsEmpty), Deadline, TimeSpan.FromMilliseconds(50));
            }
            else
            {
                moved = guest!.Leave();
            }
            do
            {
                Broker.Fill(topic, written, 200, Text);
                written += 200;
            }
            while (!moved.IsCompleted);
            await moved;
            await AwaitAssertAsync(() => Assert.Equal(written, Distinct()), Deadline, TimeSpan.FromMilliseconds(100));
        }

        await AwaitAssertAsync(() => Assert.Equal(written, stays.Committed.Sum(c => c.Position.Next)), Deadline);
        AssertLedger(stays);
        foreach (var partition in commits.GroupBy(c => c.Commit.Position.Partition))
        {
            var next = partition.Select(c => c.Commit.Position.Next).ToArray();
            Assert.Equal(next.Order(), next); // nobody went back behind another's commit
        }
        foreach (var m in members) _output.WriteLine($"{strategy}: {m.Name} processed {m.Records.Count}, committed {commits.Count(c => c.Member == m.Name)} times");
        Assert.True(commits.Any(c => c.Member != "a"), "the guests never had a partition");
        await stays.Leave();
    }
}
