using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Confluent.Kafka;
using StreamMLOps.Pipeline;

// The connector beside plain loops of Confluent.Kafka, in one run, on one broker:
//   broker=$(tests/kafka/start-broker.sh FOLDER)
//   dotnet run -c Release --project benchmarks/Kafka.Benchmarks -- $broker api.version.request=false broker.version.fallback=0.9.0.1
// With -p:AkkaStreamsKafka=true (docs/connectors.md) the connector on Akka.Streams.Kafka runs in turn with it.
// Further key=value arguments are properties of librdkafka; messages=N, bytes=N and rounds=N set the load.
if (args.Length == 0)
{
    Console.Error.WriteLine("usage: HOST:PORT [messages=200000] [bytes=1024] [rounds=5] [KEY=VALUE ...]");
    return 2;
}
var server = args[0];
var options = args.Skip(1).Select(a => a.Split('=', 2)).ToDictionary(a => a[0], a => a[1]);
int Option(string key, int otherwise) => options.Remove(key, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
var messages = Option("messages", 200_000);
var bytes = Option("bytes", 1024);
var rounds = Option("rounds", 5);
var clients = options.ToImmutableSortedDictionary();
var old = clients.GetValueOrDefault("api.version.request") == "false";
var topic = $"bench-{Guid.NewGuid().ToString("N")[..8]}";
var producerSettings = new ProducerSettings(server, topic) { KafkaClients = clients, Idempotent = !old };
var copySettings = producerSettings with { Topic = $"{topic}-copy" };
var consumerSettings = new ConsumerSettings(server, topic) { KafkaClients = clients };
using var system = ActorSystem.Create("bench", "akka.loglevel = WARNING");
var materializer = system.Materializer();

Console.WriteLine($"librdkafka {NativeLibrdkafka.Version}; {messages} messages of {bytes} bytes; median of {rounds} rounds in turn (least..most)");
RawProduce(); // also makes the topic
KafkaConnector[] connectors =
[
    KafkaConnector.Confluent,
#if AKKA_STREAMS_KAFKA
    AkkaStreamsKafka.Connector(system),
#endif
];
(string Name, Func<Task> Run)[] measures =
[
    ("raw produce loop", () => Task.Run(RawProduce)),
    .. connectors.Select(c => ($"{c.Name}: write batches of 256, one at a time", (Func<Task>)(() => SinkProduce(c, 256, 1)))),
    .. connectors.Select(c => ($"{c.Name}: write batches of 256, four overlapping", (Func<Task>)(() => SinkProduce(c, 256, 4)))),
    ("raw consume loop", () => Task.Run(RawConsume)),
    .. connectors.Select(c => ($"{c.Name}: ReadFrom", (Func<Task>)(() => SourceRead(c)))),
    .. connectors.Select(c => ($"{c.Name}: Subscribe, a commit a chunk", (Func<Task>)(() => SourceSubscribe(c)))),
    ("raw consume-and-produce loop", () => Task.Run(RawCopy)),
    .. connectors.Select(c => ($"{c.Name}: Subscribe, write, commit", (Func<Task>)(() => Copy(c)))),
];
var rates = measures.ToDictionary(m => m.Name, _ => new List<(double Rate, double Cpu)>());
for (var round = 0; round < rounds; round++)
{
    foreach (var (name, run) in measures)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var started = Stopwatch.GetTimestamp();
        await run();
        rates[name].Add((messages / Stopwatch.GetElapsedTime(started).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / messages * 1e6));
    }
}
Console.WriteLine($"{"",-62} {"k msg/s",22} {"client CPU s/M msg",20}");
foreach (var (name, _) in measures)
{
    var r = rates[name].Select(x => x.Rate / 1000).Order().ToArray();
    var c = rates[name].Select(x => x.Cpu).Order().ToArray();
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-62} {r[r.Length / 2],8:0} ({r[0]:0}..{r[^1]:0}) {c[c.Length / 2],14:0.00}"));
}
return 0;

void RawProduce()
{
    var properties = new Dictionary<string, string>(clients) { ["bootstrap.servers"] = server, ["linger.ms"] = "1", ["acks"] = "all" };
    using var producer = new ProducerBuilder<Null, byte[]>(properties).SetLogHandler((_, _) => { }).Build();
    var value = new byte[bytes];
    var left = messages;
    for (var i = 0; i < messages; i++)
    {
        while (true)
        {
            try
            {
                producer.Produce(topic, new Message<Null, byte[]> { Value = value }, _ => Interlocked.Decrement(ref left));
                break;
            }
            catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                producer.Poll(TimeSpan.FromMilliseconds(10));
            }
        }
    }
    producer.Flush(TimeSpan.FromSeconds(60));
    if (left != 0) throw new InvalidOperationException($"{left} messages were not acknowledged");
}

async Task SinkProduce(KafkaConnector connector, int rows, int overlapping)
{
    await using var sink = connector.Sink(producerSettings);
    using var batch = new RecordBatch(rows * bytes, rows);
    for (var i = 0; i < rows; i++) batch.Add(new byte[bytes]);
    await Source.From(Enumerable.Range(0, messages / rows)).SelectAsync(overlapping, async i =>
    {
        await sink.Write(batch);
        return i;
    }).RunWith(Sink.Ignore<int>(), materializer);
}

void RawConsume()
{
    var config = new ConsumerConfig(new Dictionary<string, string>(clients)) { BootstrapServers = server, GroupId = "raw", EnableAutoCommit = false };
    using var consumer = new ConsumerBuilder<Ignore, byte[]>(config).SetLogHandler((_, _) => { }).Build();
    consumer.Assign(Enumerable.Range(0, Partitions()).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
    for (var left = messages; left > 0;)
        if (consumer.Consume(TimeSpan.FromSeconds(1)) is not null) left--;
    consumer.Close();
}

int Partitions() => new KafkaSource(consumerSettings).Partitions().Count;

async Task SourceRead(KafkaConnector connector)
{
    await using var source = connector.Source(consumerSettings);
    var left = messages;
    await source.ReadFrom([.. Enumerable.Range(0, Partitions()).Select(p => new PartitionPosition(p, 0, 0))])
        .Select(chunk => { using (chunk) return chunk.Count; })
        .TakeWhile(n => (left -= n) > 0)
        .RunWith(Sink.Ignore<int>(), materializer);
}

async Task SourceSubscribe(KafkaConnector connector)
{
    await using var source = connector.Source(consumerSettings);
    await Consume(source, chunk => Task.FromResult(chunk));
}

async Task Copy(KafkaConnector connector)
{
    await using var source = connector.Source(consumerSettings);
    await using var sink = connector.Sink(copySettings);
    await Consume(source, async chunk =>
    {
        await sink.Write(chunk);
        return chunk;
    });
}

async Task Consume(ITopicSource source, Func<RawChunk, Task<RawChunk>> process)
{
    var subscription = source.Subscribe(Guid.NewGuid().ToString("N"));
    var left = messages;
    await subscription.Chunks
        .SelectAsync(4, process)
        .Select(chunk => { using (chunk) return (Position: new PartitionPosition(chunk.Partition, chunk.Epoch, chunk.To), chunk.Count); })
        .Select(c => (IEnumerable<(PartitionPosition Position, int Count)>)[c])
        .Conflate((earlier, later) => earlier.Concat(later))
        .SelectAsync(1, async merged =>
        {
            var step = merged.ToArray();
            await subscription.Commit([.. step.GroupBy(c => c.Position.Partition).Select(p => new CommittedPartition(p.Last().Position, 0, 0, 0))]);
            return step.Sum(c => c.Count);
        })
        .TakeWhile(n => (left -= n) > 0)
        .RunWith(Sink.Ignore<int>(), materializer);
}

void RawCopy()
{
    var from = new ConsumerConfig(new Dictionary<string, string>(clients)) { BootstrapServers = server, GroupId = "raw-copy", EnableAutoCommit = false };
    var to = new Dictionary<string, string>(clients) { ["bootstrap.servers"] = server, ["linger.ms"] = "1", ["acks"] = "all" };
    using var consumer = new ConsumerBuilder<Ignore, byte[]>(from).SetLogHandler((_, _) => { }).Build();
    using var producer = new ProducerBuilder<Null, byte[]>(to).SetLogHandler((_, _) => { }).Build();
    consumer.Assign(Enumerable.Range(0, Partitions()).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
    for (var left = messages; left > 0;)
    {
        if (consumer.Consume(TimeSpan.FromSeconds(1)) is not { } read) continue;
        left--;
        while (true)
        {
            try
            {
                producer.Produce(copySettings.Topic, new Message<Null, byte[]> { Value = read.Message.Value });
                break;
            }
            catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                producer.Poll(TimeSpan.FromMilliseconds(10));
            }
        }
    }
    producer.Flush(TimeSpan.FromSeconds(60));
    consumer.Close();
}
