using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Reads what a source's block says of the format of its records.</summary>
internal static class FormatSettingsReader
{
    /// <summary>Most rows a message.</summary>
    private const int MaxRowsPerMessage = 65_536;

    /// <summary>Reads the keys that are the format's, from the block of the source.</summary>
    public static FormatSettings Read(SettingsReader source)
    {
        var format = new FormatSettings(source.OneOf<RecordFormat>("format"), ReadJson(source.Block("json")))
        {
            Csv = ReadCsv(source.Block("csv")),
            Text = ReadText(source.Block("text")),
            Schema = ReadSchema(source.Block("schema")),
            RowsPerMessage = (int)source.Integer("rows-per-message", 1, MaxRowsPerMessage),
        };
        if (format.Schema.Fields.Count > 0 && format.Kind is not (RecordFormat.Json or RecordFormat.Csv))
            source.Fault("schema", $"is for json and csv; the fields of {Spelling.Of(format.Kind)} have no types to choose");
        if (format is { RowsPerMessage: > 1, Kind: RecordFormat.Protobuf })
            source.Fault("rows-per-message", "must be 1 for protobuf: its bytes have no lines");
        return format;
    }

    private static JsonMapping ReadJson(SettingsReader reader)
    {
        var settings = new JsonMapping(reader.Text("id"), reader.Text("features"), reader.Text("label"), reader.Text("event-time")) { Nested = reader.Flag("nested") };
        reader.RefuseUnread();
        try
        {
            _ = JsonPaths.Of(settings);
        }
        catch (ArgumentException e)
        {
            reader.FaultOfBlock(e.Message);
        }
        return settings;
    }

    private static CsvMapping ReadCsv(SettingsReader reader)
    {
        var delimiter = reader.Text("delimiter");
        if (delimiter.Length != 1 || !char.IsAscii(delimiter[0]) || delimiter[0] is '"' or '\r' or '\n')
        {
            reader.Fault("delimiter", $"must be one ASCII character (a tab is \"\\t\") that is no quote and no line end, not '{delimiter}'");
            delimiter = ",";
        }
        var settings = new CsvMapping(Names(reader, "columns"), delimiter[0], reader.Text("id"), reader.Text("label"), reader.Text("event-time"), Names(reader, "features"));
        reader.RefuseUnread();
        if (settings.Columns.IsEmpty) return settings;
        foreach (var (key, message) in settings.Faults(settings.Columns)) reader.Fault(key, message);
        return settings;
    }

    private static TextMapping ReadText(SettingsReader reader)
    {
        var settings = new TextMapping(reader.OneOf<TextSplit>("split"), reader.OneOf<TextLabel>("label"));
        reader.RefuseUnread();
        return settings;
    }

    private static SchemaSettings ReadSchema(SettingsReader reader)
    {
        var fields = ImmutableSortedDictionary.CreateBuilder<string, FieldType>(StringComparer.Ordinal);
        if (reader.Node("fields") is ConfigNode.Map map)
        {
            foreach (var (name, node) in map.Fields)
            {
                if (node is ConfigNode.Text t && Enum.TryParse<FieldType>(t.Value, ignoreCase: true, out var type) && Spelling.Of(type) == t.Value) fields.Add(name, type);
                else reader.Fault($"fields.{name}", $"must be one of bool, number, string, not {SettingsReader.Show(node)}");
            }
        }
        else
        {
            reader.Fault("fields", "must be a block { } of names and types");
        }
        var settings = new SchemaSettings(fields.ToImmutable(), reader.Flag("required"));
        reader.RefuseUnread();
        return settings;
    }

    private static ImmutableArray<string> Names(SettingsReader reader, string key)
    {
        var node = reader.Node(key);
        if (node is null) return [];
        var names = (node as ConfigNode.List)?.Items.OfType<ConfigNode.Text>().Select(t => t.Value).ToImmutableArray() ?? [];
        if (node is not ConfigNode.List list || names.Length != list.Items.Length) reader.Fault(key, string.Create(CultureInfo.InvariantCulture, $"must be a list of names, not {SettingsReader.Show(node)}"));
        return names;
    }
}
