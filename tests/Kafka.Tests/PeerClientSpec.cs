using System.Text;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.TestKit.Xunit2;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>What other people's clients write is read, and they read what is written.</summary>
public abstract class PeerClientSpec(TestBroker broker, ITestOutputHelper output) : TestKit(output: output)
{
    private const int Rows = 500;

    private const string Produce = """
        import sys
        from kafka import KafkaProducer
        version = tuple(int(v) for v in sys.argv[3].split('.')) if sys.argv[3] else None
        producer = KafkaProducer(bootstrap_servers=sys.argv[1], api_version=version, linger_ms=5)
        for line in sys.stdin.buffer:
            producer.send(sys.argv[2], line.rstrip(b'\n'))
        producer.flush(30)
        """;

    private const string Consume = """
        import sys
        from kafka import KafkaConsumer
        version = tuple(int(v) for v in sys.argv[3].split('.')) if sys.argv[3] else None
        consumer = KafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], api_version=version, auto_offset_reset='earliest', group_id=None)
        for _, message in zip(range(int(sys.argv[4])), consumer):
            print(message.key.decode(), message.value.decode())
        """;

    private static readonly string[] Lines = [.. Enumerable.Range(0, Rows).Select(i => $"{(i % 2 == 0 ? "+1" : "-1")} {i + 1}:1 {i + 7}:0.5")];

    [BrokerFact(Program = PeerClient.Kcat)]
    public async Task Kcat_produces_and_consumes()
    {
        var topic = broker.CreateTopic();
        string[] common = ["-b", broker.BootstrapServers, .. broker.KafkaClients.SelectMany(k => new[] { "-X", $"{k.Key}={k.Value}" }), "-q"];
        PeerClient.RunKcat([.. common, "-P", "-t", topic], string.Join('\n', Lines) + "\n");
        Assert.Equal(Lines.Order(), (await Read(topic)).Order());

        var answers = broker.CreateTopic();
        await Write(answers);
        var seen = PeerClient.RunKcat([.. common, "-C", "-t", answers, "-o", "beginning", "-e", "-f", "%k %s\\n"]);
        Assert.Equal(Answers(), Split(seen));
    }

    [BrokerFact(Program = PeerClient.KafkaPython)]
    public async Task Kafka_python_produces_and_consumes()
    {
        var version = broker.KafkaClients.ContainsKey("broker.version.fallback") ? "0.9" : "";
        var topic = broker.CreateTopic();
        PeerClient.RunPython(Produce, [broker.BootstrapServers, topic, version], string.Join('\n', Lines) + "\n");
        Assert.Equal(Lines.Order(), (await Read(topic)).Order());

        var answers = broker.CreateTopic();
        await Write(answers);
        var seen = PeerClient.RunPython(Consume, [broker.BootstrapServers, answers, version, $"{Rows}"]);
        Assert.Equal(Answers(), Split(seen));
    }

    private static IEnumerable<string> Answers() => Enumerable.Range(0, Rows).Select(i => $"id-{i} {{\"id\":\"id-{i}\"}}").Order(StringComparer.Ordinal);

    private static IEnumerable<string> Split(string lines) => lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal);

    private async Task<List<string>> Read(string topic)
    {
        await using var source = new KafkaSource(broker.Consumer(topic));
        var left = Rows;
        var chunks = await source.ReadFrom(source.Partitions())
            .Select(chunk =>
            {
                using (chunk) return Enumerable.Range(0, chunk.Count).Select(i => Encoding.UTF8.GetString(chunk[i])).ToArray();
            })
            .TakeWhile(lines => (left -= lines.Length) > 0, inclusive: true)
            .RunWith(Sink.Seq<string[]>(), Sys.Materializer())
            .WaitAsync(TimeSpan.FromSeconds(30));
        return [.. chunks.SelectMany(lines => lines)];
    }

    private async Task Write(string topic)
    {
        await using var sink = new KafkaSink(broker.Producer(topic));
        using var records = new RecordBatch();
        for (var i = 0; i < Rows; i++)
        {
            records.Add(Encoding.UTF8.GetBytes($"{{\"id\":\"id-{i}\"}}"));
            records.SetKey(Encoding.UTF8.GetBytes($"id-{i}"));
        }
        await sink.Write(records).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }
}

/// <summary>Peers on librdkafka's mock cluster.</summary>
public sealed class MockPeerClientSpec(MockBroker broker, ITestOutputHelper output) : PeerClientSpec(broker, output), IClassFixture<MockBroker>;

/// <summary>Peers on a real Apache Kafka.</summary>
[RequiresRealBroker]
[Collection(RealBrokerCollection.Name)]
public sealed class RealPeerClientSpec(RealBroker broker, ITestOutputHelper output) : PeerClientSpec(broker, output);
