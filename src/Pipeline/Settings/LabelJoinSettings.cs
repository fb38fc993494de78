using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Labels that come apart from their rows: where from, and how the two find each other.</summary>
/// <param name="Kind">Which kind of source.</param>
/// <param name="Path">The file; empty for other kinds.</param>
/// <param name="Topic">The topic; empty for other kinds.</param>
/// <param name="Follow">Whether to wait for more at the end of the file.</param>
/// <param name="Json">Which JSON fields hold what.</param>
/// <param name="Horizon">How long rows and labels wait for each other, in event time.</param>
/// <param name="Patience">How long one log waits for the other to have something to read, so that records are taken in the order of their times.</param>
/// <param name="MemoryBytes">Memory of the pending store; what does not fit is on disk.</param>
/// <param name="ExpectedIds">About how many ids it holds.</param>
public sealed record LabelJoinSettings(
    SourceKind Kind, string Path, string Topic, bool Follow, LabelMapping Json, TimeSpan Horizon, TimeSpan Patience, long MemoryBytes, long ExpectedIds)
{
    internal static LabelJoinSettings Read(SettingsReader reader, bool isUsed)
    {
        var (kind, path, topic) = (reader.OneOf<SourceKind>("kind"), reader.Text("path"), reader.Text("topic"));
        if (kind == SourceKind.Generator) reader.Fault("kind", "must be file or kafka: the generator's labels come with its rows (labels = inline)");
        if (isUsed && kind == SourceKind.File && path.Length == 0) reader.Fault("path", "names no file, and labels = topic needs one; set it, or kind = kafka and topic");
        if (isUsed && kind == SourceKind.Kafka && topic.Length == 0) reader.Fault("topic", "names no topic, and labels = topic needs one");
        var settings = new LabelJoinSettings(
            kind,
            path,
            topic,
            reader.Flag("follow"),
            ReadJson(reader.Block("json")),
            reader.Duration("horizon", TimeSpan.FromMilliseconds(64), TimeSpan.FromDays(3650)),
            reader.Duration("patience", TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(10)),
            reader.Bytes("memory", 16 << 20, 1L << 36),
            reader.Integer("expected-ids", 1, 1L << 36));
        reader.RefuseUnread();
        return settings;
    }

    /// <summary>What defines the fold: how rows and labels find each other, and for how long.</summary>
    /// <param name="rowId">Where a row's id is.</param>
    internal ConfigNode.Map ToGenesis(string rowId) => ConfigNode.Of(
        ("row-id", rowId), ("id", Json.Id), ("label", Json.Label), ("event-time", Json.EventTime), ("weight", Json.Weight), ("corrects", Json.Corrects),
        ("horizon-ms", ((long)Horizon.TotalMilliseconds).ToString(CultureInfo.InvariantCulture)));

    internal ConfigNode.Map ToConfig() => ConfigNode.Of(
            ("kind", Spelling.Of(Kind)), ("path", Path), ("topic", Topic), ("follow", Follow ? "on" : "off"),
            ("horizon", Spelling.Duration(Horizon)), ("patience", Spelling.Duration(Patience)), ("memory", Spelling.Bytes(MemoryBytes)), ("expected-ids", ExpectedIds.ToString(CultureInfo.InvariantCulture)))
        .With("json", ConfigNode.Of(("id", Json.Id), ("label", Json.Label), ("event-time", Json.EventTime), ("weight", Json.Weight), ("corrects", Json.Corrects)));

    private static LabelMapping ReadJson(SettingsReader reader)
    {
        var mapping = new LabelMapping(reader.Text("id"), reader.Text("label"), reader.Text("event-time"), reader.Text("weight"), reader.Text("corrects"));
        if (mapping.Id.Length == 0) reader.Fault("id", "must name the field that holds the id of the row");
        if (mapping.Label.Length == 0) reader.Fault("label", "must name the field that holds the label");
        string[] all = [mapping.Id, mapping.Label, mapping.EventTime, mapping.Weight, mapping.Corrects];
        if (all.Where(n => n.Length > 0).GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice) reader.FaultOfBlock($"two of id, label, event-time, weight and corrects are the field {twice.Key}");
        reader.RefuseUnread();
        return mapping;
    }
}
