using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>The mock cluster's functions (rdkafka_mock.h).</summary>
internal static partial class LibrdkafkaMock
{
    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_conf_new")]
    public static partial nint ConfNew();

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_conf_set_log_cb")]
    public static partial void ConfSetLog(nint configuration, nint callback);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_new")]
    public static unsafe partial nint New(int type, nint configuration, byte* error, nuint errorSize);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_destroy")]
    public static partial void Destroy(nint client);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_cluster_new")]
    public static partial nint ClusterNew(nint client, int brokers);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_cluster_destroy")]
    public static partial void ClusterDestroy(nint cluster);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_cluster_bootstraps")]
    public static partial nint ClusterBootstraps(nint cluster);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_topic_create", StringMarshalling = StringMarshalling.Utf8)]
    public static partial ErrorCode TopicCreate(nint cluster, string topic, int partitions, int replication);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_broker_set_down")]
    public static partial ErrorCode BrokerSetDown(nint cluster, int broker);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_broker_set_up")]
    public static partial ErrorCode BrokerSetUp(nint cluster, int broker);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_push_request_errors_array")]
    public static unsafe partial void PushRequestErrors(nint cluster, short apiKey, nuint count, ErrorCode* errors);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_start_request_tracking")]
    public static partial void StartRequestTracking(nint cluster);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_get_requests")]
    public static unsafe partial nint* GetRequests(nint cluster, out nuint count);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_request_api_key")]
    public static partial short ApiKeyOf(nint request);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_request_destroy_array")]
    public static unsafe partial void DestroyRequests(nint* requests, nuint count);

    [LibraryImport(NativeLibrdkafka.Name, EntryPoint = "rd_kafka_mock_group_initial_rebalance_delay_ms")]
    public static partial void GroupInitialRebalanceDelay(nint cluster, int milliseconds);
}
