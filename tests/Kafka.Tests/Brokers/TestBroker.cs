using System.Collections.Immutable;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>A broker that the connector's spec runs against.</summary>
public abstract class TestBroker
{
    private static int _names;

    public abstract string BootstrapServers { get; }

    /// <summary>librdkafka's properties that this broker needs.</summary>
    public virtual ImmutableSortedDictionary<string, string> KafkaClients => ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether the broker has idempotent producers.</summary>
    public virtual bool Idempotent => true;

    /// <summary>What is expected to hold members together while tests starve them of processor time.</summary>
    public ImmutableSortedDictionary<string, string> GroupClients => KafkaClients.Add("session.timeout.ms", "6000");

    /// <summary>Makes a topic of a new name with 4 partitions.</summary>
    public abstract string CreateTopic();

    public abstract void Down();

    public abstract void Up();

    public ConsumerSettings Consumer(string topic) => new(BootstrapServers, topic) { KafkaClients = GroupClients };

    public ProducerSettings Producer(string topic) => new(BootstrapServers, topic) { KafkaClients = KafkaClients, Idempotent = Idempotent };

    /// <summary>Writes records with a plain client to the partitions in turn: record i is in partition i % 4 at offset i / 4.</summary>
    public void Fill(string topic, int from, int count, Func<int, string> text) => Fill(topic, Enumerable.Range(from, count).Select(i => (i % 4, text(i))));

    /// <summary>Writes records with a plain client, each to its partition.</summary>
    public void Fill(string topic, IEnumerable<(int Partition, string Text)> records)
    {
        var properties = new Dictionary<string, string>(KafkaClients)
        {
            ["bootstrap.servers"] = BootstrapServers,
            ["linger.ms"] = "5",
            ["max.in.flight.requests.per.connection"] = "1",
        };
        using var producer = new ProducerBuilder<Null, string>(properties).SetLogHandler((_, _) => { }).Build();
        var failures = 0;
        var written = 0;
        foreach (var (partition, text) in records)
        {
            producer.Produce(new TopicPartition(topic, partition), new Message<Null, string> { Value = text }, report =>
            {
                if (report.Error.IsError) Interlocked.Increment(ref failures);
            });
            if (++written % 5_000 == 0) producer.Flush(TimeSpan.FromSeconds(60));
        }
        Assert.Equal(0, producer.Flush(TimeSpan.FromSeconds(60)));
        Assert.Equal(0, failures);
    }

    protected static string NewName() => $"t{Environment.ProcessId}-{Interlocked.Increment(ref _names)}-{Guid.NewGuid().ToString("N")[..6]}";
}
