using Akka.Actor;

namespace StreamMLOps.Pipeline;

/// <summary>A topic as a source, whose consumers must be closed.</summary>
public interface ITopicSource : ISource, IAsyncDisposable;

/// <summary>The ways of reading and writing topics that settings can name.</summary>
public enum KafkaConnectorKind
{
    Confluent,
    Akka,
}

/// <summary>One way of reading and writing topics; docs/connectors.md compares them.</summary>
/// <param name="Name">Of the client that it is built on.</param>
/// <param name="Source">Opens a topic for reading; throws <see cref="SourceException"/> at the first use where settings have a fault.</param>
/// <param name="Sink">Opens a topic for writing; throws <see cref="SinkException"/> where settings have a fault.</param>
public sealed record KafkaConnector(string Name, Func<ConsumerSettings, ITopicSource> Source, Func<ProducerSettings, ISink> Sink)
{
    /// <summary><see cref="KafkaSource"/> and <see cref="KafkaSink"/>, on Confluent.Kafka.</summary>
    public static KafkaConnector Confluent { get; } = new("Confluent.Kafka", settings => new KafkaSource(settings), settings => new KafkaSink(settings));

    /// <summary>The same within transactions: what is written, and what a group commits.</summary>
    public static KafkaConnector Within(KafkaTransactions transactions) => new("Confluent.Kafka", settings => new KafkaSource(settings, transactions), settings => transactions.Sink(settings.Topic));

    /// <summary>Whether this build has the connector; all but the default one are opt-in.</summary>
#if AKKA_STREAMS_KAFKA
    public static bool IsBuilt(KafkaConnectorKind kind) => Enum.IsDefined(kind);
#else
    public static bool IsBuilt(KafkaConnectorKind kind) => kind == KafkaConnectorKind.Confluent;
#endif

    /// <summary>The connector that settings name.</summary>
    /// <param name="kind">One that <see cref="IsBuilt"/>.</param>
    /// <param name="system">Runs its streams, where it has any.</param>
    public static KafkaConnector Of(KafkaConnectorKind kind, ActorSystem system) => kind switch
    {
        KafkaConnectorKind.Confluent => Confluent,
#if AKKA_STREAMS_KAFKA
        KafkaConnectorKind.Akka => AkkaStreamsKafka.Connector(system),
#endif
        _ => throw new ArgumentException($"this build has no connector {kind} for {system.Name}"),
    };
}
