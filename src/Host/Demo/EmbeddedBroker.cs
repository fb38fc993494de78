using System.Text;
using Confluent.Kafka;
using StreamMLOps.Actors;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>
/// A Kafka broker inside this process (librdkafka's mock cluster), fed by the generator, that any Kafka client can look at while it
/// runs. It is volatile: each start is another log, of another epoch. It keeps some megabytes a partition and drops the oldest
/// records in silence, so the producer is held back until what it wrote was scored and learned.
/// </summary>
public sealed class EmbeddedBroker : IDisposable
{
    public const string Features = "features";
    public const string Predictions = "predictions";
    public const string DeadLetters = "dead-letters";
    private const int Partitions = 4;

    // A row has up to UrlGenerator.MaxRowBytes, but about 800 bytes in the mean; half of a partition is left free.
    private const long Outstanding = Partitions * (MockCluster.PartitionBytes / 2 / 1024);

    private readonly MockCluster _cluster = new();
    private readonly UrlGeneratorSettings _rows;
    private readonly int _sample;
    private readonly Random _random;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<string> _chosen = [];
    private Thread? _feeder;
    private Thread? _reader;
    private Exception? _failure;
    private long _done;
    private long _read;
    private bool _fed;

    /// <param name="rows">The stream that is fed.</param>
    /// <param name="sample">Predictions to keep, chosen at random.</param>
    /// <param name="seed">Seed of the choice.</param>
    public EmbeddedBroker(UrlGeneratorSettings rows, int sample, int seed)
    {
        _rows = rows;
        _sample = sample;
        _random = new Random(seed);
        _cluster.InitialRebalanceDelay = TimeSpan.Zero;
        _cluster.CreateTopic(Features, Partitions);
        _cluster.CreateTopic(Predictions, Partitions);
        _cluster.CreateTopic(DeadLetters, 1);
    }

    /// <summary>Addresses for any client's <c>bootstrap.servers</c>.</summary>
    public string BootstrapServers => _cluster.BootstrapServers;

    /// <summary>What makes a pipeline read and write this broker's topics, in a lineage of its own.</summary>
    /// <param name="pipeline">Dotted path of the pipeline's settings.</param>
    /// <param name="now">Names the lineage.</param>
    public ConfigNode.Map Settings(string pipeline, DateTimeOffset now)
    {
        var settings = ConfigNode.Map.Empty;
        void Set(string key, string value) => settings = settings.Overlay(ConfigNodes.At($"{pipeline}.{key}", new ConfigNode.Text(value)));
        Set("kafka.bootstrap-servers", BootstrapServers);
        Set("source.kind", "kafka");
        Set("source.topic", Features);
        Set("sink.kind", "kafka");
        Set("sink.predictions", Predictions);
        Set("sink.dead-letters", DeadLetters);
        Set("lineage", now.ToString("'kafka-'yyyyMMdd'-'HHmmss", System.Globalization.CultureInfo.InvariantCulture));
        return settings;
    }

    /// <summary>Starts to feed, and to read predictions.</summary>
    public void Start()
    {
        _feeder = Run(Feed, "demo feeder");
        _reader = Run(Sample, "demo reader");
    }

    /// <summary>Tells how far the pipeline has come, so that the feeder may go on.</summary>
    /// <returns>Whether all rows were fed, scored and learned.</returns>
    public bool Advance(PipelineStatus status)
    {
        if (_failure is { } failure) throw new InvalidOperationException($"the embedded broker: {failure.Message}", failure);
        Volatile.Write(ref _done, Math.Min(status.Learner.Partitions.Sum(p => p.Next - p.Start), status.Ledger.Sum(l => l.Consumed)));
        return Volatile.Read(ref _fed) && Volatile.Read(ref _done) == _rows.Rows && status.StaleEvents == 0 && Volatile.Read(ref _read) >= _rows.Rows;
    }

    /// <summary>The predictions kept.</summary>
    public IReadOnlyList<Prediction> Kept()
    {
        lock (_chosen) return [.. _chosen.Select(line => PredictionReader.TryParse(Encoding.UTF8.GetBytes(line), out var p, out var why) ? p : throw new InvalidOperationException(why))];
    }

    public void Dispose()
    {
        _stop.Cancel();
        _feeder?.Join();
        _reader?.Join();
        _cluster.Dispose();
        _stop.Dispose();
    }

    private Thread Run(Action work, string name)
    {
        var thread = new Thread(() =>
        {
            try
            {
                work();
            }
            catch (OperationCanceledException)
            {
                // Stopped.
            }
            catch (Exception e)
            {
                _failure = e;
            }
        })
        { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    private void Feed()
    {
        var properties = new Dictionary<string, string> { ["bootstrap.servers"] = BootstrapServers, ["linger.ms"] = "2", ["enable.idempotence"] = "true" };
        using var producer = new ProducerBuilder<Null, byte[]>(properties).SetLogHandler((_, _) => { }).Build();
        using var reader = new GeneratorSource(_rows).Open(default);
        var sent = 0L;
        while (reader.Read() is { } chunk)
        {
            using (chunk)
            {
                while (sent + chunk.Count - Volatile.Read(ref _done) > Outstanding)
                    if (_stop.Token.WaitHandle.WaitOne(5)) return;
                for (var i = 0; i < chunk.Count; i++, sent++)
                    producer.Produce(new TopicPartition(Features, (int)(sent % Partitions)), new Message<Null, byte[]> { Value = chunk[i].ToArray() });
                producer.Flush(_stop.Token);
            }
        }
        Volatile.Write(ref _fed, true);
    }

    private void Sample()
    {
        var properties = new Dictionary<string, string> { ["bootstrap.servers"] = BootstrapServers, ["group.id"] = "demo-reader", ["enable.auto.commit"] = "false" };
        using var consumer = new ConsumerBuilder<Ignore, byte[]>(properties).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(Predictions, p, Offset.Beginning)));
        while (!_stop.IsCancellationRequested)
        {
            if (consumer.Consume(TimeSpan.FromMilliseconds(50)) is not { Message.Value: { } value }) continue;
            // Reservoir sampling: each prediction as likely as the other.
            var number = ++_read;
            lock (_chosen)
            {
                if (_chosen.Count < _sample) _chosen.Add(Encoding.UTF8.GetString(value));
                else if (_random.NextInt64(number) is var at && at < _sample) _chosen[(int)at] = Encoding.UTF8.GetString(value);
            }
        }
    }
}
