using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>What reading settings gave: settings, or all of the faults.</summary>
/// <param name="Settings">The settings; null where there are faults.</param>
/// <param name="Faults">Every fault with its path, and the file and line where it was written.</param>
/// <param name="Akka">What the files say in <c>akka { }</c>, for Akka itself.</param>
public sealed record SettingsResult(NodeSettings? Settings, ImmutableArray<ConfigFault> Faults, ConfigNode.Map Akka);

/// <summary>
/// Makes <see cref="NodeSettings"/> from layers: <c>hocon/reference.conf</c> lowest, then each document given. A pipeline falls back to
/// <c>pipeline-defaults</c>, key by key, with one exception: a <c>model</c> block of another algorithm replaces the whole block
/// (parameters of one algorithm mean nothing to another), and a parameter that is a block (an optimizer) is replaced as a whole.
/// </summary>
public static class NodeSettingsReader
{
    private const string Root = "stream-mlops";

    /// <summary>The reference configuration: every key, its default and its documentation.</summary>
    public static HoconDocument Reference { get; } = HoconDocument.Parse(ReferenceText(), "reference.conf");

    /// <summary>The text of the reference configuration.</summary>
    public static string ReferenceText()
    {
        using var stream = typeof(NodeSettingsReader).Assembly.GetManifestResourceStream("reference.conf")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Reads the layers, later ones over earlier ones, over the reference.</summary>
    public static SettingsResult Read(params IReadOnlyList<HoconDocument> layers) => Read(Reference, layers);

    /// <summary>Reads settings that must be right, as tests and code write them.</summary>
    /// <exception cref="ArgumentException">There are faults; the message lists them all.</exception>
    public static NodeSettings Parse(string hocon)
    {
        var result = Read(HoconDocument.Parse(hocon, "settings"));
        return result.Settings ?? throw new ArgumentException(string.Join("; ", result.Faults), nameof(hocon));
    }

    internal static SettingsResult Read(HoconDocument reference, IReadOnlyList<HoconDocument> layers)
    {
        var faults = new List<ConfigFault>();
        var user = layers.Aggregate(ConfigNode.Map.Empty, (lower, layer) => lower.Overlay(layer.Root));
        foreach (var key in user.Fields.Keys)
            if (key is not (Root or "akka")) faults.Add(new(key, $"unknown key; settings are in {Root} {{ }} and akka {{ }}"));

        var given = Map(user, Root, Root, faults);
        var lowest = (ConfigNode.Map)reference.Root.Fields[Root];
        var pipelines = Map(given, "pipelines", $"{Root}.pipelines", faults);
        var defaults = ReadDefaults(Map(lowest, "pipeline-defaults", "", faults), Map(given, "pipeline-defaults", $"{Root}.pipeline-defaults", faults), faults);

        var reader = new SettingsReader(lowest.Overlay(given), Root, faults);
        var dataFolder = reader.Text("data-folder");
        if (dataFolder.Length == 0) reader.Fault("data-folder", "must name a folder");
        var journal = ReadJournal(reader.Block("journal"), dataFolder);
        var cluster = ReadCluster(reader.Block("cluster"));
        reader.Node("pipeline-defaults");
        reader.Node("pipelines");
        reader.RefuseUnread();

        var all = new List<PipelineSettings>();
        foreach (var (name, node) in pipelines.Fields)
        {
            var path = $"{Root}.pipelines.{name}";
            if (!IsName(name)) faults.Add(new(path, "a pipeline's name is made of lower-case letters, digits and hyphens"));
            if (node is not ConfigNode.Map block) faults.Add(new(path, $"must be a block {{ }}, not {SettingsReader.Show(node)}"));
            else if (ReadPipeline(name, dataFolder, OverlayPipeline(defaults, block), path, faults, isPipeline: true) is { } pipeline) all.Add(pipeline);
        }
        RefuseSharedFiles(all, faults);
        if (journal.Rows == JournalRows.Referenced && all.FirstOrDefault(p => p.Labels == LabelSource.Topic) is { } apart)
            faults.Add(new($"{Root}.journal.rows", $"referenced is for labels that come with their rows, and pipeline {apart.Name} has labels = topic: its rows are learned in another order than they are read, from the pending store"));

        var settings = faults.Count == 0 ? new NodeSettings(dataFolder, journal, cluster, [.. all]) : null;
        return new SettingsResult(settings, [.. faults.Select(f => WithOrigin(f, layers))], Map(user, "akka", "akka", []));
    }

    // Faults of the defaults are told once, where they are written, and not again for each pipeline.
    private static ConfigNode.Map ReadDefaults(ConfigNode.Map reference, ConfigNode.Map given, List<ConfigFault> faults)
    {
        var before = faults.Count;
        var defaults = OverlayPipeline(reference, given);
        ReadPipeline("defaults", "", defaults, $"{Root}.pipeline-defaults", faults, isPipeline: false);
        return faults.Count == before ? defaults : reference;
    }

    private static JournalSettings ReadJournal(SettingsReader reader, string dataFolder)
    {
        var settings = new JournalSettings(
            reader.OneOf<JournalProvider>("provider"),
            reader.Text("connection-string"),
            reader.Duration("lock-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)))
        {
            Rows = reader.OneOf<JournalRows>("rows"),
            Archive = Path.Combine(dataFolder, reader.Text("archive")),
        };
        if (settings is { Provider: JournalProvider.Postgresql, ConnectionString.Length: 0 }) reader.Fault("connection-string", "names no database; set it, for instance Host=db;Username=streammlops;Database=streammlops");
        reader.RefuseUnread();
        return settings;
    }

    private static ClusterSettings ReadCluster(SettingsReader reader)
    {
        var settings = new ClusterSettings(
            reader.Text("host"),
            (int)reader.Integer("port", 0, 65_535),
            reader.Texts("seed-nodes"),
            reader.Texts("roles"),
            (int)reader.Integer("min-members", 1, 1000));
        if (settings.Host.Length == 0) reader.Fault("host", "must name an address that other nodes reach this one at");
        foreach (var seed in settings.SeedNodes)
        {
            var colon = seed.LastIndexOf(':');
            if (colon <= 0 || !int.TryParse(seed.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
                reader.Fault("seed-nodes", $"'{seed}' is no address; write host:port");
        }
        reader.RefuseUnread();
        return settings;
    }

    private static PipelineSettings? ReadPipeline(string name, string dataFolder, ConfigNode.Map block, string path, List<ConfigFault> faults, bool isPipeline)
    {
        var reader = new SettingsReader(block, path, faults);
        var lineage = reader.Name("lineage", "a name of lower-case letters, digits and hyphens", IsNameCharacter);
        var kafka = ReadKafka(reader.Block("kafka"));
        var source = ReadSource(reader.Block("source"), isPipeline);
        var featurize = FeaturizeSettings.Read(reader.Node("featurize"), reader.PathOf("featurize"), faults);
        var model = reader.Node("model") is { } node ? ModelSpec.Read(node, reader.PathOf("model"), faults) : null;
        var labels = reader.OneOf<LabelSource>("labels");
        // The defaults' own model goes with any labels that a pipeline chooses.
        if (isPipeline && labels == LabelSource.None && model is { Kind.Supervision: not Supervision.Unsupervised })
            reader.Fault("labels", $"none leaves '{model.Kind.Name}' nothing to learn from; set inline or topic, or choose a kind that needs no labels: {string.Join(", ", ModelRegistry.Kinds.Where(k => k.Supervision == Supervision.Unsupervised).Select(k => k.Name).Distinct())}");
        var labelJoin = LabelJoinSettings.Read(reader.Block("label-source"), isPipeline && labels == LabelSource.Topic);
        var score = ReadScore(reader.Block("score"));
        var learn = ReadLearn(reader.Block("learn"));
        var snapshots = ReadSnapshots(reader.Block("snapshots"));
        var sink = ReadSink(reader.Block("sink"), dataFolder);
        var audit = ReadAudit(reader.Block("audit"));
        var drift = DriftSettings.Read(reader.Block("drift"), isPipeline ? model?.Kind.Task : null, faults);
        var alerts = AlertSettings.Read(reader.Block("alerts"), dataFolder);
        var limits = ReadLimits(reader.Block("limits"));
        if (isPipeline && kafka.BootstrapServers.Length == 0 && (source.Kind == SourceKind.Kafka || sink.Kind == SinkKind.Kafka || alerts.Topic.Length > 0 || (labels == LabelSource.Topic && labelJoin.Kind == SourceKind.Kafka))) reader.Fault("kafka.bootstrap-servers", "names no broker; set it, for instance localhost:9092");
        var delivery = reader.OneOf<Delivery>("delivery");
        if (isPipeline && delivery == Delivery.ExactlyOnce) RefuseWithoutTransactions(reader, kafka, source, sink);
        reader.RefuseUnread();
        return model is null ? null : new PipelineSettings(name, lineage, kafka, source, featurize, model, labels, score, learn, snapshots, sink, audit, limits) { LabelJoin = labelJoin, Delivery = delivery, Drift = drift, Alerts = alerts };
    }

    private static void RefuseWithoutTransactions(SettingsReader reader, KafkaSettings kafka, SourceSettings source, SinkSettings sink)
    {
        if (source.Kind != SourceKind.Kafka || sink.Kind != SinkKind.Kafka) reader.Fault("delivery", "exactly-once is a transaction of Kafka's brokers: it needs source.kind = kafka and sink.kind = kafka. Files are written at least once");
        if (kafka.Connector != KafkaConnectorKind.Confluent) reader.Fault("kafka.connector", "must be confluent for delivery = exactly-once: the other one has no transactions");
        if (!kafka.Idempotent) reader.Fault("kafka.idempotent", "must be on for delivery = exactly-once: brokers that have transactions have idempotent producers");
        if (kafka.KafkaClients.GetValueOrDefault("isolation.level", "read_committed") != "read_committed") reader.Fault("kafka.kafka-clients", "isolation.level must be read_committed for delivery = exactly-once, which is the default: take it out");
        if (kafka.KafkaClients.ContainsKey("transactional.id")) reader.Fault("kafka.kafka-clients", "transactional.id is this program's own: one for each pipeline and node. Take it out");
    }

    private static KafkaSettings ReadKafka(SettingsReader reader)
    {
        var settings = new KafkaSettings(reader.Text("bootstrap-servers"), reader.OneOf<KafkaConnectorKind>("connector"), reader.Flag("idempotent"), reader.Properties("kafka-clients"));
        if (!KafkaConnector.IsBuilt(settings.Connector))
            reader.Fault("connector", $"{Spelling.Of(settings.Connector)} is not in this build; build with -p:AkkaStreamsKafka=true (docs/connectors.md), or take {Spelling.Of(KafkaConnectorKind.Confluent)}");
        reader.RefuseUnread();
        return settings;
    }

    private static SourceSettings ReadSource(SettingsReader reader, bool isPipeline)
    {
        var kind = reader.OneOf<SourceKind>("kind");
        var path = reader.Text("path");
        var topic = reader.Text("topic");
        if (isPipeline && kind == SourceKind.Kafka && topic.Length == 0) reader.Fault("topic", "names no topic");
        if (isPipeline && kind == SourceKind.File && path.Length == 0) reader.Fault("path", "names no file; set it, or kind = generator");
        var settings = new SourceSettings(
            kind,
            path,
            topic,
            reader.Flag("follow"),
            (int)reader.Integer("chunk-rows", 1, 65_536),
            FormatSettingsReader.Read(reader),
            ReadGenerator(reader.Block("generator")));
        reader.RefuseUnread();
        return settings;
    }

    private static GeneratorSettings ReadGenerator(SettingsReader reader)
    {
        var settings = new GeneratorSettings(
            reader.Integer("rows", 0, long.MaxValue),
            reader.Seed("seed"),
            (int)reader.Integer("rows-per-day", 1, int.MaxValue),
            reader.Number("noise", 0, 0.5),
            reader.Number("positives", 0.1, 0.9));
        reader.RefuseUnread();
        return settings;
    }

    private static LearnSettings ReadLearn(SettingsReader reader)
    {
        var settings = new LearnSettings(
            (int)reader.Integer("max-rows", 1, 65_536),
            // An event must fit Akka's frame and stay far from the database's limits.
            (int)reader.Bytes("max-bytes", 1 << 10, 3 << 20),
            reader.Duration("max-wait", TimeSpan.Zero, TimeSpan.FromMinutes(1)),
            (int)reader.Integer("shards", 1, 1024));
        if (settings.Shards > 1) reader.Fault("shards", "only 1 is supported yet");
        reader.RefuseUnread();
        return settings;
    }

    private static ScoreSettings ReadScore(SettingsReader reader)
    {
        var settings = new ScoreSettings(reader.IntegerOrNever("max-lead", 1), reader.Integer("remember", 0, 1L << 32));
        reader.RefuseUnread();
        return settings;
    }

    private static SnapshotSettings ReadSnapshots(SettingsReader reader)
    {
        var settings = new SnapshotSettings(
            reader.IntegerOrNever("every-events", 1),
            reader.BytesOrNever("every-bytes", 1),
            (int)reader.Integer("keep-recent", 1, 1000));
        reader.RefuseUnread();
        return settings;
    }

    private static SinkSettings ReadSink(SettingsReader reader, string dataFolder)
    {
        var kind = reader.OneOf<SinkKind>("kind");
        var (predictions, deadLetters) = (reader.Text("predictions"), reader.Text("dead-letters"));
        var what = kind == SinkKind.File ? "file" : "topic";
        if (predictions.Length == 0) reader.Fault("predictions", $"must name a {what}");
        if (deadLetters.Length == 0) reader.Fault("dead-letters", $"must name a {what}");
        reader.RefuseUnread();
        return kind == SinkKind.File
            ? new SinkSettings(kind, Path.Combine(dataFolder, predictions), Path.Combine(dataFolder, deadLetters))
            : new SinkSettings(kind, predictions, deadLetters);
    }

    private static AuditSettings ReadAudit(SettingsReader reader)
    {
        var settings = new AuditSettings(reader.OneOf<AuditKeep>("keep", "all"));
        reader.RefuseUnread();
        return settings;
    }

    private static LimitSettings ReadLimits(SettingsReader reader)
    {
        var settings = new LimitSettings(
            (int)reader.Bytes("record-bytes", 1, 16 << 20),
            (int)reader.Bytes("dead-letter-bytes", 0, 16 << 20),
            reader.Number("dead-letter-share", 0, 1),
            reader.Integer("dead-letter-window", 100, long.MaxValue / 4));
        reader.RefuseUnread();
        return settings;
    }

    private static void RefuseSharedFiles(List<PipelineSettings> pipelines, List<ConfigFault> faults)
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var p in pipelines)
        {
            foreach (var (key, file) in new[] { ("predictions", p.Sink.Predictions), ("dead-letters", p.Sink.DeadLetters) })
            {
                if (p.Sink.Kind != SinkKind.File || file.Length == 0 || owners.TryAdd(Path.GetFullPath(file), $"{p.Name}.sink.{key}")) continue;
                faults.Add(new($"{Root}.pipelines.{p.Name}.sink.{key}", $"is the file of {owners[Path.GetFullPath(file)]} too; give each a file of its own"));
            }
            if (p.Alerts.Path.Length > 0 && !owners.TryAdd(Path.GetFullPath(p.Alerts.Path), $"{p.Name}.alerts.path"))
                faults.Add(new($"{Root}.pipelines.{p.Name}.alerts.path", $"is the file of {owners[Path.GetFullPath(p.Alerts.Path)]} too; give each a file of its own"));
        }
    }

    private static ConfigNode.Map OverlayPipeline(ConfigNode.Map lower, ConfigNode.Map upper)
    {
        var merged = lower.Overlay(upper);
        // A detector is replaced as a whole, as the parameters of a model are.
        if (upper.Fields.GetValueOrDefault("drift") is ConfigNode.Map detectors && lower.Fields.GetValueOrDefault("drift") is ConfigNode.Map others)
            merged = merged.With("drift", new ConfigNode.Map(others.Fields.SetItems(detectors.Fields)));
        return upper.Fields.TryGetValue("model", out var above) && lower.Fields.TryGetValue("model", out var below)
            ? merged.With("model", OverlayModel(below, above))
            : merged;
    }

    private static ConfigNode OverlayModel(ConfigNode lower, ConfigNode upper)
    {
        if (lower is ConfigNode.Text t) lower = ConfigNode.Of(("algorithm", t.Value));
        if (lower is not ConfigNode.Map below || upper is not ConfigNode.Map above) return upper;
        if (above.Fields.TryGetValue("algorithm", out var algorithm) && algorithm != below.Fields.GetValueOrDefault("algorithm")) return upper;
        return new ConfigNode.Map(below.Fields.SetItems(above.Fields));
    }

    private static ConfigNode.Map Map(ConfigNode.Map parent, string key, string path, List<ConfigFault> faults)
    {
        if (!parent.Fields.TryGetValue(key, out var node)) return ConfigNode.Map.Empty;
        if (node is ConfigNode.Map map) return map;
        faults.Add(new(path, $"must be a block {{ }}, not {SettingsReader.Show(node)}"));
        return ConfigNode.Map.Empty;
    }

    private static ConfigFault WithOrigin(ConfigFault fault, IReadOnlyList<HoconDocument> layers)
    {
        var dot = fault.Path.LastIndexOf('.');
        foreach (var path in dot < 0 ? [fault.Path] : new[] { fault.Path, fault.Path[..dot] })
        {
            for (var i = layers.Count - 1; i >= 0; i--)
                if (layers[i].Lines.TryGetValue(path, out var line))
                    return fault with { Message = string.Create(CultureInfo.InvariantCulture, $"{fault.Message} ({layers[i].Name}, line {line})") };
        }
        return fault;
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 100 && text.All(IsNameCharacter);

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-';
}
