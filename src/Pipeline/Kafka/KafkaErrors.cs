using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>Which errors need a person, and what to say then.</summary>
internal static class KafkaErrors
{
    /// <summary>The refusal, or null where trying again may help.</summary>
    public static SourceException? Refusal(string name, ErrorCode code, string reason) => code switch
    {
        ErrorCode.TopicAuthorizationFailed or ErrorCode.GroupAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed =>
            new SourceException($"{name}: the broker denies access ({reason}). Grant this user Read and Describe on the topic, and Read on the group."),
        ErrorCode.SaslAuthenticationFailed or ErrorCode.Local_Authentication or ErrorCode.UnsupportedSaslMechanism =>
            new SourceException($"{name}: the broker refuses the credentials ({reason}). Check the sasl.* keys in kafka-clients."),
        ErrorCode.Local_Ssl => new SourceException($"{name}: no TLS connection can be made ({reason}). Check the ssl.* keys in kafka-clients."),
        ErrorCode.OffsetMetadataTooLarge => new SourceException($"{name}: the broker takes no commit metadata of 100 bytes. Raise its offset.metadata.max.bytes."),
        ErrorCode.InvalidGroupId or ErrorCode.InvalidSessionTimeout => new SourceException($"{name}: the broker refuses the group's settings ({reason}). Check session.timeout.ms in kafka-clients against the broker's group.min/max.session.timeout.ms."),
        _ => null,
    };

    public static SourceException Missing(string name, string bootstrapServers) =>
        new($"{name} is not there: the brokers at {bootstrapServers} do not know it. Create it, or correct the name.");

    public static SourceException Recreated(string name, PartitionPosition position, ulong epoch) =>
        new($"{name} is not the topic that was read before: its identity is {epoch:x16}, the position to go on from is {position}. It was made again under its name, or the address leads to another cluster. "
            + "Put the former one back, or start with an empty data folder and another group.");

    /// <summary>Null where the position is within the log.</summary>
    public static SourceException? OutOfRange(string name, int partition, long next, long low, long high) =>
        next > high ? new SourceException(
            $"{name}, partition {partition}, ends at offset {high}, below offset {next} where reading is to go on: the log was truncated, or the topic was made again. Put the former log back, or start with an empty data folder and another group.")
        : next < low ? new SourceException(
            $"{name}, partition {partition}: the records {next}..{low - 1} are gone by retention before they were read; the first one still there is {low}. Lengthen the topic's retention, and reset the group to {low} or start with an empty data folder.")
        : null;

    public static SourceException WrongPartition(string name, int partition, IReadOnlyCollection<int> there) =>
        new($"{name} has {there.Count} partitions and was asked for partition {partition}: this position belongs to another source.");

    /// <summary>A message that was not written, and what to do.</summary>
    public static SinkException NotTaken(string name, string bootstrapServers, Error error) => new(error.Code switch
    {
        ErrorCode.MsgSizeTooLarge or ErrorCode.RecordListTooLarge => $"{name}: the broker takes no message as large as this one ({error.Reason}). Raise message.max.bytes, of the topic and in kafka-clients.",
        ErrorCode.TopicAuthorizationFailed => $"{name}: the broker denies access ({error.Reason}). Grant this user Write on the topic.",
        ErrorCode.Local_UnknownTopic or ErrorCode.UnknownTopicOrPart => $"{name} is not there: the brokers at {bootstrapServers} do not know it. Create it, or correct the name.",
        ErrorCode.SaslAuthenticationFailed or ErrorCode.Local_Authentication => $"{name}: the broker refuses the credentials ({error.Reason}). Check the sasl.* keys in kafka-clients.",
        _ => $"{name}: a message was not taken: {error.Reason}.",
    });
}
