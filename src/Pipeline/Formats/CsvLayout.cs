using System.Collections.Immutable;
using System.Text;

namespace StreamMLOps.Pipeline;

/// <summary>What a column is.</summary>
internal enum CsvRole
{
    Ignored,
    Id,
    Label,
    EventTime,
    Feature,
}

/// <summary>One column, made for reading.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Utf8">The same in bytes.</param>
/// <param name="Role">What it is.</param>
/// <param name="Field">Its number in the schema, or -1.</param>
/// <param name="Index">Index of its feature.</param>
/// <param name="IsIndex">Whether its name says nothing but the index.</param>
internal sealed record CsvColumn(string Name, byte[] Utf8, CsvRole Role, int Field, uint Index, bool IsIndex);

/// <summary>The columns of a log, made for reading.</summary>
internal sealed class CsvLayout(ImmutableArray<CsvColumn> columns)
{
    public ImmutableArray<CsvColumn> Columns { get; } = columns;

    /// <exception cref="SourceException">A mapped column is not there.</exception>
    public static CsvLayout Of(CsvMapping mapping, ImmutableArray<string> names, RecordSchema? schema)
    {
        var faults = mapping.Faults(names).Select(f => $"source.csv.{f.Key}: {f.Message}").ToArray();
        if (faults.Length > 0) throw new SourceException(string.Join("; ", faults));
        return new CsvLayout([.. names.Select(name => Column(mapping, name, schema))]);
    }

    private static CsvColumn Column(CsvMapping mapping, string name, RecordSchema? schema)
    {
        var utf8 = Encoding.UTF8.GetBytes(name);
        var role = name.Length == 0 ? CsvRole.Ignored
            : name == mapping.Id ? CsvRole.Id
            : name == mapping.Label ? CsvRole.Label
            : name == mapping.EventTime ? CsvRole.EventTime
            : mapping.IsFeature(name) ? CsvRole.Feature
            : CsvRole.Ignored;
        var index = FeatureName.IndexOf(utf8, out var isIndex);
        return new CsvColumn(name, utf8, role, role == CsvRole.Feature ? schema?.Find(utf8) ?? -1 : -1, index, isIndex);
    }
}
