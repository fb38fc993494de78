using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The functions of librdkafka that Confluent.Kafka does not offer: messages without an object each, commits with metadata, the
/// mock cluster. Signatures and layouts are those of rdkafka.h and rdkafka_mock.h.
/// </summary>
internal static partial class Librdkafka
{
    public const int PartitionEof = (int)ErrorCode.Local_PartitionEOF;

    /// <summary>The native handle of a client of Confluent.Kafka, which keeps it internal; the package's version is pinned, and a spec commits through it.</summary>
    public static SafeHandle HandleOf(IClient client) => (SafeHandle)LibrdkafkaHandle(client.Handle);

    public static string TextOf(ErrorCode code) => new Error(code).Reason;

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object LibrdkafkaHandle(Handle handle);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_consumer_poll")]
    public static unsafe partial Message* ConsumerPoll(nint client, int timeoutMs);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_message_destroy")]
    public static unsafe partial void MessageDestroy(Message* message);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_message_errstr")]
    public static unsafe partial nint MessageErrorText(Message* message);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_topic_partition_list_new")]
    public static unsafe partial PartitionList* PartitionListNew(int size);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_topic_partition_list_add", StringMarshalling = StringMarshalling.Utf8)]
    public static unsafe partial Partition* PartitionListAdd(PartitionList* list, string topic, int partition);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_topic_partition_list_destroy")]
    public static unsafe partial void PartitionListDestroy(PartitionList* list);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mem_malloc")]
    public static partial nint Allocate(nint client, nuint size);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mem_free")]
    public static partial void Free(nint client, nint memory);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_committed")]
    public static unsafe partial ErrorCode Committed(nint client, PartitionList* partitions, int timeoutMs);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_commit_queue")]
    public static unsafe partial ErrorCode CommitQueue(nint client, PartitionList* offsets, nint queue, nint callback, nint opaque);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_queue_new")]
    public static partial nint QueueNew(nint client);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_queue_destroy")]
    public static partial void QueueDestroy(nint queue);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_queue_poll")]
    public static partial nint QueuePoll(nint queue, int timeoutMs);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_event_error")]
    public static partial ErrorCode EventError(nint e);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_event_topic_partition_list")]
    public static unsafe partial PartitionList* EventPartitions(nint e);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_event_destroy")]
    public static partial void EventDestroy(nint e);

    /// <summary>rd_kafka_message_t</summary>
    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct Message
    {
        public ErrorCode Error;
        public nint Topic;
        public int Partition;
        public byte* Payload;
        public nuint Length;
        public byte* Key;
        public nuint KeyLength;
        public long Offset;
        public nint Private;
    }

    /// <summary>rd_kafka_topic_partition_list_t</summary>
    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct PartitionList
    {
        public int Count;
        public int Size;
        public Partition* Elements;
    }

    /// <summary>rd_kafka_topic_partition_t</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Partition
    {
        public nint Topic;
        public int Number;
        public long Offset;
        public nint Metadata;
        public nuint MetadataLength;
        public nint Opaque;
        public ErrorCode Error;
        public nint Private;
    }
}
