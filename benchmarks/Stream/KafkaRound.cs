using System.Diagnostics;
using System.Globalization;
using System.Text;
using Confluent.Kafka;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Benchmarks;

/// <summary>
/// Kafka to Kafka: a node with both legs and the journal on, beside a raw consume-and-produce loop of Confluent.Kafka over the same
/// topic in the same run; and, at an offered rate, the time from a record's production to the consumption of its prediction.
/// </summary>
internal sealed class KafkaRound(string broker, IReadOnlyDictionary<string, string> clients, string work)
{
    private readonly bool _old = clients.GetValueOrDefault("api.version.request") == "false";

    /// <summary>Writes rows to a topic, several to a message, in turn over its partitions.</summary>
    /// <returns>Messages written.</returns>
    public int Fill(string topic, string data, int rows, int rowsPerMessage)
    {
        using var producer = Producer();
        var partitions = Partitions(topic);
        var (message, held, sent, failed) = (new StringBuilder(), 0, 0, 0);
        foreach (var line in File.ReadLines(data).Take(rows))
        {
            message.Append(held == 0 ? "" : "\n").Append(line);
            if (++held < rowsPerMessage) continue;
            Send();
        }
        if (held > 0) Send();
        producer.Flush(TimeSpan.FromSeconds(60));
        return failed == 0 ? sent : throw new InvalidOperationException($"{failed} messages were not acknowledged");

        void Send()
        {
            var value = Encoding.UTF8.GetBytes(message.ToString());
            while (true)
            {
                try
                {
                    producer.Produce(new TopicPartition(topic, sent % partitions), new Message<byte[], byte[]> { Value = value }, r => { if (r.Error.IsError) Interlocked.Increment(ref failed); });
                    break;
                }
                catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    producer.Poll(TimeSpan.FromMilliseconds(5));
                }
            }
            sent++;
            held = 0;
            message.Clear();
        }
    }

    /// <summary>Reads every message and writes one of the same bytes.</summary>
    /// <returns>Messages a second.</returns>
    public double Raw(string topic, int messages)
    {
        var output = NewTopic();
        using var producer = Producer();
        using var consumer = Consumer();
        consumer.Assign(Enumerable.Range(0, Partitions(topic)).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
        while (consumer.Consume(TimeSpan.FromSeconds(5)) is null) { }
        var started = Stopwatch.GetTimestamp();
        for (var i = 1; i < messages; i++)
        {
            var value = consumer.Consume(TimeSpan.FromSeconds(10)).Message.Value;
            while (true)
            {
                try
                {
                    producer.Produce(output, new Message<byte[], byte[]> { Value = value });
                    break;
                }
                catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    producer.Poll(TimeSpan.FromMilliseconds(1));
                }
            }
        }
        producer.Flush(TimeSpan.FromSeconds(60));
        return messages / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Scores and learns all rows of a topic with a fresh node.</summary>
    /// <returns>Rows a second from the first commit to the last row learned.</returns>
    public async Task<double> Node(string topic, int rows, int rowsPerMessage, bool details)
    {
        await using var run = await Run.Start(this, topic, rowsPerMessage);
        (long Ticks, long Rows) first = default;
        while (true)
        {
            await Task.Delay(20);
            var status = await run.Node.Status();
            if (status.Refusal is { } refusal) throw new InvalidOperationException(refusal);
            var scored = status.Score.Committed.Sum(c => c.Predicted);
            if (first.Ticks == 0 && scored > 0) first = (Stopwatch.GetTimestamp(), Math.Min(scored, status.Learner.Rows));
            if (scored < rows || status.Learner.Rows < rows) continue;
            var rate = (rows - first.Rows) / Stopwatch.GetElapsedTime(first.Ticks).TotalSeconds;
            if (details)
                foreach (var c in run.Node.Clocks.All)
                    Console.WriteLine($"  {c.Name,-32} {c.Busy.TotalMilliseconds,8:F0} ms {(c.Rows > 0 ? $"{c.Busy.TotalMicroseconds / c.Rows,8:F2} us/row" : "")} in {c.Chunks:N0} calls");
            return rate;
        }
    }

    /// <summary>Offers rows at a rate, and measures from a record's production to its prediction's consumption.</summary>
    /// <returns>Latencies in milliseconds, ascending; the first fifth of the time is warm-up and not among them.</returns>
    public async Task<double[]> Latency(string topic, string data, int rate, int seconds)
    {
        await using var run = await Run.Start(this, topic, 1);
        while ((await run.Node.Status()).Score.State != Actors.ScoreLegState.Running) await Task.Delay(50);
        return await Latency(topic, run.Predictions, data, rate, seconds, result =>
            PredictionReader.TryParse(result.Message.Value, out var prediction, out var why) ? (prediction.Partition, prediction.Offset) : throw new InvalidOperationException(why));
    }

    /// <summary>The same for a loop that writes each message to the same partition of another topic: what brokers and clients alone take.</summary>
    public async Task<double[]> RawLatency(string topic, string data, int rate, int seconds)
    {
        var output = NewTopic();
        using var stop = new CancellationTokenSource();
        var loop = Task.Run(() =>
        {
            using var producer = Producer();
            using var consumer = Consumer();
            consumer.Assign(Enumerable.Range(0, Partitions(topic)).Select(p => new TopicPartitionOffset(topic, p, Offset.Beginning)));
            while (!stop.IsCancellationRequested)
                if (consumer.Consume(TimeSpan.FromMilliseconds(100)) is { } result) producer.Produce(new TopicPartition(output, result.Partition), new Message<byte[], byte[]> { Value = result.Message.Value });
            producer.Flush(TimeSpan.FromSeconds(30));
        });
        var latencies = await Latency(topic, output, data, rate, seconds, result => (result.Partition.Value, result.Offset.Value));
        await stop.CancelAsync();
        await loop;
        return latencies;
    }

    private async Task<double[]> Latency(string topic, string output, string data, int rate, int seconds, Func<ConsumeResult<byte[], byte[]>, (int Partition, long Offset)> row)
    {
        var lines = File.ReadLines(data).Take(100_000).Select(Encoding.UTF8.GetBytes).ToArray();
        var partitions = Partitions(topic);
        var total = rate * seconds;
        var sent = new long[partitions][];
        for (var p = 0; p < partitions; p++) sent[p] = new long[total / partitions + 1];
        var latencies = new List<double>(total);
        var reading = Task.Run(() =>
        {
            using var consumer = Consumer();
            consumer.Assign(Enumerable.Range(0, Partitions(output)).Select(p => new TopicPartitionOffset(output, p, Offset.Beginning)));
            for (var left = total; left > 0;)
            {
                if (consumer.Consume(TimeSpan.FromSeconds(20)) is not { } result) throw new TimeoutException($"{left} predictions did not come");
                var now = Stopwatch.GetTimestamp();
                var (partition, offset) = row(result);
                left--;
                if (offset * partitions > total / 5) latencies.Add(Stopwatch.GetElapsedTime(sent[partition][offset], now).TotalMilliseconds);
            }
        });
        using var producer = Producer();
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < total; i++)
        {
            // In batches of a millisecond: a timer has no finer grain.
            while (i >= Stopwatch.GetElapsedTime(started).TotalSeconds * rate) Thread.Sleep(1);
            sent[i % partitions][i / partitions] = Stopwatch.GetTimestamp();
            producer.Produce(new TopicPartition(topic, i % partitions), new Message<byte[], byte[]> { Value = lines[i % lines.Length] });
        }
        producer.Flush(TimeSpan.FromSeconds(30));
        await reading;
        latencies.Sort();
        return [.. latencies];
    }

    /// <summary>A topic of a new name, made by its first use.</summary>
    public string NewTopic()
    {
        var name = $"bench-{Guid.NewGuid().ToString("N")[..10]}";
        Partitions(name);
        return name;
    }

    private int Partitions(string topic)
    {
        using var admin = new AdminClientBuilder(Properties()).SetLogHandler((_, _) => { }).Build();
        for (var tries = 0; tries < 200; tries++)
        {
            var found = admin.GetMetadata(topic, TimeSpan.FromSeconds(5)).Topics[0];
            if (found.Partitions.Count > 0 && found.Partitions.All(p => p.Leader >= 0)) return found.Partitions.Count;
            Thread.Sleep(50);
        }
        throw new TimeoutException($"topic {topic} was not made");
    }

    private Dictionary<string, string> Properties() => new(clients) { ["bootstrap.servers"] = broker };

    private IProducer<byte[], byte[]> Producer() =>
        new ProducerBuilder<byte[], byte[]>(new Dictionary<string, string>(Properties()) { ["linger.ms"] = clients.GetValueOrDefault("linger.ms", "1"), ["acks"] = "all" }).SetLogHandler((_, _) => { }).Build();

    private IConsumer<byte[], byte[]> Consumer() =>
        new ConsumerBuilder<byte[], byte[]>(new Dictionary<string, string>(Properties()) { ["group.id"] = "raw", ["enable.auto.commit"] = "false" }).SetLogHandler((_, _) => { }).Build();

    /// <summary>A fresh node over a topic, with a journal, a group and topics of its own.</summary>
    private sealed class Run : IAsyncDisposable
    {
        private readonly SqliteJournal _journal;
        private readonly DataFolder _folder;

        private Run(INode node, SqliteJournal journal, DataFolder folder, string predictions)
        {
            (Node, _journal, _folder, Predictions) = (node, journal, folder, predictions);
        }

        public INode Node { get; }

        public string Predictions { get; }

        public static async Task<Run> Start(KafkaRound round, string topic, int rowsPerMessage)
        {
            var path = Path.Combine(round.Work, Guid.NewGuid().ToString("N")[..8]);
            var (predictions, letters) = (round.NewTopic(), round.NewTopic());
            var properties = string.Join(", ", round.Clients.Select(c => $"\"{c.Key}\" = \"{c.Value}\""));
            var hocon = HoconDocument.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
                stream-mlops {
                  data-folder = "{{path}}"
                  pipelines.{{topic}}-{{Path.GetFileName(path)}} {
                    kafka { bootstrap-servers = "{{round.Broker}}", idempotent = {{(round._old ? "off" : "on")}}, kafka-clients { {{properties}} } }
                    source { kind = kafka, topic = {{topic}}, rows-per-message = {{rowsPerMessage}} }
                    sink { kind = kafka, predictions = {{predictions}}, dead-letters = {{letters}} }
                  }
                }
                """), "benchmark");
            var result = NodeSettingsReader.Read(hocon);
            var settings = result.Settings ?? throw new InvalidOperationException(string.Join('\n', result.Faults));
            var folder = DataFolder.Hold(path);
            var journal = SqliteJournal.Open(folder.Journal, settings.Journal.LockTimeout);
            var options = new NodeOptions(settings, settings.Pipelines[0], folder, AkkaConfiguration.For(ConfigNode.Map.Empty, journal.ConnectionString, folder.Log, verbose: false), TimeProvider.System);
            return new Run(await new NodeFactory().Start(options, CancellationToken.None), journal, folder, predictions);
        }

        public async ValueTask DisposeAsync()
        {
            await Node.Stop();
            await Node.DisposeAsync();
            _journal.Close();
            _folder.Dispose();
            Directory.Delete(_folder.Path, recursive: true);
        }
    }

    private string Work => work;

    private string Broker => broker;

    private IReadOnlyDictionary<string, string> Clients => clients;
}
