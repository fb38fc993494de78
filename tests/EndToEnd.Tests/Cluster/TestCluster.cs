using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using Akka.Configuration;
using Npgsql;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline.Tests;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>What a spec's cluster is like.</summary>
/// <param name="Nodes">How many nodes.</param>
/// <param name="OnePartition">One partition of rows in place of four.</param>
/// <param name="RowsPerSecond">Rate of the producer.</param>
/// <param name="Seeds">The seed nodes of a node, by its number and all addresses; null: all of them.</param>
/// <param name="Sqlite">A journal in each node's data folder in place of the shared PostgreSQL.</param>
/// <param name="DatabasePort">Port by which the nodes reach PostgreSQL, that of a proxy.</param>
/// <param name="Network">Hosts for the nodes; null: all on the loopback interface.</param>
/// <param name="LabelsApart">Rows as JSON and labels in a topic of their own, joined within an hour of event time; the spec writes both.</param>
/// <param name="Alerts">Alerts in a topic of their own, with detectors of changes in errors and scores.</param>
internal sealed record TestClusterOptions(
    int Nodes = 3,
    bool OnePartition = false,
    double RowsPerSecond = 400,
    Func<int, string[], string[]>? Seeds = null,
    bool Sqlite = false,
    int? DatabasePort = null,
    NodeNetwork? Network = null,
    bool LabelsApart = false,
    bool Alerts = false);

/// <summary>Nodes of the program as processes, with a database and topics of their own, a producer of rows and a reader of the predictions.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static int _clusters;
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-cluster-").FullName;
    private readonly string _database;
    private readonly ITestOutputHelper _output;

    public TestCluster(ClusterServers servers, ITestOutputHelper output, TestClusterOptions? options = null)
    {
        (Servers, _output, Options) = (servers, output, options ?? new TestClusterOptions());
        Pipeline = $"urls{Interlocked.Increment(ref _clusters)}";
        _database = servers.Postgres.CreateDatabase();
        var broker = servers.Broker;
        Topic = Options.OnePartition ? broker.CreateTopicWith("cleanup.policy=delete") : broker.CreateTopic();
        if (Options.LabelsApart) Labels = broker.CreateTopic();
        if (Options.Alerts) Alerts = broker.CreateTopic();
        var (predictions, deadLetters) = (broker.CreateTopic(), broker.CreateTopic());
        Partitions = PlainConsumer.Partitions(servers.Broker, Topic).Length;
        // Below the ports that the system gives to outgoing connections: a node that is down must not find its port taken.
        var ports = Enumerable.Range(0, Options.Nodes).Select(_ => FreePort.Next()).ToArray();
        var network = Options.Network;
        var addresses = ports.Select((p, i) => string.Create(CultureInfo.InvariantCulture, $"{network?.AddressOf(i) ?? "127.0.0.1"}:{p}")).ToArray();
        Nodes = [.. addresses.Select((address, i) => new TestNode($"node {i + 1}", Path.Combine(_folder, $"node-{i + 1}"), address, network?.Prefix(i) ?? [], n => Settings(n, Options.Seeds?.Invoke(i, addresses) ?? addresses, predictions, deadLetters)))];
        Predictions = new PredictionTopic(servers.Broker, predictions);
    }

    public ClusterServers Servers { get; }

    public TestClusterOptions Options { get; }

    /// <summary>Name of the pipeline, and so of the consumer group.</summary>
    public string Pipeline { get; }

    public string Learner => $"learner/{Pipeline}/main/0";

    /// <summary>Topic of the rows.</summary>
    public string Topic { get; }

    /// <summary>Topic of the labels, where they come apart; else empty.</summary>
    public string Labels { get; } = "";

    /// <summary>Topic of the alerts, where there are any; else empty.</summary>
    public string Alerts { get; } = "";

    public int Partitions { get; }

    public TestNode[] Nodes { get; }

    public PredictionTopic Predictions { get; }

    /// <summary>The producer, once <see cref="Produce"/> was called.</summary>
    public PacedProducer Rows { get; private set; } = null!;

    public string DataBase => Servers.Postgres.ConnectionStringOf(_database);

    public IEnumerable<TestNode> Running => Nodes.Where(n => n.Runs);

    /// <summary>The node that runs the learner, as the nodes say.</summary>
    public TestNode LearnerNode => Nodes.Single(n => n.Runs && n.Address == Running.Select(r => r.Status?.LearnerNode).FirstOrDefault(a => !string.IsNullOrEmpty(a)));

    /// <summary>Starts all nodes and the producer, and waits until every partition is scored and learned.</summary>
    public async Task StartAll()
    {
        await StartNodes();
        Produce();
        await AllUp();
        await LearningGoesOn(TimeSpan.FromSeconds(60));
    }

    /// <summary>Starts all nodes and waits until they are a cluster.</summary>
    public Task StartNodes()
    {
        foreach (var node in Nodes) node.Start();
        return Until("all nodes are up", TimeSpan.FromSeconds(120), () => Nodes.All(n => n.Status is { State: "up" } s && s.Members == Nodes.Length));
    }

    /// <summary>Waits until all running nodes see each other and every partition has one that scores it; a node shows a partition once it has committed there.</summary>
    public Task AllUp() => Until("all nodes are up and share the partitions", TimeSpan.FromSeconds(120), () =>
    {
        var running = Running.Select(n => n.Status).ToArray();
        return running.All(s => s is { State: "up", Score: "running", Learner: "running" } && s.Members == running.Length)
            && running.Sum(s => s!.Committed.Count) == Partitions
            && (running.Length > Partitions || running.All(s => s!.Committed.Count > 0));
    });

    public void Produce() => Rows = new PacedProducer(Servers.Broker, Topic, Partitions, Options.RowsPerSecond);

    /// <summary>Waits for something that the nodes, the database or the topics show.</summary>
    /// <returns>How long it took.</returns>
    public Task<TimeSpan> Until(string what, TimeSpan within, Func<bool> holds) => Until(what, within, () => Task.FromResult(holds()));

    /// <summary>Waits for something that the nodes, the database or the topics show.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> Until(string what, TimeSpan within, Func<Task<bool>> holds)
    {
        var clock = Stopwatch.StartNew();
        while (!await holds())
        {
            if (clock.Elapsed > within)
                throw new Xunit.Sdk.XunitException($"within {within.TotalSeconds:0} s it did not come that {what}. {string.Join("\n\n", Nodes.Select(n => $"{n.Name} ({(n.Runs ? "runs" : "does not run")})\n{n.Told()}"))}");
            await Task.Delay(25);
        }
        return clock.Elapsed;
    }

    /// <summary>Number of the newest event in the journal, asked of the database itself.</summary>
    public async Task<long> NewestEvent()
    {
        await using var connection = new NpgsqlConnection(DataBase + ";Pooling=false");
        await connection.OpenAsync();
        await using var ask = new NpgsqlCommand("select coalesce(max(sequence_number), 0) from journal where persistence_id = $1", connection) { Parameters = { new() { Value = Learner } } };
        return (long)(await ask.ExecuteScalarAsync())!;
    }

    /// <summary>A system that reads the journal and is no part of the cluster; whoever asks for it ends it.</summary>
    public ActorSystem Reader() => ActorSystem.Create("spec", ConfigurationFactory.ParseString("""
        akka.actor.provider = local
        akka.persistence.journal.sql.provider-name = "PostgreSQL.15"
        akka.persistence.query.journal.sql.provider-name = "PostgreSQL.15"
        akka.persistence.snapshot-store.sql.provider-name = "PostgreSQL.15"
        """).WithFallback(AkkaConfiguration.For(ConfigNode.Map.Empty, DataBase, "", verbose: false)));

    /// <summary>Waits until an event is written that is not there now: learning goes on.</summary>
    public async Task<TimeSpan> LearningGoesOn(TimeSpan within)
    {
        var before = await NewestEvent();
        return await Until("learning goes on", within, async () => await NewestEvent() > before);
    }

    /// <summary>Waits until rows of each of these partitions that are produced from now on have predictions.</summary>
    public Task<TimeSpan> ScoringGoesOn(IReadOnlyCollection<int> partitions, TimeSpan within)
    {
        var (now, looked) = (Stopwatch.GetTimestamp(), Predictions.Count);
        var scored = new HashSet<int>();
        return Until($"partitions {string.Join(", ", partitions)} are scored", within, () =>
        {
            var arrived = Predictions.From(looked);
            looked += arrived.Count;
            scored.UnionWith(arrived.Where(s => Rows.SentAt(s.Prediction.Partition, s.Prediction.Offset) > now).Select(s => s.Prediction.Partition));
            return scored.IsSupersetOf(partitions);
        });
    }

    public void Say(string line) => _output.WriteLine(line);

    public async ValueTask DisposeAsync()
    {
        Rows?.Dispose();
        foreach (var node in Nodes) await node.DisposeAsync();
        Predictions.Dispose();
        // STREAMMLOPS_KEEP=1 keeps settings, logs and reports to look at.
        if (Environment.GetEnvironmentVariable("STREAMMLOPS_KEEP") is null) Directory.Delete(_folder, recursive: true);
        else foreach (var node in Nodes) node.Keep();
    }

    private string Settings(TestNode node, string[] seeds, string predictions, string deadLetters)
    {
        var clients = string.Join(", ", Servers.Broker.GroupClients.SetItem("topic.metadata.refresh.interval.ms", "2000").Select(p => $"\"{p.Key}\" = \"{p.Value}\""));
        var journal = Options.Sqlite ? "provider = sqlite" : $"provider = postgresql, connection-string = \"{Servers.Postgres.ConnectionStringOf(_database, Options.DatabasePort)}\"";
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {{(Environment.GetEnvironmentVariable("STREAMMLOPS_KEEP") is not null ? "akka { loglevel = INFO, cluster.log-info = on }" : Options.LabelsApart ? "akka.loglevel = INFO" : "")}}
            stream-mlops {
              journal { {{journal}} }
              cluster { host = {{node.Address.Split(':')[0]}}, port = {{node.Address.Split(':')[1]}}, seed-nodes = [{{string.Join(", ", seeds.Select(s => $"\"{s}\""))}}] }
              pipelines.{{Pipeline}} {
                kafka { bootstrap-servers = "{{Servers.Broker.BootstrapServers}}", idempotent = {{(Servers.Broker.Idempotent ? "on" : "off")}}, kafka-clients { {{clients}} } }
                source { kind = kafka, topic = "{{Topic}}", format = {{(Options.LabelsApart ? "json" : "svmlight")}} }
                {{(Options.LabelsApart ? $"labels = topic, label-source {{ kind = kafka, topic = \"{Labels}\", horizon = 1h, patience = 200ms }}" : "learn { max-rows = 200, max-wait = 5ms }")}}
                {{(Options.Alerts ? $"alerts.topic = \"{Alerts}\", drift {{ errors = adwin, scores {{ page-hinkley {{ threshold = 20 }} }} }}" : "")}}
                snapshots { every-events = 200 }
                sink { kind = kafka, predictions = "{{predictions}}", dead-letters = "{{deadLetters}}" }
              }
            }
            """);
    }
}
