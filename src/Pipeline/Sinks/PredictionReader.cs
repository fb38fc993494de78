using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>Reads what <see cref="PredictionWriter"/> wrote, bit for bit; fields it does not know are passed over.</summary>
public static class PredictionReader
{
    /// <summary>Reads one line; <paramref name="reason"/> says for people why it is no prediction.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out Prediction? prediction, out string reason)
    {
        prediction = null;
        reason = "";
        try
        {
            var json = new Utf8JsonReader(line);
            using var document = JsonDocument.ParseValue(ref json);
            if (json.BytesConsumed < line.Length && line[(int)json.BytesConsumed..].ContainsAnyExcept(" \t\r\n"u8))
            {
                reason = "there is more on the line than one prediction";
                return false;
            }
            var p = document.RootElement;
            prediction = new Prediction(
                p.GetProperty("id").GetString()!,
                p.GetProperty("pipeline").GetString()!,
                p.GetProperty("partition").GetInt32(),
                ulong.Parse(p.GetProperty("epoch").GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                p.GetProperty("offset").GetInt64(),
                new ModelVersion(p.GetProperty("lineage").GetString()!, p.GetProperty("shard").GetInt32(), p.GetProperty("sequence").GetInt64()),
                Number(p.GetProperty("score")),
                Number(p.GetProperty("label")),
                p.TryGetProperty("eventTime", out var eventTime) && eventTime.ValueKind != JsonValueKind.Null ? eventTime.GetInt64() : null,
                p.GetProperty("time").GetInt64(),
                p.TryGetProperty("relearned", out var relearned) && relearned.GetBoolean())
            {
                Scores = p.TryGetProperty("scores", out var scores) ? [.. scores.EnumerateArray().Select(Number)] : null,
            };
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            reason = $"not a prediction: {e.Message}";
            return false;
        }
    }

    private static double Number(JsonElement e) =>
        e.ValueKind == JsonValueKind.Null ? double.NaN : e.ValueKind == JsonValueKind.String ? double.Parse(e.GetString()!, CultureInfo.InvariantCulture) : e.GetDouble();
}
