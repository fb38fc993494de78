using System.Text;
using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Persistence.Sql;
using Microsoft.Data.Sqlite;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>A database of events and snapshots: SQLite in the folder of the node, where none is named.</summary>
/// <param name="Provider">linq2db's name of its provider.</param>
internal sealed record TestDatabase(string ConnectionString, string Provider);

/// <summary>A one-node cluster with a real journal, by default SQLite in a temporary folder, and one pipeline over a file.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public required ActorSystem System { get; init; }

    public required PipelineRuntime Pipeline { get; init; }

    public required JournalReader Journal { get; init; }

    public required LearnerDefinition Definition { get; init; }

    public required IActorRef Learners { get; init; }

    public required string Folder { get; init; }

    public string PredictionsPath => Path.Combine(Folder, "predictions.jsonl");

    public string JournalPath => Path.Combine(Folder, "journal.db");

    public static string NewFolder() => Directory.CreateTempSubdirectory("streammlops-spec-").FullName;

    public static Genesis GenesisOf(string settings) => Genesis.Create("spec", "main", 0, settings, 0, []);

    public static FoldDefinition Define(Genesis genesis)
    {
        var model = ((ConfigNode.Map)SettingsText.Read(genesis.Settings)).Fields["model"];
        var faults = new List<ConfigFault>();
        return new FoldDefinition(ModelSpec.Read(model, "model", faults)!, new Rows.Same(), PipelineSettings.ReadLabelHorizon(SettingsText.Read(genesis.Settings)));
    }

    public static async Task<TestNode> Start(string folder, string rows, LearnerOptions? options = null, string lineage = "main", ModelSpec? model = null, string extraConfig = "", ISource? source = null, IDecoder? decoder = null, LabelsApart? labels = null, long maxLead = long.MaxValue, EventArchive? archive = null, TestDatabase? database = null, AlertFeed? alerts = null)
    {
        var (connection, provider) = database ?? new TestDatabase($"Data Source={Path.Combine(folder, "journal.db")}", "SQLite.MS");
        if (database is null)
        {
            await using var sqlite = new SqliteConnection(connection);
            await sqlite.OpenAsync();
            await using var wal = sqlite.CreateCommand();
            wal.CommandText = "PRAGMA journal_mode=wal";
            await wal.ExecuteNonQueryAsync();
        }
        var config = ConfigurationFactory.ParseString(extraConfig).WithFallback(ConfigurationFactory.ParseString($$"""
            akka {
              loglevel = WARNING
              stdout-loglevel = OFF
              actor.provider = cluster
              remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 }
              cluster { gossip-interval = 200ms, leader-actions-interval = 200ms, periodic-tasks-initial-delay = 100ms, log-info = off }
              cluster.sharding { state-store-mode = ddata, distributed-data.durable.keys = [], retry-interval = 200ms }
              coordinated-shutdown.exit-clr = off
              actor {
                serializers.journal = "StreamMLOps.Actors.JournalSerializer, StreamMLOps.Actors"
                serialization-bindings {
                  "StreamMLOps.Actors.JournalEvent, StreamMLOps.Actors" = journal
                  "StreamMLOps.Actors.SnapshotEnvelope, StreamMLOps.Actors" = journal
                }
              }
              persistence {
                journal { plugin = "akka.persistence.journal.sql"
                  sql { connection-string = "{{connection}}", provider-name = "{{provider}}", replay-filter.mode = fail, replay-batch-size = 8 } }
                snapshot-store { plugin = "akka.persistence.snapshot-store.sql"
                  sql { connection-string = "{{connection}}", provider-name = "{{provider}}" } }
                query.journal.sql { connection-string = "{{connection}}", provider-name = "{{provider}}", max-buffer-size = 8 }
              }
            }
            stream-mlops.learner-dispatcher { type = ForkJoinDispatcher, throughput = 10, dedicated-thread-pool { thread-count = 2 } }
            """)).WithFallback(SqlPersistence.DefaultConfiguration);
        var system = ActorSystem.Create("spec", config);
        var cluster = Cluster.Get(system);
        await cluster.JoinAsync(cluster.SelfAddress);

        model ??= Rows.Model();
        var genesis = ConfigNode.Map.Empty.With("model", model.ToConfig());
        if (labels is not null) genesis = genesis.With("label-join", ConfigNode.Of(("horizon-ms", labels.Horizon.ToString(global::System.Globalization.CultureInfo.InvariantCulture))));
        var settings = SettingsText.Write(genesis);
        var deadLetters = new SharedSink(new FileSink(Path.Combine(folder, "dead-letters.jsonl")));
        var definition = new LearnerDefinition(
            "spec", lineage, 0, settings, Define,
            source ?? new FileSource(new FileSourceSettings(rows), new FileCommitStore(folder)),
            decoder ?? new SvmLightDecoder(), new Rows.Same(), options ?? new LearnerOptions(), new PipelineClocks(), TimeProvider.System, maxLead)
        {
            Archive = archive,
            Alerts = alerts,
            Labels = labels is null ? null : new LabelFeed(labels.Source, new LabelDecoder(), labels.OpenStore, labels.RowPatience, labels.LabelPatience, deadLetters, new DeadLetterWriter("spec").Encode),
        };
        var health = new SnapshotHealth();
        var learners = await LearnerSharding.Start(system, [definition], health);
        var reader = new JournalReader(system, archive: archive, sources: _ => (definition.Source, definition.Decoder));
        var parts = new PipelineParts(
            definition, new OutgoingEncoder(new PredictionWriter("spec", model.Kind.Task), new DeadLetterWriter("spec")),
            new FileSink(Path.Combine(folder, "predictions.jsonl")), deadLetters);
        return new TestNode
        {
            System = system,
            Folder = folder,
            Definition = definition,
            Journal = reader,
            Learners = learners,
            Pipeline = PipelineRuntime.Start(system, parts, learners, health, reader),
        };
    }

    /// <summary>Polls the status until it is as wished, or fails with the last one.</summary>
    public async Task<PipelineStatus> Until(Func<PipelineStatus, bool> wished, TimeSpan? within = null)
    {
        var deadline = DateTime.UtcNow + (within ?? TimeSpan.FromSeconds(60));
        PipelineStatus? status = null;
        while (DateTime.UtcNow < deadline)
        {
            status = await Pipeline.Status();
            if (wished(status)) return status;
            await Task.Delay(20);
        }
        throw new Xunit.Sdk.XunitException($"not reached in time; last: {status}");
    }

    public IReadOnlyList<Prediction> Predictions() =>
        [.. File.ReadLines(PredictionsPath).Select(line => PredictionReader.TryParse(Encoding.UTF8.GetBytes(line), out var p, out var why) ? p : throw new Xunit.Sdk.XunitException(why))];

    /// <summary>Labels in a log of their own.</summary>
    internal sealed record LabelsApart(ISource Source, Func<bool, IPendingStore> OpenStore, long Horizon, TimeSpan? RowPatience = null, TimeSpan? LabelPatience = null);

    public async ValueTask DisposeAsync()
    {
        await Pipeline.DisposeAsync();
        await System.Terminate();
    }
}
