using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>Settings as canonical JSON: keys sorted ordinally, all scalars as strings, no white space. Equal settings, equal text.</summary>
public static class SettingsText
{
    /// <summary>Writes settings.</summary>
    public static string Write(ConfigNode node)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream)) Write(json, node);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Reads settings.</summary>
    /// <exception cref="JournalFormatException">The text is no settings.</exception>
    public static ConfigNode Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return Read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new JournalFormatException($"the genesis holds settings that cannot be read: {e.Message}");
        }
    }

    /// <summary>Every scalar by its dotted path.</summary>
    public static ImmutableSortedDictionary<string, string> Flatten(string text)
    {
        var flat = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        Flatten("", Read(text), flat);
        return flat.ToImmutable();
    }

    private static void Flatten(string path, ConfigNode node, ImmutableSortedDictionary<string, string>.Builder flat)
    {
        switch (node)
        {
            case ConfigNode.Map { Fields.Count: 0 }:
                flat[path] = "{}";
                break;
            case ConfigNode.Map map:
                foreach (var (key, value) in map.Fields) Flatten(path.Length == 0 ? key : $"{path}.{key}", value, flat);
                break;
            case ConfigNode.List list:
                for (var i = 0; i < list.Items.Length; i++) Flatten($"{path}[{i}]", list.Items[i], flat);
                break;
            case ConfigNode.Text scalar:
                flat[path] = scalar.Value;
                break;
        }
    }

    private static void Write(Utf8JsonWriter json, ConfigNode node)
    {
        switch (node)
        {
            case ConfigNode.Map map:
                json.WriteStartObject();
                foreach (var (key, value) in map.Fields)
                {
                    json.WritePropertyName(key);
                    Write(json, value);
                }
                json.WriteEndObject();
                break;
            case ConfigNode.List list:
                json.WriteStartArray();
                foreach (var item in list.Items) Write(json, item);
                json.WriteEndArray();
                break;
            case ConfigNode.Text scalar:
                json.WriteStringValue(scalar.Value);
                break;
        }
    }

    private static ConfigNode Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Aggregate(ConfigNode.Map.Empty, (map, p) => map.With(p.Name, Read(p.Value))),
        JsonValueKind.Array => new ConfigNode.List([.. element.EnumerateArray().Select(Read)]),
        JsonValueKind.String => new ConfigNode.Text(element.GetString()!),
        _ => new ConfigNode.Text(element.GetRawText()),
    };
}
