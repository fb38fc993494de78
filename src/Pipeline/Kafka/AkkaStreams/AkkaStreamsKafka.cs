using Akka.Actor;

namespace StreamMLOps.Pipeline;

/// <summary>The connector on the package Akka.Streams.Kafka; what it cannot do is in docs/connectors.md.</summary>
public static class AkkaStreamsKafka
{
    /// <summary>Offsets of chunks and ids of records are the same as those of <see cref="KafkaConnector.Confluent"/>: a pipeline may change from one to the other.</summary>
    /// <param name="system">Runs the sinks' streams.</param>
    public static KafkaConnector Connector(ActorSystem system) =>
        new("Akka.Streams.Kafka", settings => new AkkaStreamsKafkaSource(settings), settings => new AkkaStreamsKafkaSink(settings, system));
}
