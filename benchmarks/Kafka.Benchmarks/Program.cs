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
var consumerSettings = new ConsumerSettings(server, topic) { KafkaClients = clients };
using var system = ActorSystem.Create("bench", "akka.loglevel = WARNING");
var materializer = system.Materializer();

Console.WriteLine($"librdkafka {NativeLibrdkafka.Version}; {messages} messages of {bytes} bytes; median of {rounds} rounds in turn (least..most)");
RawProduce(); // also makes the topic
var measures = new (string Name, Func<Task> Run)[]
{
    ("raw produce loop", () => Task.Run(RawProduce)),
    ("KafkaSink, batches of 256, one at a time", () => SinkProduce(256, 1)),
    ("KafkaSink, batches of 256, four overlapping", () => SinkProduce(256, 4)),
    ("raw consume loop", () => Task.Run(RawConsume)),
    ("KafkaSource.ReadFrom", SourceRead),
    ("KafkaSource.Subscribe, a commit a chunk", SourceSubscribe),
};
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
Console.WriteLine($"{"",-46} {"k msg/s",22} {"client CPU s/M msg",20}");
foreach (var (name, _) in measures)
{
    var r = rates[name].Select(x => x.Rate / 1000).Order().ToArray();
    var c = rates[name].Select(x => x.Cpu).Order().ToArray();
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-46} {r[r.Length / 2],8:0} ({r[0]:0}..{r[^1]:0}) {c[c.Length / 2],14:0.00}"));
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

async Task SinkProduce(int rows, int overlapping)
{
    await using var sink = new KafkaSink(producerSettings);
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

async Task SourceRead()
{
    await using var source = new KafkaSource(consumerSettings);
    var left = messages;
    await source.ReadFrom([.. Enumerable.Range(0, Partitions()).Select(p => new PartitionPosition(p, 0, 0))])
        .Select(chunk => { using (chunk) return chunk.Count; })
        .TakeWhile(n => (left -= n) > 0)
        .RunWith(Sink.Ignore<int>(), materializer);
}

async Task SourceSubscribe()
{
    await using var source = new KafkaSource(consumerSettings);
    var subscription = source.Subscribe(Guid.NewGuid().ToString("N"));
    var left = messages;
    await subscription.Chunks
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
