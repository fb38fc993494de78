using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>Alerts as JSON, one object each; docs/messages.md has the fields. Equal alerts are equal bytes.</summary>
public static class AlertMessage
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Encodes alerts, one record each, with the lineage (or node) as key: those of one are in one partition. The caller disposes it.</summary>
    public static RecordBatch Encode(IReadOnlyCollection<Alert> alerts)
    {
        var records = new RecordBatch(4096, Math.Max(1, alerts.Count));
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, Options);
        foreach (var alert in alerts)
        {
            Write(json, alert);
            json.Flush();
            records.Add(buffer.WrittenSpan);
            records.SetKey(Encoding.UTF8.GetBytes(alert.History is { } h ? $"{h.Pipeline}/{h.Lineage}/{h.Shard}" : alert.Node));
            buffer.ResetWrittenCount();
            json.Reset();
        }
        return records;
    }

    /// <summary>Reads one message; <paramref name="reason"/> says for people why it is no alert.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out Alert? alert, out string reason)
    {
        alert = null;
        reason = "";
        try
        {
            var reader = new Utf8JsonReader(line);
            using var document = JsonDocument.ParseValue(ref reader);
            var p = document.RootElement;
            var pipeline = Text(p, "pipeline");
            alert = new Alert(Enum.Parse<AlertFamily>(Text(p, "family"), ignoreCase: true), Text(p, "id"), pipeline, Text(p, "kind"), Enum.Parse<AlertState>(Text(p, "state"), ignoreCase: true), Text(p, "text"), p.GetProperty("time").GetInt64())
            {
                History = p.TryGetProperty("journal", out var journal) ? new AlertHistory(pipeline, Text(p, "lineage"), p.GetProperty("shard").GetInt32(), Hex(journal)) : null,
                Sequence = p.TryGetProperty("sequence", out var sequence) ? sequence.GetInt64() : 0,
                Position = p.TryGetProperty("offset", out var offset) ? new AlertPosition(p.GetProperty("partition").GetInt32(), Hex(p.GetProperty("epoch")), offset.GetInt64()) : null,
                Drift = p.TryGetProperty("detector", out var detector) ? new DriftFinding(Text(p, "watched"), detector.GetString()!, p.GetProperty("value").GetDouble(), p.GetProperty("rows").GetInt64()) : null,
                Node = p.TryGetProperty("node", out var node) ? node.GetString()! : "",
            };
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            reason = $"not an alert: {e.Message}";
            return false;
        }
    }

    private static void Write(Utf8JsonWriter json, Alert alert)
    {
        json.WriteStartObject();
        json.WriteString("family", Spelling.Of(alert.Family));
        json.WriteString("id", alert.Id);
        json.WriteString("pipeline", alert.Pipeline);
        json.WriteString("kind", alert.Kind);
        json.WriteString("state", Spelling.Of(alert.State));
        if (alert.History is { } history)
        {
            json.WriteString("lineage", history.Lineage);
            json.WriteNumber("shard", history.Shard);
            json.WriteString("journal", Hex(history.Journal));
            json.WriteNumber("sequence", alert.Sequence);
        }
        if (alert.Position is { } at)
        {
            json.WriteNumber("partition", at.Partition);
            json.WriteString("epoch", Hex(at.Epoch));
            json.WriteNumber("offset", at.Offset);
        }
        if (alert.Drift is { } drift)
        {
            json.WriteString("watched", drift.Watched);
            json.WriteString("detector", drift.Detector);
            json.WriteNumber("value", drift.Value);
            json.WriteNumber("rows", drift.Rows);
        }
        if (alert.Node.Length > 0) json.WriteString("node", alert.Node);
        json.WriteString("text", alert.Text);
        json.WriteNumber("time", alert.Time);
        json.WriteEndObject();
    }

    private static string Text(JsonElement of, string name) => of.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

    private static string Hex(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);

    private static ulong Hex(JsonElement text) => ulong.Parse(text.GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
