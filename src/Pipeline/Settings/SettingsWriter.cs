using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Settings as HOCON again, every key said: reading it gives equal settings.</summary>
public static class SettingsWriter
{
    /// <summary>Writes all settings.</summary>
    public static ConfigNode.Map ToConfig(this NodeSettings settings)
    {
        var pipelines = settings.Pipelines.Aggregate(ConfigNode.Map.Empty, (map, p) => map.With(p.Name, Write(p, settings.DataFolder)));
        return ConfigNode.Map.Empty.With("stream-mlops", ConfigNode.Of(("data-folder", settings.DataFolder))
            .With("journal", ConfigNode.Of(("provider", Spelling.Of(settings.Journal.Provider)), ("connection-string", Redacted(settings.Journal.ConnectionString)), ("lock-timeout", Spelling.Duration(settings.Journal.LockTimeout)), ("rows", Spelling.Of(settings.Journal.Rows)), ("archive", Path.GetRelativePath(settings.DataFolder, settings.Journal.Archive))))
            .With("cluster", ConfigNode.Of(("host", settings.Cluster.Host), ("port", Text(settings.Cluster.Port)), ("min-members", Text(settings.Cluster.MinMembers)))
                .With("seed-nodes", Texts(settings.Cluster.SeedNodes)).With("roles", Texts(settings.Cluster.Roles)))
            .With("pipelines", pipelines));
    }

    private static ConfigNode.Map Write(PipelineSettings p, string dataFolder) => ConfigNode.Map.Empty
        .With("lineage", p.Lineage)
        .With("delivery", Spelling.Of(p.Delivery))
        .With("kafka", ConfigNode.Of(("bootstrap-servers", p.Kafka.BootstrapServers), ("connector", Spelling.Of(p.Kafka.Connector)), ("idempotent", Text(p.Kafka.Idempotent))).With("kafka-clients", Write(p.Kafka.KafkaClients)))
        .With("source", Write(p.Source))
        .With("featurize", p.Featurize.ToConfig())
        .With("model", p.Model.ToConfig())
        .With("labels", Spelling.Of(p.Labels))
        .With("label-source", p.LabelJoin.ToConfig())
        .With("score", ConfigNode.Of(("max-lead", p.Score.MaxLead == SnapshotSettings.Never ? "never" : Text(p.Score.MaxLead)), ("remember", Text(p.Score.Remember))))
        .With("learn", ConfigNode.Of(
            ("max-rows", Text(p.Learn.MaxRows)), ("max-bytes", Spelling.Bytes(p.Learn.MaxBytes)), ("max-wait", Spelling.Duration(p.Learn.MaxWait)), ("shards", Text(p.Learn.Shards))))
        .With("snapshots", ConfigNode.Of(
            ("every-events", p.Snapshots.EveryEvents == SnapshotSettings.Never ? "never" : Text(p.Snapshots.EveryEvents)),
            ("every-bytes", p.Snapshots.EveryBytes == SnapshotSettings.Never ? "never" : Spelling.Bytes(p.Snapshots.EveryBytes)),
            ("keep-recent", Text(p.Snapshots.KeepRecent))))
        .With("sink", ConfigNode.Of(("kind", Spelling.Of(p.Sink.Kind)), ("predictions", Destination(p.Sink, p.Sink.Predictions, dataFolder)), ("dead-letters", Destination(p.Sink, p.Sink.DeadLetters, dataFolder))))
        .With("drift", p.Drift.ToConfig())
        .With("alerts", p.Alerts.ToConfig(dataFolder))
        .With("audit", ConfigNode.Of(("keep", Spelling.Of(p.Audit.Keep))))
        .With("limits", ConfigNode.Of(("record-bytes", Spelling.Bytes(p.Limits.RecordBytes)), ("dead-letter-bytes", Spelling.Bytes(p.Limits.DeadLetterBytes)),
            ("dead-letter-share", p.Limits.DeadLetterShare.ToString("R", CultureInfo.InvariantCulture)), ("dead-letter-window", Text(p.Limits.DeadLetterWindow))));

    private static ConfigNode.Map Write(SourceSettings s) => ConfigNode.Of(
            ("kind", Spelling.Of(s.Kind)), ("path", s.Path), ("topic", s.Topic), ("follow", Text(s.Follow)), ("chunk-rows", Text(s.ChunkRows)), ("format", Spelling.Of(s.Format.Kind)))
        .With("rows-per-message", Text(s.Format.RowsPerMessage))
        .With("json", ConfigNode.Of(
            ("id", s.Format.Json.Id), ("features", s.Format.Json.Features), ("label", s.Format.Json.Label), ("event-time", s.Format.Json.EventTime), ("nested", Text(s.Format.Json.Nested))))
        .With("csv", s.Format.Csv.ToConfig().With("id", s.Format.Csv.Id).With("event-time", s.Format.Csv.EventTime))
        .With("text", s.Format.Text.ToConfig())
        .With("schema", s.Format.Schema.ToConfig())
        .With("generator", ConfigNode.Of(
            ("rows", Text(s.Generator.Rows)),
            ("seed", s.Generator.Seed.ToString(CultureInfo.InvariantCulture)),
            ("rows-per-day", Text(s.Generator.RowsPerDay)),
            ("noise", s.Generator.Noise.ToString("R", CultureInfo.InvariantCulture)),
            ("positives", s.Generator.Positives.ToString("R", CultureInfo.InvariantCulture))));

    /// <summary>A connection string without its password, for files and screens.</summary>
    public static string Redacted(string connectionString) =>
        string.Join(';', connectionString.Split(';').Where(part => part.Split('=')[0].Trim().ToLowerInvariant() is not ("password" or "pwd")));

    // Keys of librdkafka that hold secrets are known by their names.
    private static ConfigNode.Map Write(ImmutableSortedDictionary<string, string> properties) => properties.Aggregate(
        ConfigNode.Map.Empty, (map, p) => map.With(p.Key, p.Key.Contains("password", StringComparison.Ordinal) || p.Key.Contains("secret", StringComparison.Ordinal) ? "***" : p.Value));

    private static ConfigNode.List Texts(IEnumerable<string> texts) => new([.. texts.Select(t => new ConfigNode.Text(t))]);

    private static string Destination(SinkSettings sink, string name, string dataFolder) => sink.Kind == SinkKind.File ? Path.GetRelativePath(dataFolder, name) : name;

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool flag) => flag ? "on" : "off";
}
