using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>Where the fields of a label are in a JSON record: names of its properties.</summary>
/// <param name="Id">The id of the row that it is for: a text or a number.</param>
/// <param name="Label">A number, a boolean or a number in a text.</param>
/// <param name="EventTime">Milliseconds since 1970 UTC or ISO 8601 text; may be absent.</param>
/// <param name="Weight">Importance of the row, a number above 0; may be absent.</param>
/// <param name="Corrects">Whether it takes the place of an earlier label; may be absent.</param>
public sealed record LabelMapping(string Id = "id", string Label = "y", string EventTime = "st", string Weight = "weight", string Corrects = "corrects");

/// <summary>A label that comes apart from its row: <c>{"id":"url-1","y":1,"st":1700000000000,"weight":2,"corrects":true}</c>.</summary>
/// <param name="Id">The id of the row that it is for.</param>
/// <param name="Label">A number, a boolean or a number in a text; finite.</param>
/// <param name="Time">Event time in milliseconds since 1970 UTC, or <see cref="Chunk.NoTime"/>.</param>
/// <param name="Corrects">Whether it takes the place of an earlier label of the same id.</param>
/// <param name="Weight">Importance of the row, above 0 and finite.</param>
public sealed record LabelMessage(string Id, double Label, long Time, bool Corrects, double Weight)
{
    /// <summary>Reads one message with the field names of <paramref name="mapping"/>; <paramref name="reason"/> says for people why it is none.</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, LabelMapping mapping, [NotNullWhen(true)] out LabelMessage? label, out string reason)
    {
        (label, reason) = (null, "");
        try
        {
            var json = new Utf8JsonReader(message);
            using var document = JsonDocument.ParseValue(ref json);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) return Say(out reason, "the message is not a JSON object");
            var id = root.TryGetProperty(mapping.Id, out var i) ? i.ValueKind == JsonValueKind.String ? i.GetString()! : i.GetRawText() : "";
            if (id.Length is 0) return Say(out reason, $"the message has no id (field {mapping.Id})");
            if (!root.TryGetProperty(mapping.Label, out var y)) return Say(out reason, $"the message has no label (field {mapping.Label})");
            var value = 0.0;
            var isNumber = y.ValueKind switch
            {
                JsonValueKind.Number => y.TryGetDouble(out value),
                JsonValueKind.String => NumberText.TryRead(System.Text.Encoding.UTF8.GetBytes(y.GetString()!), out value),
                JsonValueKind.True or JsonValueKind.False => (value = y.GetBoolean() ? 1 : 0) >= 0,
                _ => false,
            };
            if (!isNumber || !double.IsFinite(value)) return Say(out reason, "the label is not a finite number, a boolean or a number in a text");
            var time = Chunk.NoTime;
            if (root.TryGetProperty(mapping.EventTime, out var st) && st.ValueKind != JsonValueKind.Null
                && !(st.ValueKind == JsonValueKind.Number && st.TryGetInt64(out time))
                && !(st.ValueKind == JsonValueKind.String && (EventTime.TryParse(System.Text.Encoding.UTF8.GetBytes(st.GetString()!), out time) || long.TryParse(st.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out time))))
                return Say(out reason, "the event time is neither milliseconds nor ISO 8601 text");
            var weight = 1.0;
            if (root.TryGetProperty(mapping.Weight, out var w) && w.ValueKind != JsonValueKind.Null
                && !(w.ValueKind == JsonValueKind.Number && w.TryGetDouble(out weight) && weight > 0 && double.IsFinite(weight)))
                return Say(out reason, $"the weight (field {mapping.Weight}) is not a number above 0");
            label = new LabelMessage(id, value, time, root.TryGetProperty(mapping.Corrects, out var corrects) && corrects.ValueKind == JsonValueKind.True, weight);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return Say(out reason, $"not a label: {e.Message}");
        }
    }

    private static bool Say(out string reason, string what)
    {
        reason = what;
        return false;
    }
}
