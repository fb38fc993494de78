using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// librdkafka's mock cluster: brokers inside this process, on free ports of 127.0.0.1, that any Kafka client can connect to. Volatile:
/// it keeps at most 5 MiB or 100,000 message sets a partition and drops the oldest in silence, so producers must be held back by
/// what was consumed. It has no transactions, no compaction and no retention settings. Safe for use by many threads.
/// </summary>
public sealed class MockCluster : IDisposable
{
    /// <summary>Bytes a partition keeps at most.</summary>
    public const int PartitionBytes = 5 * 1024 * 1024;

    private const int Producer = 0;
    private readonly int _brokers;
    private nint _client;
    private nint _cluster;

    /// <summary>Starts the brokers.</summary>
    /// <exception cref="InvalidOperationException">librdkafka could not.</exception>
    public unsafe MockCluster(int brokers = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(brokers, 1);
        _brokers = brokers;
        var configuration = LibrdkafkaMock.ConfNew();
        LibrdkafkaMock.ConfSetLog(configuration, 0); // the owning client connects nowhere, which it would warn of
        Span<byte> error = stackalloc byte[512];
        fixed (byte* text = error)
        {
            _client = LibrdkafkaMock.New(Producer, configuration, text, (nuint)error.Length);
            if (_client == 0) throw new InvalidOperationException($"the mock cluster's client cannot be made: {Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text))}");
        }
        _cluster = LibrdkafkaMock.ClusterNew(_client, brokers);
        if (_cluster == 0)
        {
            LibrdkafkaMock.Destroy(_client);
            throw new InvalidOperationException("the mock cluster cannot be started: are ports of 127.0.0.1 free?");
        }
        BootstrapServers = Marshal.PtrToStringUTF8(LibrdkafkaMock.ClusterBootstraps(_cluster))!;
    }

    /// <summary>Addresses for <c>bootstrap.servers</c>.</summary>
    public string BootstrapServers { get; }

    /// <summary>How long a new group waits for further members before its first assignment.</summary>
    public TimeSpan InitialRebalanceDelay
    {
        set => LibrdkafkaMock.GroupInitialRebalanceDelay(Cluster, (int)value.TotalMilliseconds);
    }

    private nint Cluster => _cluster != 0 ? _cluster : throw new ObjectDisposedException(nameof(MockCluster));

    /// <summary>Makes a topic. Without it the first use of a name makes a topic of 4 partitions.</summary>
    public void CreateTopic(string topic, int partitions) => Check(LibrdkafkaMock.TopicCreate(Cluster, topic, partitions, 1), $"topic {topic} cannot be made");

    /// <summary>Cuts all brokers off: connections are closed and new ones refused. What they hold stays.</summary>
    public void Down() => Each(LibrdkafkaMock.BrokerSetDown, "down");

    /// <summary>Brings all brokers back.</summary>
    public void Up() => Each(LibrdkafkaMock.BrokerSetUp, "up");

    /// <summary>Keeps the kind of each request from now on, for <see cref="Requests"/>.</summary>
    public void TrackRequests() => LibrdkafkaMock.StartRequestTracking(Cluster);

    /// <summary>API keys of Kafka's protocol of the requests so far, in the order of their arrival.</summary>
    public unsafe IReadOnlyList<short> Requests()
    {
        var requests = LibrdkafkaMock.GetRequests(Cluster, out var count);
        if (requests == null) return [];
        var keys = new short[count];
        for (var i = 0; i < keys.Length; i++) keys[i] = LibrdkafkaMock.ApiKeyOf(requests[i]);
        LibrdkafkaMock.DestroyRequests(requests, count);
        return keys;
    }

    /// <summary>Answers the next request of this API key with an error.</summary>
    public unsafe void Refuse(short apiKey, ErrorCode error) => LibrdkafkaMock.PushRequestErrors(Cluster, apiKey, 1, &error);

    public void Dispose()
    {
        if (_cluster == 0) return;
        LibrdkafkaMock.ClusterDestroy(_cluster);
        LibrdkafkaMock.Destroy(_client);
        (_cluster, _client) = (0, 0);
    }

    private void Each(Func<nint, int, ErrorCode> change, string to)
    {
        for (var broker = 1; broker <= _brokers; broker++) Check(change(Cluster, broker), string.Create(CultureInfo.InvariantCulture, $"broker {broker} cannot be brought {to}"));
    }

    private static void Check(ErrorCode code, string what)
    {
        if (code != ErrorCode.NoError) throw new InvalidOperationException($"{what}: {Librdkafka.TextOf(code)}");
    }
}
