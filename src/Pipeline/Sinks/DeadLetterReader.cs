using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Reads what <see cref="DeadLetterWriter"/> wrote, so that repaired records can be sent again.</summary>
public static class DeadLetterReader
{
    /// <summary>Reads one line; <paramref name="reason"/> says for people why it is no dead letter.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, [NotNullWhen(true)] out DeadLetter? letter, out string reason)
    {
        letter = null;
        reason = "";
        try
        {
            var json = new Utf8JsonReader(line);
            using var document = JsonDocument.ParseValue(ref json);
            var p = document.RootElement;
            letter = new DeadLetter(
                p.GetProperty("partition").GetInt32(),
                ulong.Parse(p.GetProperty("epoch").GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                p.GetProperty("offset").GetInt64(),
                p.GetProperty("stage").GetString()!,
                Enum.Parse<RowFault>(p.GetProperty("fault").GetString()!),
                p.GetProperty("reason").GetString()!,
                p.TryGetProperty("text", out var text) ? Encoding.UTF8.GetBytes(text.GetString()!) : p.GetProperty("base64").GetBytesFromBase64(),
                p.GetProperty("originalLength").GetInt64());
            return true;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            reason = $"not a dead letter: {e.Message}";
            return false;
        }
    }
}
