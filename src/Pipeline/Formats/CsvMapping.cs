using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Which columns of a CSV record hold what.</summary>
/// <param name="Columns">Names of the columns in order; empty: the first record of the log (a file's header line) names them.</param>
/// <param name="Delimiter">One ASCII character between cells.</param>
/// <param name="Id">Column of the id; empty: the records have none.</param>
/// <param name="Label">Column of the label; empty: the records have none.</param>
/// <param name="EventTime">Column of the event time; empty: the records have none.</param>
/// <param name="Features">Columns that are features; empty: all columns that are nothing else.</param>
public sealed record CsvMapping(ImmutableArray<string> Columns, char Delimiter = ',', string Id = "", string Label = "", string EventTime = "", ImmutableArray<string> Features = default)
{
    /// <summary>Longest name of a feature in bytes (of a text column: its name and the text).</summary>
    public const int MaxNameBytes = 1_024;

    /// <summary>The columns of a header line.</summary>
    public ImmutableArray<string> ReadHeader(ReadOnlySpan<byte> line)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        var cells = new CsvCells(line.StartsWith("\ufeff"u8) ? line[3..] : line, (byte)Delimiter);
        var scratch = new byte[line.Length];
        while (cells.Next()) names.Add(System.Text.Encoding.UTF8.GetString(cells.Text(scratch)).Trim());
        return names.ToImmutable();
    }

    /// <summary>Every column that is mapped and not there, or there twice: key of the setting and what is wrong.</summary>
    public IEnumerable<(string Key, string Message)> Faults(ImmutableArray<string> columns)
    {
        foreach (var name in columns.GroupBy(c => c, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key))
            yield return ("columns", $"the column '{name}' is there twice");
        var list = string.Join(", ", columns);
        foreach (var (key, name) in new[] { ("id", Id), ("label", Label), ("event-time", EventTime) }.Concat(FeatureList.Select(f => ("features", f))))
        {
            if (name.Length > 0 && !columns.Contains(name, StringComparer.Ordinal)) yield return (key, $"there is no column '{name}'; the columns are {list}");
        }
    }

    private ImmutableArray<string> FeatureList => Features.IsDefault ? [] : Features;

    /// <summary>Whether a column is a feature.</summary>
    internal bool IsFeature(string column) =>
        column != Id && column != Label && column != EventTime && column.Length > 0 && (FeatureList.IsEmpty || FeatureList.Contains(column, StringComparer.Ordinal));

    /// <inheritdoc/>
    public bool Equals(CsvMapping? other) => other is not null && Text == other.Text;

    /// <inheritdoc/>
    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    /// <summary>One line, equal for equal mappings.</summary>
    internal string Text => $"{ContentText},id={Spelling.Quote(Id)},time={Spelling.Quote(EventTime)}";

    /// <summary>What decides how bytes become rows and labels.</summary>
    internal string ContentText =>
        $"columns=[{List(Columns)}],delimiter={Spelling.Quote(Delimiter.ToString())},features=[{List(FeatureList)}],label={Spelling.Quote(Label)}";

    /// <summary>The same as settings.</summary>
    internal ConfigNode.Map ToConfig() => ConfigNode.Of(("delimiter", Delimiter.ToString()), ("label", Label))
        .With("columns", Nodes(Columns)).With("features", Nodes(FeatureList));

    private static ConfigNode.List Nodes(ImmutableArray<string> names) => new([.. names.Select(n => (ConfigNode)new ConfigNode.Text(n))]);

    private static string List(ImmutableArray<string> names) => string.Join(',', names.Select(Spelling.Quote));
}
