using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Reads one JSON record into a batch of rows, without making any string of it.</summary>
internal ref struct JsonRowReader
{
    private const int MaxEscape = 6;                    // bytes of \u0041, which is one byte of text
    private const double MaxTime = 8_640_000_000_000_000; // milliseconds: 100 million days either way, more than any calendar needs

    private readonly RowBatch _rows;
    private readonly JsonMapping _mapping;
    private readonly Span<byte> _idScratch;
    private readonly Span<byte> _nameScratch;
    private Utf8JsonReader _json;
    private double _label = double.NaN;
    private int _seen; // fields met, a bit each

    /// <param name="record">Valid UTF-8.</param>
    /// <param name="rows">Receives the row.</param>
    /// <param name="mapping">Where the fields are.</param>
    /// <param name="scratch">At least <see cref="ScratchBytes"/>; the id may lie in it.</param>
    public JsonRowReader(ReadOnlySpan<byte> record, RowBatch rows, JsonMapping mapping, byte[] scratch)
    {
        _json = new Utf8JsonReader(record, new JsonReaderOptions { MaxDepth = mapping.MaxDepth });
        _rows = rows;
        _mapping = mapping;
        _idScratch = scratch.AsSpan(0, mapping.MaxIdBytes * MaxEscape);
        _nameScratch = scratch.AsSpan(mapping.MaxIdBytes * MaxEscape, mapping.MaxNameBytes * MaxEscape);
    }

    /// <summary>The record's id; empty where it has none.</summary>
    public ReadOnlySpan<byte> Id { get; private set; }

    /// <summary>The record's event time, or <see cref="Chunk.NoTime"/>.</summary>
    public long Time { get; private set; } = Chunk.NoTime;

    /// <summary>Why <see cref="Read"/> answered no.</summary>
    public RowFault Fault { get; private set; }

    /// <summary>The fault in words.</summary>
    public string FaultReason { get; private set; } = "";

    /// <summary>The byte where the fault is.</summary>
    public int FaultAt { get; private set; }

    public static int ScratchBytes(JsonMapping mapping) => (mapping.MaxIdBytes + mapping.MaxNameBytes) * MaxEscape;

    /// <summary>Adds the record's row to the batch, or states the fault; the caller drops an unfinished row then.</summary>
    /// <exception cref="JsonException">The record is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A text in it has an escape that is no character.</exception>
    public bool Read(JsonPaths paths)
    {
        _rows.BeginRow();
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject) return Fail(RowFault.Malformed, "the record is not a JSON object");
        if (!ReadObject(paths)) return false;
        _json.Read(); // refuses what follows the object
        if ((_seen & 1 << (int)JsonField.Features) == 0) return Fail(RowFault.MissingField, $"the record has no features (field {_mapping.Features})");
        return _rows.TryEndRow(_label) switch
        {
            RowFault.None => true,
            RowFault.TooManyFeatures => Fail(RowFault.TooManyFeatures, $"the row has more than {RowBatch.MaxFeatures} features"),
            var fault => Fail(fault, "a number, or the sum of a repeated feature, is not finite"),
        };
    }

    /// <summary>States a fault at the current token, or at the byte <paramref name="at"/>.</summary>
    /// <returns>No, always.</returns>
    public bool Fail(RowFault fault, string reason, int at = -1)
    {
        Fault = fault;
        FaultReason = reason;
        FaultAt = at < 0 ? (int)_json.TokenStartIndex : at;
        return false;
    }

    private bool ReadObject(JsonPaths node)
    {
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var child = node.Find(ref _json);
            _json.Read();
            if (child is null || (child.Field == JsonField.None && _json.TokenType != JsonTokenType.StartObject)) _json.Skip();
            else if (child.Field == JsonField.None ? !ReadObject(child) : !ReadField(child.Field)) return false;
        }
        return true;
    }

    private bool ReadField(JsonField field)
    {
        var bit = 1 << (int)field;
        if ((_seen & bit) != 0) return Fail(RowFault.Malformed, $"the field of the {Words(field)} is there twice");
        // A field that is null is as good as absent.
        if (_json.TokenType == JsonTokenType.Null) return true;
        _seen |= bit;
        return field switch
        {
            JsonField.Id => ReadId(),
            JsonField.Features => ReadFeatures(),
            JsonField.Label => ReadLabel(),
            _ => ReadTime(),
        };
    }

    private bool ReadId()
    {
        if (_json.TokenType == JsonTokenType.Number) Id = _json.ValueSpan;
        else if (_json.TokenType != JsonTokenType.String) return Fail(RowFault.Malformed, "the id is neither a text nor a number");
        else if (Text(_idScratch, out var id)) Id = id;
        else return Fail(RowFault.TooLarge, $"the id is longer than {_mapping.MaxIdBytes} bytes");
        return Id.Length <= _mapping.MaxIdBytes || Fail(RowFault.TooLarge, $"the id is longer than {_mapping.MaxIdBytes} bytes");
    }

    private bool ReadFeatures()
    {
        if (_json.TokenType != JsonTokenType.StartObject) return Fail(RowFault.Malformed, "the features are not an object of names and values");
        var count = 0;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (!Text(_nameScratch, out var name) || name.Length > _mapping.MaxNameBytes)
                return Fail(RowFault.TooLarge, $"the name of a feature is longer than {_mapping.MaxNameBytes} bytes");
            if (name.IsEmpty) return Fail(RowFault.BadIndex, "a feature has an empty name");
            _json.Read();
            if (_json.TokenType == JsonTokenType.Null) continue;
            if (!ReadNumber(out var value)) return Fail(RowFault.BadValue, "the value of a feature is not a number");
            if (!double.IsFinite(value)) return Fail(RowFault.NotFinite, "the value of a feature is not finite");
            if (++count > RowBatch.MaxFeatures) return Fail(RowFault.TooManyFeatures, $"the row has more than {RowBatch.MaxFeatures} features");
            var index = FeatureName.IndexOf(name, out var isIndex);
            if (isIndex) _rows.Add(index, value);
            else _rows.Add(index, value, name);
        }
        return true;
    }

    private bool ReadLabel()
    {
        if (!ReadNumber(out _label)) return Fail(RowFault.BadLabel, "the label is not a number, a boolean or a number in a text");
        return double.IsFinite(_label) || Fail(RowFault.NotFinite, "the label is not finite");
    }

    private bool ReadTime()
    {
        var time = double.NaN;
        if (_json.TokenType == JsonTokenType.String && EventTime.TryParse(_json.ValueSpan, out var milliseconds)) time = milliseconds;
        else if (_json.TokenType is JsonTokenType.Number or JsonTokenType.String && !ReadNumber(out time)) time = double.NaN;
        if (!(Math.Abs(time) <= MaxTime)) return Fail(RowFault.Malformed, "the event time is neither milliseconds nor ISO 8601 text");
        Time = (long)Math.Floor(time);
        return true;
    }

    private readonly bool ReadNumber(out double value)
    {
        switch (_json.TokenType)
        {
            case JsonTokenType.Number:
                // Most values are a flag or a count of one digit, which need no general parser.
                if (_json.ValueSpan is [var digit])
                {
                    value = digit - '0';
                    return true;
                }
                return _json.TryGetDouble(out value);
            case JsonTokenType.String:
                var text = _json.ValueSpan;
                if (Utf8Parser.TryParse(text, out value, out var used) && used == text.Length) return true;
                value = Ascii.EqualsIgnoreCase(text, "true"u8) ? 1 : 0;
                return value == 1 || Ascii.EqualsIgnoreCase(text, "false"u8);
            default:
                value = _json.TokenType == JsonTokenType.True ? 1 : 0;
                return _json.TokenType is JsonTokenType.True or JsonTokenType.False;
        }
    }

    // The text of the current token: a part of the record where it has no escapes, else unescaped into the scratch. No: it is longer.
    private readonly bool Text(Span<byte> scratch, out ReadOnlySpan<byte> text)
    {
        text = _json.ValueSpan;
        if (!_json.ValueIsEscaped) return true;
        if (text.Length > scratch.Length) return false;
        text = scratch[.._json.CopyString(scratch)];
        return true;
    }

    private static string Words(JsonField field) => field switch
    {
        JsonField.Id => "id",
        JsonField.Features => "features",
        JsonField.Label => "label",
        _ => "event time",
    };
}
