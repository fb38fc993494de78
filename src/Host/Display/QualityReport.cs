using System.Text.Json;
using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>The quality of answers as JSON: metrics by name, then counts by version and by age of the label.</summary>
internal static class QualityReport
{
    /// <summary>Writes it as a field.</summary>
    public static void Write(Utf8JsonWriter json, string name, AnswerReport report)
    {
        json.WriteStartObject(name);
        foreach (var (metric, value) in report.Metrics) Write(json, metric, value);
        json.WriteStartArray("versions");
        foreach (var (version, counts) in report.Versions)
        {
            json.WriteStartObject();
            json.WriteNumber("version", version);
            Write(json, counts);
        }
        json.WriteEndArray();
        json.WriteStartArray("ages");
        foreach (var (below, counts) in report.Ages)
        {
            json.WriteStartObject();
            if (below < long.MaxValue) json.WriteNumber("below-ms", below);
            Write(json, counts);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, AnswerCounts counts)
    {
        json.WriteNumber("rows", counts.Rows);
        Write(json, "error", counts.Error);
        Write(json, "loss", counts.Loss);
        json.WriteEndObject();
    }

    // JSON has no NaN: what is not defined is absent.
    private static void Write(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
    }
}
