using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>Offsets of a group within a producer's transaction, with the metadata that Confluent.Kafka leaves out (rdkafka.h).</summary>
internal static unsafe partial class LibrdkafkaTransactions
{
    /// <summary>What a call of a transaction said.</summary>
    /// <param name="Code">No error, or which.</param>
    /// <param name="Reason">For people.</param>
    /// <param name="IsRetriable">The same call may succeed later.</param>
    /// <param name="IsFatal">The producer can do nothing any more.</param>
    public readonly record struct Answer(ErrorCode Code, string Reason, bool IsRetriable, bool IsFatal);

    /// <summary>Adds offsets to the open transaction: as the group's present member, whose former ones the coordinator refuses, or for a group without members.</summary>
    public static Answer SendOffsets(nint producer, Librdkafka.PartitionList* offsets, nint consumer, bool asMember, TimeSpan timeout)
    {
        var group = GroupMetadata(consumer);
        if (group == 0) return new Answer(ErrorCode.Local_State, "the consumer has left its group", false, false);
        if (asMember && Generation(group) < 0)
        {
            // Brokers take offsets without member and generation unchecked (KIP-447 has it for older clients). So librdkafka's are between its being told
            // that it is no member any more and this program's hearing of it.
            GroupMetadataDestroy(group);
            return new Answer(ErrorCode.Local_State, "the consumer is no member of its group at present", false, false);
        }
        var error = SendOffsets(producer, offsets, group, (int)timeout.TotalMilliseconds);
        GroupMetadataDestroy(group);
        if (error == 0) return new Answer(ErrorCode.NoError, "", false, false);
        var answer = new Answer(ErrorCodeOf(error), Marshal.PtrToStringUTF8(ErrorText(error)) ?? "", IsRetriable(error) != 0, IsFatal(error) != 0);
        ErrorDestroy(error);
        return answer;
    }

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_consumer_group_metadata")]
    private static partial nint GroupMetadata(nint consumer);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_consumer_group_metadata_generation_id")]
    private static partial int Generation(nint metadata);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_consumer_group_metadata_destroy")]
    private static partial void GroupMetadataDestroy(nint metadata);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_send_offsets_to_transaction")]
    private static partial nint SendOffsets(nint producer, Librdkafka.PartitionList* offsets, nint group, int timeoutMs);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_error_code")]
    private static partial ErrorCode ErrorCodeOf(nint error);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_error_string")]
    private static partial nint ErrorText(nint error);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_error_is_retriable")]
    private static partial int IsRetriable(nint error);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_error_is_fatal")]
    private static partial int IsFatal(nint error);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_error_destroy")]
    private static partial void ErrorDestroy(nint error);
}
