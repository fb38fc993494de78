using System.Collections.Immutable;
using System.IO.Hashing;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>What a schema says a field is.</summary>
public enum FieldType
{
    /// <summary>A finite number; its value is the feature's.</summary>
    Number,

    /// <summary>A text: the feature is <c>name=text</c> with the value 1.</summary>
    String,

    /// <summary>A truth value: 1 or 0.</summary>
    Bool,
}

/// <summary>Types of the fields that are features, as settings say them. Fields that it does not name are read as without a schema.</summary>
/// <param name="Fields">Type by name of the field.</param>
/// <param name="Required">Whether each of the fields must be there, and not null.</param>
public sealed record SchemaSettings(ImmutableSortedDictionary<string, FieldType> Fields, bool Required)
{
    /// <summary>No field has a type.</summary>
    public static SchemaSettings None { get; } = new(ImmutableSortedDictionary.Create<string, FieldType>(StringComparer.Ordinal), true);

    /// <summary>The schema as settings again.</summary>
    public ConfigNode.Map ToConfig() => ConfigNode.Map.Empty
        .With("fields", Fields.Aggregate(ConfigNode.Map.Empty, (map, f) => map.With(f.Key, Spelling.Of(f.Value))))
        .With("required", Required ? "on" : "off");

    /// <summary>The same as one line.</summary>
    public string ToCanonicalString() =>
        $"{{fields={{{string.Join(',', Fields.Select(f => $"{Spelling.Quote(f.Key)}={Spelling.Of(f.Value)}"))}}},required={(Required ? "on" : "off")}}}";

    /// <inheritdoc/>
    public bool Equals(SchemaSettings? other) => other is not null && ToCanonicalString() == other.ToCanonicalString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToCanonicalString().GetHashCode(StringComparison.Ordinal);
}

/// <summary>A schema made for reading: fields by the bytes of their names. Immutable; which fields a record had is the reader's to keep.</summary>
internal sealed class RecordSchema
{
    private readonly Dictionary<ulong, int> _byHash = [];
    private readonly byte[][] _names;
    private readonly FieldType[] _types;

    private RecordSchema(SchemaSettings settings)
    {
        _names = [.. settings.Fields.Keys.Select(Encoding.UTF8.GetBytes)];
        _types = [.. settings.Fields.Values];
        Required = settings.Required;
        for (var i = 0; i < _names.Length; i++) _byHash.Add(XxHash3.HashToUInt64(_names[i]), i);
    }

    /// <summary>Fields.</summary>
    public int Count => _names.Length;

    public bool Required { get; }

    /// <summary>Null where no field has a type.</summary>
    public static RecordSchema? Of(SchemaSettings? settings) => settings is null or { Fields.Count: 0 } ? null : new RecordSchema(settings);

    /// <summary>The number of a field, or -1.</summary>
    public int Find(ReadOnlySpan<byte> name) =>
        _byHash.TryGetValue(XxHash3.HashToUInt64(name), out var i) && name.SequenceEqual(_names[i]) ? i : -1;

    public FieldType TypeOf(int field) => _types[field];

    public string NameOf(int field) => Encoding.UTF8.GetString(_names[field]);

    /// <summary>The first required field that is not among those present, or -1.</summary>
    public int FirstMissing(ReadOnlySpan<bool> present) => Required ? present[..Count].IndexOf(false) : -1;

    /// <summary>A violation in words, the same for each record that has it, so that it can be counted.</summary>
    public string Violation(int field) => $"the field '{NameOf(field)}' is no {Spelling.Of(TypeOf(field))}, as the schema says";

    /// <summary>A missing field in words.</summary>
    public string Missing(int field) => $"the field '{NameOf(field)}', which the schema requires, is missing";
}
