using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A node's settings, all of them, validated. Defaults are in <c>hocon/reference.conf</c> and nowhere else; <see cref="NodeSettingsReader"/>
/// makes this from layers of HOCON.
/// </summary>
/// <param name="DataFolder">Where the node keeps all of its state.</param>
/// <param name="Journal">The journal.</param>
/// <param name="Pipelines">The pipelines, by name, ordinally sorted.</param>
public sealed record NodeSettings(string DataFolder, JournalSettings Journal, ImmutableArray<PipelineSettings> Pipelines);

/// <summary>Where events and snapshots are kept.</summary>
/// <param name="Provider">The database.</param>
/// <param name="LockTimeout">How long a write waits for a database that another process has locked before it counts as failed.</param>
public sealed record JournalSettings(JournalProvider Provider, TimeSpan LockTimeout);

/// <summary>The databases a journal can be kept in.</summary>
public enum JournalProvider
{
    /// <summary>One SQLite file in the data folder, for a cluster of one node.</summary>
    Sqlite,
}

/// <summary>One pipeline: what is read, how it is scored and learned, and where the answers go.</summary>
/// <param name="Name">The pipeline's name: lower-case letters, digits and hyphens.</param>
/// <param name="Lineage">Name of the lineage that learns and scores.</param>
/// <param name="Source">Where records come from, and their format.</param>
/// <param name="Featurize">The stateless map from decoded rows to the model's rows.</param>
/// <param name="Model">The model and its parameters.</param>
/// <param name="Labels">Where labels come from.</param>
/// <param name="Learn">How rows are collected into events.</param>
/// <param name="Snapshots">When snapshots are taken and which are kept.</param>
/// <param name="Sink">Where predictions and dead letters go.</param>
/// <param name="Audit">What is kept so that predictions can be recomputed.</param>
/// <param name="Limits">Bounds of what is accepted.</param>
public sealed record PipelineSettings(
    string Name,
    string Lineage,
    SourceSettings Source,
    FeaturizeSettings Featurize,
    ModelSpec Model,
    LabelSource Labels,
    LearnSettings Learn,
    SnapshotSettings Snapshots,
    SinkSettings Sink,
    AuditSettings Audit,
    LimitSettings Limits)
{
    /// <summary>
    /// One line of everything that defines the fold, equal for equal folds: a lineage's genesis records it, and settings that
    /// differ from it later are refused. Paths, chunk and event sizes, waits, snapshots and limits are not in it: they may change freely.
    /// </summary>
    public string GenesisText => $"model={Model.ToCanonicalString()};featurize={Featurize.ToCanonicalString()};format={Source.Format.ToCanonicalString()};labels={Spelling.Of(Labels)}";
}

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
public sealed record FormatSettings(RecordFormat Kind, JsonFields Json)
{
    /// <summary>What decides how bytes become rows and labels; id and time do not enter the fold.</summary>
    public string ToCanonicalString() => Kind == RecordFormat.Json
        ? $"{Spelling.Of(Kind)}{{features={Spelling.Quote(Json.Features)},label={Spelling.Quote(Json.Label)}}}"
        : Spelling.Of(Kind);
}

/// <summary>Names of the JSON fields that are mapped.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Features">The object of features: names or indices, and values.</param>
/// <param name="Label">The label.</param>
/// <param name="EventTime">When it happened.</param>
public sealed record JsonFields(string Id, string Features, string Label, string EventTime);

/// <summary>The shape of the generated stream: malicious URLs with features that appear each day, drift and noise.</summary>
/// <param name="Rows">Rows of the whole stream.</param>
/// <param name="Seed">Seed; equal seeds give equal streams.</param>
/// <param name="RowsPerDay">Rows until the next day's new features and drift.</param>
/// <param name="Noise">Share of labels that are flipped.</param>
public sealed record GeneratorSettings(long Rows, ulong Seed, int RowsPerDay, double Noise);

/// <summary>The stateless featurizers, in order.</summary>
/// <param name="Steps">Each step's name and parameters.</param>
public sealed record FeaturizeSettings(ImmutableArray<FeaturizerSpec> Steps)
{
    /// <summary>One line, equal for equal featurization.</summary>
    public string ToCanonicalString() => $"[{string.Join(',', Steps)}]";

    /// <inheritdoc/>
    public bool Equals(FeaturizeSettings? other) => other is not null && ToCanonicalString() == other.ToCanonicalString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToCanonicalString().GetHashCode(StringComparison.Ordinal);
}

/// <summary>One featurizer and its resolved parameters.</summary>
/// <param name="Name">Its name in settings.</param>
/// <param name="Values">Its parameters, defaults included.</param>
public sealed record FeaturizerSpec(string Name, ParameterValues Values)
{
    /// <summary>The featurizers there are, and their parameters.</summary>
    public static ImmutableArray<Option> Options { get; } =
    [
        new("hash", "Folds names and indices into 2^bits indices; features that meet are summed.",
            new Parameter.Integer("bits", 24, 1, 32, "Bits of the index."),
            new Parameter.Integer("seed", 0, 0, long.MaxValue, "Seed of the hash.")),
    ];

    /// <inheritdoc/>
    public override string ToString() => $"{Name}{Values.ToCanonicalString()}";
}

/// <summary>Where labels come from.</summary>
public enum LabelSource
{
    /// <summary>With the row.</summary>
    Inline,
}

/// <summary>How rows are collected into journal events. One event is in flight; rows that arrive meanwhile make the next one.</summary>
/// <param name="MaxRows">Most rows an event.</param>
/// <param name="MaxBytes">Most bytes an event.</param>
/// <param name="MaxWait">How long a row may wait for its event to fill.</param>
/// <param name="Shards">Models that share the partitions.</param>
public sealed record LearnSettings(int MaxRows, int MaxBytes, TimeSpan MaxWait, int Shards);

/// <summary>When snapshots are taken and which are kept.</summary>
/// <param name="EveryEvents">Events from one snapshot to the next; <see cref="Never"/>: events do not count.</param>
/// <param name="EveryBytes">Bytes of events from one snapshot to the next; <see cref="Never"/>: bytes do not count.</param>
/// <param name="KeepRecent">Newest snapshots that are kept.</param>
/// <param name="KeepSpaced">Whether older ones are kept at exponentially growing distances, so that old audits stay quick.</param>
public sealed record SnapshotSettings(long EveryEvents, long EveryBytes, int KeepRecent, bool KeepSpaced)
{
    /// <summary>A count that is never reached.</summary>
    public const long Never = long.MaxValue;
}

/// <summary>Where predictions and dead letters go.</summary>
/// <param name="Predictions">File of predictions, one JSON object a line; the data folder's where relative in settings.</param>
/// <param name="DeadLetters">File of dead letters, likewise.</param>
public sealed record SinkSettings(string Predictions, string DeadLetters);

/// <summary>What is kept so that predictions can be recomputed.</summary>
/// <param name="Keep">Which rows.</param>
public sealed record AuditSettings(AuditKeep Keep);

/// <summary>Which rows' content is kept for audits.</summary>
public enum AuditKeep
{
    /// <summary>Learned rows, in the journal; of others the source must still have the record.</summary>
    Learned,
}

/// <summary>Bounds of what is accepted.</summary>
/// <param name="RecordBytes">Most bytes a record; a longer one becomes a dead letter.</param>
/// <param name="DeadLetterBytes">Most bytes of the original record that a dead letter carries.</param>
public sealed record LimitSettings(int RecordBytes, int DeadLetterBytes);
