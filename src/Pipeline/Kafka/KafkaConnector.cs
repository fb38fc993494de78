namespace StreamMLOps.Pipeline;

/// <summary>A topic as a source, whose consumers must be closed.</summary>
public interface ITopicSource : ISource, IAsyncDisposable;

/// <summary>One way of reading and writing topics; docs/connectors.md compares them.</summary>
/// <param name="Name">Of the client that it is built on.</param>
/// <param name="Source">Opens a topic for reading; throws <see cref="SourceException"/> at the first use where settings have a fault.</param>
/// <param name="Sink">Opens a topic for writing; throws <see cref="SinkException"/> where settings have a fault.</param>
public sealed record KafkaConnector(string Name, Func<ConsumerSettings, ITopicSource> Source, Func<ProducerSettings, ISink> Sink)
{
    /// <summary><see cref="KafkaSource"/> and <see cref="KafkaSink"/>, on Confluent.Kafka.</summary>
    public static KafkaConnector Confluent { get; } = new("Confluent.Kafka", settings => new KafkaSource(settings), settings => new KafkaSink(settings));
}
