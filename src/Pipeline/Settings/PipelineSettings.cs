using System.Collections.Immutable;
using System.Runtime.Serialization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A node's settings, all of them, validated. Defaults are in <c>hocon/reference.conf</c> and nowhere else; <see cref="NodeSettingsReader"/>
/// makes this from layers of HOCON.
/// </summary>
/// <param name="DataFolder">Where the node keeps all of its state.</param>
/// <param name="Journal">The journal.</param>
/// <param name="Cluster">The node's place in a cluster.</param>
/// <param name="Pipelines">The pipelines, by name, ordinally sorted.</param>
public sealed record NodeSettings(string DataFolder, JournalSettings Journal, ClusterSettings Cluster, ImmutableArray<PipelineSettings> Pipelines);

/// <summary>Where events and snapshots are kept.</summary>
/// <param name="Provider">The database.</param>
/// <param name="ConnectionString">Npgsql's connection string; empty for SQLite.</param>
/// <param name="LockTimeout">How long a write waits for a database that another process has locked before it counts as failed.</param>
public sealed record JournalSettings(JournalProvider Provider, string ConnectionString, TimeSpan LockTimeout)
{
    /// <summary>Whether new events have the rows that they learned, or name them by position.</summary>
    public JournalRows Rows { get; init; }

    /// <summary>Folder of the events that were moved from the journal to files; the data folder's where relative in settings.</summary>
    public string Archive { get; init; } = "";
}

/// <summary>Where the rows of new events are. A journal may have events of both forms.</summary>
public enum JournalRows
{
    /// <summary>In the event.</summary>
    Embedded,

    /// <summary>In the source, at the positions that the event names.</summary>
    Referenced,
}

/// <summary>A node's place in a cluster.</summary>
/// <param name="Host">Address that other nodes reach this one at.</param>
/// <param name="Port">Port; 0: a free one.</param>
/// <param name="SeedNodes">Addresses <c>host:port</c> of nodes to join; empty: the node forms a cluster of its own.</param>
/// <param name="Roles">Roles of the node.</param>
/// <param name="MinMembers">Nodes that must have joined before any is up.</param>
public sealed record ClusterSettings(string Host, int Port, ImmutableArray<string> SeedNodes, ImmutableArray<string> Roles, int MinMembers);

/// <summary>The databases a journal can be kept in.</summary>
public enum JournalProvider
{
    /// <summary>One SQLite file in the data folder, for a cluster of one node.</summary>
    Sqlite,

    /// <summary>A PostgreSQL database, shared by the nodes of a cluster.</summary>
    Postgresql,
}

/// <summary>One pipeline: what is read, how it is scored and learned, and where the answers go.</summary>
/// <param name="Name">The pipeline's name: lower-case letters, digits and hyphens.</param>
/// <param name="Lineage">Name of the lineage that learns and scores.</param>
/// <param name="Kafka">The brokers of topics read and written.</param>
/// <param name="Source">Where records come from, and their format.</param>
/// <param name="Featurize">The stateless map from decoded rows to the model's rows.</param>
/// <param name="Model">The model and its parameters.</param>
/// <param name="Labels">Where labels come from.</param>
/// <param name="Score">How scoring stands to learning.</param>
/// <param name="Learn">How rows are collected into events.</param>
/// <param name="Snapshots">When snapshots are taken and which are kept.</param>
/// <param name="Sink">Where predictions and dead letters go.</param>
/// <param name="Audit">What is kept so that predictions can be recomputed.</param>
/// <param name="Limits">Bounds of what is accepted.</param>
public sealed record PipelineSettings(
    string Name,
    string Lineage,
    KafkaSettings Kafka,
    SourceSettings Source,
    FeaturizeSettings Featurize,
    ModelSpec Model,
    LabelSource Labels,
    ScoreSettings Score,
    LearnSettings Learn,
    SnapshotSettings Snapshots,
    SinkSettings Sink,
    AuditSettings Audit,
    LimitSettings Limits)
{
    /// <summary>How predictions and offsets belong together.</summary>
    public Delivery Delivery { get; init; }

    /// <summary>Detectors over the learner's answers.</summary>
    public DriftSettings Drift { get; init; } = new([]);

    /// <summary>Where alerts go.</summary>
    public AlertSettings Alerts { get; init; } = new("", "");

    /// <summary>Labels that come apart from their rows; read where <see cref="Labels"/> says so.</summary>
    public required LabelJoinSettings LabelJoin { get; init; }

    /// <summary>
    /// Everything that defines the fold, defaults included: a lineage's genesis records it, and settings that differ from it
    /// later are refused. Paths, chunk and event sizes, waits, snapshots and limits are not in it: they may change freely.
    /// </summary>
    public ConfigNode.Map Genesis => Labels == LabelSource.Topic ? Common.With("label-join", LabelJoin.ToGenesis(RowId)) : Common;

    // A lineage without detectors has the genesis that it had before there were any.
    private ConfigNode.Map Common => Drift.Watches.IsEmpty ? WithoutDrift : WithoutDrift.With("drift", Drift.ToGenesis());

    private ConfigNode.Map WithoutDrift => ConfigNode.Map.Empty
        .With("model", Model.ToConfig())
        .With("featurize", Featurize.ToConfig())
        .With("format", Source.Format.ToConfig())
        .With("labels", Spelling.Of(Labels));

    /// <summary><see cref="Genesis"/> as one line, equal for equal folds.</summary>
    public string GenesisText => $"model={Model.ToCanonicalString()};featurize={Featurize.ToCanonicalString()};format={Source.Format.ToCanonicalString()};labels={Spelling.Of(Labels)}{(Labels == LabelSource.Topic ? $";label-join={LabelJoin.ToGenesis(RowId)}" : "")}{(Drift.Watches.IsEmpty ? "" : $";drift={Drift}")}";

    private string RowId => Source.Format.Kind switch
    {
        RecordFormat.Json => Source.Format.Json.Id,
        RecordFormat.Csv => Source.Format.Csv.Id,
        RecordFormat.Protobuf => "id",
        _ => "", // the position
    };

    /// <summary>How long rows and labels wait for each other in a lineage, in milliseconds; null where labels come with their rows.</summary>
    public static long? ReadLabelHorizon(ConfigNode genesis) =>
        genesis is ConfigNode.Map map && map.Fields.GetValueOrDefault("label-join") is ConfigNode.Map join && join.Fields.GetValueOrDefault("horizon-ms") is ConfigNode.Text text
            ? long.Parse(text.Value, System.Globalization.CultureInfo.InvariantCulture)
            : null;

    /// <summary>Model and featurization as a genesis records them, so that a journal can be folded without the settings of today.</summary>
    /// <exception cref="ArgumentException">This version of the program cannot make them; the message says why.</exception>
    public static (ModelSpec Model, FeaturizeSettings Featurize) ReadGenesis(ConfigNode genesis)
    {
        var faults = new List<ConfigFault>();
        var fields = (genesis as ConfigNode.Map ?? ConfigNode.Map.Empty).Fields;
        var model = ModelSpec.Read(fields.GetValueOrDefault("model", ConfigNode.Map.Empty), "model", faults);
        var featurize = FeaturizeSettings.Read(fields.GetValueOrDefault("featurize"), "featurize", faults);
        return faults.Count == 0 ? (model!, featurize) : throw new ArgumentException(string.Join("; ", faults), nameof(genesis));
    }
}

/// <summary>How often a record's prediction is in its topic.</summary>
public enum Delivery
{
    /// <summary>Once, and again after a crash: offsets are committed after predictions are written.</summary>
    [EnumMember(Value = "at-least-once")]
    AtLeastOnce,

    /// <summary>Once for readers of what is committed: predictions, dead letters and offsets are one transaction of the brokers.</summary>
    [EnumMember(Value = "exactly-once")]
    ExactlyOnce,
}

/// <summary>Where labels come from.</summary>
public enum LabelSource
{
    /// <summary>With the row.</summary>
    Inline,

    /// <summary>Apart from it, in a log of their own.</summary>
    Topic,

    /// <summary>From nowhere: those that records have are not read. For kinds that need none.</summary>
    None,
}

/// <summary>How rows are collected into journal events. One event is in flight; rows that arrive meanwhile make the next one.</summary>
/// <param name="MaxRows">Most rows an event.</param>
/// <param name="MaxBytes">Most bytes an event.</param>
/// <param name="MaxWait">How long a row may wait for its event to fill.</param>
/// <param name="Shards">Models that share the partitions.</param>
public sealed record LearnSettings(int MaxRows, int MaxBytes, TimeSpan MaxWait, int Shards);

/// <summary>How scoring stands to learning.</summary>
/// <param name="MaxLead">Most offsets that scoring may be ahead of the version that scores; <see cref="SnapshotSettings.Never"/>: scoring never waits.</param>
/// <param name="Remember">Most rows whose answers a node keeps in memory until their labels come, to measure what was served.</param>
public sealed record ScoreSettings(long MaxLead, long Remember);

/// <summary>When snapshots are taken and which are kept.</summary>
/// <param name="EveryEvents">Events from one snapshot to the next; <see cref="Never"/>: events do not count.</param>
/// <param name="EveryBytes">Bytes of events from one snapshot to the next; <see cref="Never"/>: bytes do not count.</param>
/// <param name="KeepRecent">Newest snapshots that are kept; older ones are kept at exponentially growing distances.</param>
public sealed record SnapshotSettings(long EveryEvents, long EveryBytes, int KeepRecent)
{
    /// <summary>A count that is never reached.</summary>
    public const long Never = long.MaxValue;
}

/// <summary>The brokers of the topics that a pipeline reads and writes.</summary>
/// <param name="BootstrapServers">Addresses of some brokers: <c>a:9092,b:9092</c>.</param>
/// <param name="Connector">The client; <see cref="KafkaConnectorKind"/>.</param>
/// <param name="Idempotent">Whether producers are idempotent; brokers have it from 0.11 on.</param>
/// <param name="KafkaClients">Any property of librdkafka.</param>
public sealed record KafkaSettings(string BootstrapServers, KafkaConnectorKind Connector, bool Idempotent, ImmutableSortedDictionary<string, string> KafkaClients);

/// <summary>The kinds of sink.</summary>
public enum SinkKind
{
    /// <summary>Files of one JSON object a line.</summary>
    File,

    /// <summary>Topics of one JSON object a message.</summary>
    Kafka,
}

/// <summary>Where predictions and dead letters go.</summary>
/// <param name="Kind">Which kind of sink.</param>
/// <param name="Predictions">File (the data folder's where relative in settings) or topic of predictions.</param>
/// <param name="DeadLetters">File or topic of dead letters, likewise.</param>
public sealed record SinkSettings(SinkKind Kind, string Predictions, string DeadLetters);

/// <summary>Where alerts go: one of the two, or nowhere.</summary>
/// <param name="Path">File (the data folder's where relative in settings); empty: none.</param>
/// <param name="Topic">Topic; empty: none.</param>
public sealed record AlertSettings(string Path, string Topic)
{
    internal static AlertSettings Read(SettingsReader reader, string dataFolder)
    {
        var (path, topic) = (reader.Text("path"), reader.Text("topic"));
        if (path.Length > 0 && topic.Length > 0) reader.Fault("topic", "alerts go to a file or to a topic: set path or topic, not both");
        reader.RefuseUnread();
        return new AlertSettings(path.Length == 0 ? "" : System.IO.Path.Combine(dataFolder, path), topic);
    }

    internal ConfigNode.Map ToConfig(string dataFolder) => ConfigNode.Of(("path", Path.Length == 0 ? "" : System.IO.Path.GetRelativePath(dataFolder, Path)), ("topic", Topic));
}

/// <summary>What is kept so that predictions can be recomputed.</summary>
/// <param name="Keep">Which rows.</param>
public sealed record AuditSettings(AuditKeep Keep);

/// <summary>Which rows' content is kept for audits.</summary>
public enum AuditKeep
{
    /// <summary>Learned rows, in the journal; of others the source must still have the record.</summary>
    Learned,
}

/// <summary>Bounds of what is accepted.</summary>
/// <param name="RecordBytes">Most bytes a record; a longer one becomes a dead letter.</param>
/// <param name="DeadLetterBytes">Most bytes of the original record that a dead letter carries.</param>
/// <param name="DeadLetterShare">Share of dead letters above which an alarm is raised.</param>
/// <param name="DeadLetterWindow">Over how many records the share is taken.</param>
public sealed record LimitSettings(int RecordBytes, int DeadLetterBytes, double DeadLetterShare, long DeadLetterWindow);
