using System.Collections.Immutable;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>How a topic is written.</summary>
/// <param name="BootstrapServers">Addresses of some brokers: <c>a:9092,b:9092</c>.</param>
/// <param name="Topic">The topic.</param>
public sealed record ProducerSettings(string BootstrapServers, string Topic)
{
    /// <summary>Any property of librdkafka, as its documentation names them.</summary>
    public ImmutableSortedDictionary<string, string> KafkaClients { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether retries can neither double nor reorder messages; brokers have it from 0.11 on. Without it one request is in flight, so that order is kept at least.</summary>
    public bool Idempotent { get; init; } = true;

    /// <summary>Records under way at most; a write waits for room.</summary>
    public int MaxInFlight { get; init; } = 20_000;

    /// <summary>Takes librdkafka's log lines, on any thread; null: they are dropped.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>The same for transactions, by a writer of this name.</summary>
    internal ProducerConfig ToConfig(string transactionalId)
    {
        var config = (this with { Idempotent = true }).ToConfig();
        config.TransactionalId = transactionalId;
        // What a node that died left open holds up readers, and the node that takes its partitions over, for so long.
        if (!KafkaClients.ContainsKey("transaction.timeout.ms")) config.TransactionTimeoutMs = 10_000;
        // Delivery must end with the transaction: librdkafka wants the one within the other.
        config.MessageTimeoutMs = config.TransactionTimeoutMs ?? 10_000;
        return config;
    }

    internal ProducerConfig ToConfig()
    {
        var properties = new Dictionary<string, string>
        {
            ["acks"] = "all",
            ["enable.idempotence"] = Idempotent ? "true" : "false",
            ["linger.ms"] = "1",
            // As for consumers.
            ["socket.nagle.disable"] = "true",
            // A broker that is away is waited for: giving a message up would leave a hole that nobody fills.
            ["message.timeout.ms"] = "0",
            // Bounds memory in bytes too; a write waits for room.
            ["queue.buffering.max.kbytes"] = "65536",
            ["reconnect.backoff.max.ms"] = "1000",
            ["dotnet.producer.delivery.report.fields"] = "none",
        };
        if (!Idempotent) properties["max.in.flight.requests.per.connection"] = "1";
        foreach (var (key, value) in KafkaClients) properties[key] = value;
        properties["bootstrap.servers"] = BootstrapServers;
        return new ProducerConfig(properties);
    }
}
