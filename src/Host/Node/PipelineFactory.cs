using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Makes what a pipeline is made of from its settings.</summary>
internal static class PipelineFactory
{
    /// <summary>The learner and its fold.</summary>
    public static LearnerDefinition Learner(PipelineSettings settings, DataFolder folder, PipelineClocks clocks, TimeProvider time) => new(
        settings.Name,
        settings.Lineage,
        0,
        SettingsText.Write(settings.Genesis),
        Define,
        Source(settings, folder),
        Decoder(settings),
        Featurizer(settings.Featurize),
        new LearnerOptions(
            settings.Learn.MaxRows,
            settings.Learn.MaxBytes,
            settings.Learn.MaxWait,
            settings.Snapshots.EveryEvents,
            settings.Snapshots.EveryBytes,
            settings.Snapshots.KeepRecent,
            settings.Snapshots.KeepSpaced),
        clocks,
        time);

    /// <summary>The fold of a genesis, without the settings of today.</summary>
    /// <exception cref="JournalFormatException">This version of the program cannot make it.</exception>
    public static FoldDefinition Define(Genesis genesis)
    {
        try
        {
            var (model, featurize) = PipelineSettings.ReadGenesis(SettingsText.Read(genesis.Settings));
            return new FoldDefinition(model, Featurizer(featurize));
        }
        catch (ArgumentException e)
        {
            throw new JournalFormatException($"lineage '{genesis.Lineage}' of pipeline '{genesis.Pipeline}' was begun with settings that this version does not know ({e.Message}); use the version that wrote it or a later one");
        }
    }

    /// <summary>The source, with its committed positions in the data folder.</summary>
    public static ISource Source(PipelineSettings settings, DataFolder folder)
    {
        var source = settings.Source;
        var limits = new ChunkLimits { Rows = source.ChunkRows, RecordBytes = settings.Limits.RecordBytes };
        var commits = new FileCommitStore(Path.Combine(folder.Commits, settings.Name));
        return source.Kind switch
        {
            SourceKind.File => new FileSource(new FileSourceSettings(source.Path, source.Follow) { Limits = limits }, commits),
            SourceKind.Generator => new GeneratorSource(
                new UrlGeneratorSettings { Rows = source.Generator.Rows, Seed = source.Generator.Seed, RowsPerDay = source.Generator.RowsPerDay, Noise = source.Generator.Noise, Positives = source.Generator.Positives },
                limits,
                commits),
            _ => throw new NotSupportedException($"source {source.Kind}"),
        };
    }

    /// <summary>The decoder of the source's format.</summary>
    public static IDecoder Decoder(PipelineSettings settings)
    {
        var (format, limit) = (settings.Source.Format, settings.Limits.DeadLetterBytes);
        return format.Kind switch
        {
            RecordFormat.SvmLight => new SvmLightDecoder(limit),
            RecordFormat.Json => new JsonDecoder(new JsonMapping(format.Json.Id, format.Json.Features, format.Json.Label, format.Json.EventTime), limit),
            _ => throw new NotSupportedException($"format {format.Kind}"),
        };
    }

    private static IFeaturizer Featurizer(FeaturizeSettings settings) => FeaturizerChain.Of([.. settings.Steps.Select(Step)]);

    private static IFeaturizer Step(FeaturizerSpec step) => step.Name switch
    {
        "hash" => new HashFeaturizer((int)step.Values.Integer("bits"), (ulong)step.Values.Integer("seed")),
        _ => throw new ArgumentException($"unknown featurizer '{step.Name}'"),
    };
}
