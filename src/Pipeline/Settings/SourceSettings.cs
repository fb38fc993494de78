using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>The kinds of source.</summary>
public enum SourceKind
{
    /// <summary>The built-in, seeded generator.</summary>
    Generator,

    /// <summary>A file, plain or gzip.</summary>
    File,

    /// <summary>A topic.</summary>
    Kafka,
}

/// <summary>Where records come from.</summary>
/// <param name="Kind">Which kind of source.</param>
/// <param name="Path">The file; empty for other kinds. Relative to the working directory.</param>
/// <param name="Topic">The topic; empty for other kinds.</param>
/// <param name="Follow">Whether to wait for more at the end of the file.</param>
/// <param name="ChunkRows">Most rows a chunk.</param>
/// <param name="Format">What the records look like.</param>
/// <param name="Generator">Settings of the generator.</param>
public sealed record SourceSettings(SourceKind Kind, string Path, string Topic, bool Follow, int ChunkRows, FormatSettings Format, GeneratorSettings Generator);

/// <summary>The formats of records.</summary>
public enum RecordFormat
{
    /// <summary><c>LABEL INDEX:VALUE ...</c>, one row a line.</summary>
    SvmLight,

    /// <summary>One JSON object a record.</summary>
    Json,

    /// <summary>Cells with a delimiter between them, one row a record.</summary>
    Csv,

    /// <summary>Raw text or a URL a record.</summary>
    Text,

    /// <summary>The protobuf message <c>Features</c> a record.</summary>
    Protobuf,
}

/// <summary>What the records look like.</summary>
/// <param name="Kind">The format.</param>
/// <param name="Json">Which JSON fields hold what.</param>
public sealed record FormatSettings(RecordFormat Kind, JsonMapping Json)
{
    /// <summary>Which CSV columns hold what.</summary>
    public CsvMapping Csv { get; init; } = new([], Label: "label");

    /// <summary>How raw text is read.</summary>
    public TextMapping Text { get; init; } = new();

    /// <summary>Types of fields; for JSON and CSV.</summary>
    public SchemaSettings Schema { get; init; } = SchemaSettings.None;

    /// <summary>Most rows a message; above 1 the messages' lines are rows.</summary>
    public int RowsPerMessage { get; init; } = 1;

    /// <summary>
    /// What decides how bytes become rows and labels, as settings; id and time do not enter the fold. What came later than the first
    /// lineages is named only where it is used, so that their geneses stay what they are.
    /// </summary>
    public ConfigNode.Map ToConfig()
    {
        var inner = Kind switch
        {
            RecordFormat.Json when Json.Nested => ConfigNode.Of(("features", Json.Features), ("label", Json.Label), ("nested", "on")),
            RecordFormat.Json => ConfigNode.Of(("features", Json.Features), ("label", Json.Label)),
            RecordFormat.Csv => Csv.ToConfig(),
            RecordFormat.Text => Text.ToConfig(),
            _ => ConfigNode.Map.Empty,
        };
        if (HasSchema) inner = inner.With("schema", Schema.ToConfig());
        if (RowsPerMessage > 1) inner = inner.With("rows-per-message", RowsPerMessage.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return ConfigNode.Map.Empty.With(Spelling.Of(Kind), inner);
    }

    /// <summary>The same as one line.</summary>
    public string ToCanonicalString()
    {
        var inner = Kind switch
        {
            RecordFormat.Json => $"features={Spelling.Quote(Json.Features)},label={Spelling.Quote(Json.Label)}{(Json.Nested ? ",nested=on" : "")}",
            RecordFormat.Csv => Csv.ContentText,
            RecordFormat.Text => $"label={Spelling.Of(Text.Label)},split={Spelling.Of(Text.Split)}",
            _ => "",
        };
        if (HasSchema) inner += $",schema={Schema.ToCanonicalString()}";
        if (RowsPerMessage > 1) inner += string.Create(System.Globalization.CultureInfo.InvariantCulture, $",rows-per-message={RowsPerMessage}");
        return inner.Length == 0 ? Spelling.Of(Kind) : $"{Spelling.Of(Kind)}{{{inner.TrimStart(',')}}}";
    }

    private bool HasSchema => Kind is RecordFormat.Json or RecordFormat.Csv && Schema.Fields.Count > 0;
}

/// <summary>The shape of the generated stream: malicious URLs with features that appear each day, drift and noise.</summary>
/// <param name="Rows">Rows of the whole stream.</param>
/// <param name="Seed">Seed; equal seeds give equal streams.</param>
/// <param name="RowsPerDay">Rows until the next day's new features and drift.</param>
/// <param name="Noise">Share of labels that are wrong.</param>
/// <param name="Positives">Mean share of positive rows.</param>
public sealed record GeneratorSettings(long Rows, ulong Seed, int RowsPerDay, double Noise, double Positives);
