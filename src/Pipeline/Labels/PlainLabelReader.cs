using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Reads labels as nearly all are written, without allocating: names and id without escapes, the label a number, the time a whole number of
/// milliseconds. It answers as <see cref="LabelMessage.TryParse"/> does, or that it does not know: whatever is unusual or wrong is left to that.
/// </summary>
internal sealed class PlainLabelReader(LabelMapping mapping)
{
    private readonly byte[] _id = Encoding.UTF8.GetBytes(mapping.Id);
    private readonly byte[] _label = Encoding.UTF8.GetBytes(mapping.Label);
    private readonly byte[] _time = Encoding.UTF8.GetBytes(mapping.EventTime);
    private readonly byte[] _weight = Encoding.UTF8.GetBytes(mapping.Weight);
    private readonly byte[] _corrects = Encoding.UTF8.GetBytes(mapping.Corrects);

    // Two fields of one name are read twice; here a field would be taken for the first only.
    private readonly bool _isDistinct = new[] { mapping.Id, mapping.Label, mapping.EventTime, mapping.Weight, mapping.Corrects }.Distinct(StringComparer.Ordinal).Count() == 5;

    /// <summary>Reads one message; its id goes to <paramref name="id"/>.</summary>
    /// <returns>Whether it is such a label; false: it is another one, or none.</returns>
    public bool TryRead(ReadOnlySpan<byte> message, Span<byte> id, out PlainLabel label)
    {
        label = new PlainLabel(0, double.NaN, Chunk.NoTime, 1, false);
        if (!_isDistinct) return false;
        var json = new Utf8JsonReader(message);
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return false;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
                if (!TryField(ref json, id, ref label)) return false;
            // Anything but space behind the object throws.
            return json.TokenType == JsonTokenType.EndObject && !json.Read() && label.IdLength > 0 && double.IsFinite(label.Label);
        }
        catch (JsonException)
        {
            return false; // told by the other one, with its reason
        }
    }

    private bool TryField(ref Utf8JsonReader json, Span<byte> id, ref PlainLabel label)
    {
        if (json.ValueIsEscaped) return false;
        var name = json.ValueSpan;
        if (name.SequenceEqual(_id))
        {
            if (!json.Read() || json.TokenType != JsonTokenType.String || json.ValueIsEscaped || json.ValueSpan.Length > id.Length || !Utf8.IsValid(json.ValueSpan)) return false;
            json.ValueSpan.CopyTo(id);
            label = label with { IdLength = json.ValueSpan.Length };
            return true;
        }
        if (name.SequenceEqual(_label))
        {
            if (!json.Read() || json.TokenType != JsonTokenType.Number || !json.TryGetDouble(out var value)) return false;
            label = label with { Label = value };
            return true;
        }
        if (name.SequenceEqual(_time))
        {
            if (!json.Read() || json.TokenType != JsonTokenType.Number || !json.TryGetInt64(out var time)) return false;
            label = label with { Time = time };
            return true;
        }
        if (name.SequenceEqual(_weight))
        {
            if (!json.Read() || json.TokenType != JsonTokenType.Number || !json.TryGetDouble(out var weight) || !(weight > 0) || !double.IsFinite(weight)) return false;
            label = label with { Weight = weight };
            return true;
        }
        if (!json.Read()) return false;
        if (name.SequenceEqual(_corrects)) label = label with { Corrects = json.TokenType == JsonTokenType.True };
        return json.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray) || json.TrySkip();
    }
}

/// <summary>A label, its id beside it.</summary>
internal readonly record struct PlainLabel(int IdLength, double Label, long Time, double Weight, bool Corrects);
