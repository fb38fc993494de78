using System.Collections.Immutable;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>How a topic is read.</summary>
/// <param name="BootstrapServers">Addresses of some brokers: <c>a:9092,b:9092</c>.</param>
/// <param name="Topic">The topic.</param>
public sealed record ConsumerSettings(string BootstrapServers, string Topic)
{
    /// <summary>What this program must decide itself, because its promises rest on it.</summary>
    private static readonly ImmutableSortedDictionary<string, string> Fixed = ImmutableSortedDictionary<string, string>.Empty
        .Add("enable.auto.commit", "false")
        .Add("enable.auto.offset.store", "false")
        .Add("enable.partition.eof", "true");

    /// <summary>Any property of librdkafka, as its documentation names them.</summary>
    public ImmutableSortedDictionary<string, string> KafkaClients { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Sizes of chunks and records.</summary>
    public ChunkLimits Limits { get; init; } = new();

    /// <summary>How long the first record of a chunk may wait for more while the topic has none to give.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Complete chunks that wait for the stream at most.</summary>
    public int BufferedChunks { get; init; } = 8;

    /// <summary>How long the stream may take no chunk until the partitions are paused. Pausing throws away what was fetched ahead, so short stalls are waited out.</summary>
    public TimeSpan PauseAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a single question to a broker may take before it counts as away.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a topic must be missing until that is believed: a broker that has just started does not know its topics yet.</summary>
    public TimeSpan MissingAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How a group commits.</summary>
    public CommitterSettings Committer { get; init; } = new();

    /// <summary>Takes librdkafka's log lines, on any thread; null: they are dropped.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Whether a group starts at the end of a partition that it never committed.</summary>
    /// <exception cref="SourceException">The value is none that is known.</exception>
    internal bool StartsAtEnd => KafkaClients.GetValueOrDefault("auto.offset.reset", "earliest") switch
    {
        "earliest" or "beginning" or "smallest" => false,
        "latest" or "end" or "largest" => true,
        var other => throw new SourceException($"kafka-clients: auto.offset.reset = {other} is neither earliest nor latest. It says where a group starts that has no commit; a commit that is out of range is always refused."),
    };

    /// <summary>Whether the broker is so old (below 0.10) that it must not be asked what it can do.</summary>
    internal bool BrokerIsOld => KafkaClients.GetValueOrDefault("api.version.request") == "false";

    /// <exception cref="SourceException">A property is set that is not the user's to set.</exception>
    internal ConsumerConfig ToConfig(string group)
    {
        var faults = KafkaClients.Keys.Where(k => Fixed.ContainsKey(k) || k is "bootstrap.servers" or "group.id").ToArray();
        if (faults.Length > 0)
            throw new SourceException($"kafka-clients: {string.Join(", ", faults)} cannot be set here: commits, positions and the group are this program's own. Take it out.");
        var properties = new Dictionary<string, string>
        {
            // A rebalance then stops only the partitions that move.
            ["partition.assignment.strategy"] = "cooperative-sticky",
            // What librdkafka fetches ahead; its own default is 64 MiB a consumer.
            ["queued.max.messages.kbytes"] = "16384",
            // So few are gone within the second that librdkafka waits by default once they are there.
            ["fetch.queue.backoff.ms"] = "5",
            // The end of a request must not wait for the acknowledgement of its beginning (Nagle's algorithm).
            ["socket.nagle.disable"] = "true",
            // A broker that is back is noticed within a second.
            ["reconnect.backoff.max.ms"] = "1000",
            // How soon another member has the partitions of a dead one. librdkafka's own 45 s suit members that do slow work while they poll; here a thread does nothing else.
            ["session.timeout.ms"] = "10000",
            // How soon a member hears that its group rebalances; all wait for the last to hear.
            ["heartbeat.interval.ms"] = "300",
        };
        if (KafkaClients.GetValueOrDefault("group.protocol") == "consumer")
            foreach (var brokers in (string[])["partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms"]) properties.Remove(brokers);
        foreach (var (key, value) in KafkaClients) properties[key] = value;
        foreach (var (key, value) in Fixed) properties[key] = value;
        properties["auto.offset.reset"] = "error";
        properties["bootstrap.servers"] = BootstrapServers;
        properties["group.id"] = group;
        return new ConsumerConfig(properties);
    }
}

/// <summary>How a group commits. When it does is the graph's matter: as often as a commit completes.</summary>
/// <param name="DrainTimeout">How long a partition that goes to another member may wait for its chunks in the stream to be committed; what is not is scored again there. Must be below the group's rebalance timeout.</param>
public sealed record CommitterSettings(TimeSpan DrainTimeout)
{
    public CommitterSettings() : this(TimeSpan.FromSeconds(4))
    {
    }
}
