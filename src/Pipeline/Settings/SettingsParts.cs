namespace StreamMLOps.Pipeline;

/// <summary>Makes the parts of the graph that settings name.</summary>
public static class SettingsParts
{
    /// <summary>The source of a pipeline.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="commits">Where groups commit; null where the source is only read by position.</param>
    public static ISource CreateSource(this PipelineSettings pipeline, FileCommitStore? commits)
    {
        var source = pipeline.Source;
        var limits = new ChunkLimits { Rows = source.ChunkRows, RecordBytes = pipeline.Limits.RecordBytes };
        return source.Kind switch
        {
            SourceKind.File => new FileSource(new FileSourceSettings(source.Path, source.Follow) { Limits = limits }, commits),
            SourceKind.Generator => new GeneratorSource(
                new UrlGeneratorSettings(source.Generator.Rows, source.Generator.Seed)
                {
                    RowsPerDay = source.Generator.RowsPerDay,
                    Noise = source.Generator.Noise,
                    Positives = source.Generator.Positives,
                },
                limits,
                commits),
            _ => throw new InvalidOperationException($"no source of kind {source.Kind}"),
        };
    }

    /// <summary>The decoder of a pipeline's format.</summary>
    public static IDecoder CreateDecoder(this PipelineSettings pipeline) => pipeline.Source.Format.Kind switch
    {
        RecordFormat.SvmLight => new SvmLightDecoder(pipeline.Limits.DeadLetterBytes),
        RecordFormat.Json => new JsonDecoder(pipeline.Source.Format.Json, pipeline.Limits.DeadLetterBytes),
        _ => throw new InvalidOperationException($"no decoder of {pipeline.Source.Format.Kind}"),
    };

    /// <summary>The featurizers as one.</summary>
    public static IFeaturizer Create(this FeaturizeSettings settings) => FeaturizerChain.Of([.. settings.Steps.Select(Create)]);

    private static IFeaturizer Create(FeaturizerSpec step) => step.Name switch
    {
        "hash" => new HashFeaturizer((int)step.Values.Integer("bits"), (ulong)step.Values.Integer("salt")),
        _ => throw new InvalidOperationException($"no featurizer {step.Name}"),
    };
}
