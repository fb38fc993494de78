using System.Text.Json;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Reads one JSON record into a batch of rows, without making any string of it.</summary>
internal ref struct JsonRowReader
{
    private const double MaxTime = 8_640_000_000_000_000; // milliseconds: 100 million days either way, more than any calendar needs

    private readonly RowBatch _rows;
    private readonly JsonMapping _mapping;
    private readonly RecordSchema? _schema;
    private readonly Span<byte> _idScratch;
    private readonly Span<byte> _nameScratch;
    private readonly Span<bool> _present; // fields of the schema that the record has
    private Utf8JsonReader _json;
    private double _label = double.NaN;
    private int _seen; // fields met, a bit each
    private int _count;

    /// <param name="record">Valid UTF-8.</param>
    /// <param name="rows">Receives the row.</param>
    /// <param name="mapping">Where the fields are.</param>
    /// <param name="schema">Types of features, or null.</param>
    /// <param name="scratch">The id may lie in it.</param>
    public JsonRowReader(ReadOnlySpan<byte> record, RowBatch rows, JsonMapping mapping, RecordSchema? schema, JsonScratch scratch)
    {
        _json = new Utf8JsonReader(record, new JsonReaderOptions { MaxDepth = mapping.MaxDepth });
        _rows = rows;
        _mapping = mapping;
        _schema = schema;
        _idScratch = scratch.Id;
        _nameScratch = scratch.Name;
        _present = scratch.Present;
        _present.Clear();
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

    /// <summary>Adds the record's row to the batch, or states the fault; the caller drops an unfinished row then.</summary>
    /// <exception cref="JsonException">The record is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A text in it has an escape that is no character.</exception>
    public bool Read(JsonPaths paths)
    {
        _rows.BeginRow();
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject) return Fail(RowFault.Malformed, "the record is not a JSON object");
        if (_mapping.AllFields) _seen |= 1 << (int)JsonField.Features;
        if (!ReadObject(paths, isRoot: true)) return false;
        _json.Read(); // refuses what follows the object
        if ((_seen & 1 << (int)JsonField.Features) == 0) return Fail(RowFault.MissingField, $"the record has no features (field {_mapping.Features})");
        if (_schema?.FirstMissing(_present) is { } missing and >= 0) return Fail(RowFault.MissingField, _schema.Missing(missing));
        return _rows.TryEndRow(_label) switch
        {
            RowFault.None => true,
            RowFault.TooManyFeatures => TooMany(),
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

    private bool TooMany() => Fail(RowFault.TooManyFeatures, $"the row has more than {RowBatch.MaxFeatures} features");

    private bool ReadObject(JsonPaths node, bool isRoot)
    {
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            var child = node.Find(ref _json);
            if (child is null && isRoot && _mapping.AllFields)
            {
                if (!ReadFeature(prefix: 0)) return false;
                continue;
            }
            _json.Read();
            if (child is null || (child.Field == JsonField.None && _json.TokenType != JsonTokenType.StartObject)) _json.Skip();
            else if (child.Field == JsonField.None ? !ReadObject(child, isRoot: false) : !ReadField(child.Field)) return false;
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
            JsonField.Features => _json.TokenType == JsonTokenType.StartObject ? ReadFeatures(prefix: 0) : Fail(RowFault.Malformed, "the features are not an object of names and values"),
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

    // The features of the object that was just begun; the first prefix bytes of the scratch stand before each of their names.
    private bool ReadFeatures(int prefix)
    {
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (!ReadFeature(prefix)) return false;
        }
        return true;
    }

    // The feature whose property name is the current token.
    private bool ReadFeature(int prefix)
    {
        if (!Text(_nameScratch[prefix..], out var name) || prefix + name.Length > _mapping.MaxNameBytes) return NameTooLong();
        if (name.IsEmpty) return Fail(RowFault.BadIndex, "a feature has an empty name");
        if (prefix > 0)
        {
            name.CopyTo(_nameScratch[prefix..]);
            name = _nameScratch[..(prefix + name.Length)];
        }
        _json.Read();
        if (_json.TokenType == JsonTokenType.Null) return true;
        var field = _schema?.Find(name) ?? -1;
        return field >= 0 ? ReadTyped(name, field)
            : _json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && _mapping.Nested ? ReadNested(name)
            : ReadValue(name);
    }

    private bool ReadValue(ReadOnlySpan<byte> name)
    {
        if (!ReadNumber(out var value)) return Fail(RowFault.BadValue, "the value of a feature is not a number");
        return double.IsFinite(value) ? Add(name, value) : Fail(RowFault.NotFinite, "the value of a feature is not finite");
    }

    private bool ReadTyped(ReadOnlySpan<byte> name, int field)
    {
        _present[field] = true;
        switch (_schema!.TypeOf(field))
        {
            case FieldType.String when _json.TokenType == JsonTokenType.String:
                return AddText(name);
            case FieldType.String when _json.TokenType == JsonTokenType.StartArray && _mapping.Nested:
                while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
                {
                    if (_json.TokenType != JsonTokenType.String) return Fail(RowFault.SchemaViolation, _schema.Violation(field));
                    if (!AddText(name)) return false;
                }
                return true;
            case FieldType.Number when _json.TokenType is JsonTokenType.Number or JsonTokenType.String && ReadNumber(out _) && !IsFlag():
            case FieldType.Bool when _json.TokenType is JsonTokenType.True or JsonTokenType.False || IsFlag():
                return ReadValue(name);
            default:
                return Fail(RowFault.SchemaViolation, _schema.Violation(field));
        }
    }

    // Objects: names joined by dots. Arrays: numbers by their place, texts as name=text.
    private bool ReadNested(ReadOnlySpan<byte> name)
    {
        name.CopyTo(_nameScratch);
        name = _nameScratch[..name.Length];
        _nameScratch[name.Length] = (byte)'.';
        var prefix = name.Length + 1;
        if (_json.TokenType == JsonTokenType.StartObject) return ReadFeatures(prefix);
        for (var i = 0; _json.Read() && _json.TokenType != JsonTokenType.EndArray; i++)
        {
            if (_json.TokenType == JsonTokenType.Null) continue;
            if (_json.TokenType == JsonTokenType.String)
            {
                if (!AddText(name)) return false;
                continue;
            }
            _nameScratch[name.Length] = (byte)'.'; // a text before wrote its sign of equality there
            var length = prefix + JsonText.Write(_nameScratch[prefix..], i);
            if (length > _mapping.MaxNameBytes) return NameTooLong();
            var element = _nameScratch[..length];
            if (_json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray ? !ReadNested(element) : !ReadValue(element)) return false;
        }
        return true;
    }

    private bool AddText(ReadOnlySpan<byte> name)
    {
        var prefix = name.Length + 1;
        if (!Text(_nameScratch[prefix..], out var text) || prefix + text.Length > _mapping.MaxNameBytes) return NameTooLong();
        name.CopyTo(_nameScratch);
        _nameScratch[name.Length] = (byte)'=';
        text.CopyTo(_nameScratch[prefix..]);
        return Add(_nameScratch[..(prefix + text.Length)], 1);
    }

    private bool Add(ReadOnlySpan<byte> name, double value)
    {
        if (++_count > RowBatch.MaxFeatures) return TooMany();
        var index = FeatureName.IndexOf(name, out var isIndex);
        if (isIndex) _rows.Add(index, value);
        else _rows.Add(index, value, name);
        return true;
    }

    private bool NameTooLong() => Fail(RowFault.TooLarge, $"the name of a feature is longer than {_mapping.MaxNameBytes} bytes");

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

    private readonly bool IsFlag() => _json.TokenType == JsonTokenType.String && NumberText.TryReadFlag(_json.ValueSpan, out _);

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
                return NumberText.TryRead(_json.ValueSpan, out value);
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

/// <summary>Room that the records of a chunk share for what has to be unescaped or put together, cut from one rented array.</summary>
internal readonly ref struct JsonScratch
{
    private const int MaxEscape = 6; // bytes of \u0041, which is one byte of text

    public JsonScratch(Span<byte> bytes, Span<bool> present, JsonMapping mapping)
    {
        Id = bytes[..(mapping.MaxIdBytes * MaxEscape)];
        Name = bytes.Slice(Id.Length, NameBytes(mapping));
        Present = present;
    }

    public Span<byte> Id { get; }

    public Span<byte> Name { get; }

    public Span<bool> Present { get; }

    public static int Bytes(JsonMapping mapping) => mapping.MaxIdBytes * MaxEscape + NameBytes(mapping);

    // A prefix of the longest name, then a text that is all escapes, and a number.
    private static int NameBytes(JsonMapping mapping) => mapping.MaxNameBytes * (MaxEscape + 1) + JsonText.MaxNumber;
}
