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
            .With("journal", ConfigNode.Of(("provider", Spelling.Of(settings.Journal.Provider)), ("lock-timeout", Spelling.Duration(settings.Journal.LockTimeout))))
            .With("pipelines", pipelines));
    }

    private static ConfigNode.Map Write(PipelineSettings p, string dataFolder) => ConfigNode.Map.Empty
        .With("lineage", p.Lineage)
        .With("source", Write(p.Source))
        .With("featurize", p.Featurize.ToConfig())
        .With("model", p.Model.ToConfig())
        .With("labels", Spelling.Of(p.Labels))
        .With("score", ConfigNode.Of(("max-lead", p.Score.MaxLead == SnapshotSettings.Never ? "never" : Text(p.Score.MaxLead))))
        .With("learn", ConfigNode.Of(
            ("max-rows", Text(p.Learn.MaxRows)), ("max-bytes", Spelling.Bytes(p.Learn.MaxBytes)), ("max-wait", Spelling.Duration(p.Learn.MaxWait)), ("shards", Text(p.Learn.Shards))))
        .With("snapshots", ConfigNode.Of(
            ("every-events", p.Snapshots.EveryEvents == SnapshotSettings.Never ? "never" : Text(p.Snapshots.EveryEvents)),
            ("every-bytes", p.Snapshots.EveryBytes == SnapshotSettings.Never ? "never" : Spelling.Bytes(p.Snapshots.EveryBytes)),
            ("keep-recent", Text(p.Snapshots.KeepRecent))))
        .With("sink", ConfigNode.Of(
            ("predictions", Path.GetRelativePath(dataFolder, p.Sink.Predictions)), ("dead-letters", Path.GetRelativePath(dataFolder, p.Sink.DeadLetters))))
        .With("audit", ConfigNode.Of(("keep", Spelling.Of(p.Audit.Keep))))
        .With("limits", ConfigNode.Of(("record-bytes", Spelling.Bytes(p.Limits.RecordBytes)), ("dead-letter-bytes", Spelling.Bytes(p.Limits.DeadLetterBytes)),
            ("dead-letter-share", p.Limits.DeadLetterShare.ToString("R", CultureInfo.InvariantCulture)), ("dead-letter-window", Text(p.Limits.DeadLetterWindow))));

    private static ConfigNode.Map Write(SourceSettings s) => ConfigNode.Of(
            ("kind", Spelling.Of(s.Kind)), ("path", s.Path), ("follow", Text(s.Follow)), ("chunk-rows", Text(s.ChunkRows)), ("format", Spelling.Of(s.Format.Kind)))
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

    private static string Text(long n) => n.ToString(CultureInfo.InvariantCulture);

    private static string Text(bool flag) => flag ? "on" : "off";
}
