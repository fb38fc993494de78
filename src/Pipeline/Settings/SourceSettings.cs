using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>The kinds of source.</summary>
public enum SourceKind
{
    /// <summary>The built-in, seeded generator.</summary>
    Generator,

    /// <summary>A file, plain or gzip.</summary>
    File,
}

/// <summary>Where records come from.</summary>
/// <param name="Kind">Which kind of source.</param>
/// <param name="Path">The file; empty for other kinds. Relative to the working directory.</param>
/// <param name="Follow">Whether to wait for more at the end of the file.</param>
/// <param name="ChunkRows">Most rows a chunk.</param>
/// <param name="Format">What the records look like.</param>
/// <param name="Generator">Settings of the generator.</param>
public sealed record SourceSettings(SourceKind Kind, string Path, bool Follow, int ChunkRows, FormatSettings Format, GeneratorSettings Generator);

/// <summary>The formats of records.</summary>
public enum RecordFormat
{
    /// <summary><c>LABEL INDEX:VALUE ...</c>, one row a line.</summary>
    SvmLight,

    /// <summary>One JSON object a record.</summary>
    Json,
}

/// <summary>What the records look like.</summary>
/// <param name="Kind">The format.</param>
/// <param name="Json">Which JSON fields hold what.</param>
public sealed record FormatSettings(RecordFormat Kind, JsonMapping Json)
{
    /// <summary>What decides how bytes become rows and labels, as settings; id and time do not enter the fold.</summary>
    public ConfigNode.Map ToConfig() => ConfigNode.Map.Empty.With(Spelling.Of(Kind), Kind == RecordFormat.Json
        ? ConfigNode.Of(("features", Json.Features), ("label", Json.Label))
        : ConfigNode.Map.Empty);

    /// <summary>The same as one line.</summary>
    public string ToCanonicalString() => Kind == RecordFormat.Json
        ? $"{Spelling.Of(Kind)}{{features={Spelling.Quote(Json.Features)},label={Spelling.Quote(Json.Label)}}}"
        : Spelling.Of(Kind);
}

/// <summary>The shape of the generated stream: malicious URLs with features that appear each day, drift and noise.</summary>
/// <param name="Rows">Rows of the whole stream.</param>
/// <param name="Seed">Seed; equal seeds give equal streams.</param>
/// <param name="RowsPerDay">Rows until the next day's new features and drift.</param>
/// <param name="Noise">Share of labels that are wrong.</param>
/// <param name="Positives">Mean share of positive rows.</param>
public sealed record GeneratorSettings(long Rows, ulong Seed, int RowsPerDay, double Noise, double Positives);
