using Akka.Actor;
using Akka.Event;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Makes the parts of a pipeline from its settings.</summary>
internal static class PipelineWiring
{
    /// <summary>The pipeline's learner and fold.</summary>
    public static LearnerDefinition Definition(ActorSystem system, PipelineSettings pipeline, DataFolder folder, TimeProvider time) => new(
        pipeline.Name,
        pipeline.Lineage,
        Shard: 0,
        SettingsText.Write(pipeline.Genesis),
        Define,
        pipeline.CreateSource(new FileCommitStore(folder.Commits), line => system.Log.Info("{0}", line)),
        pipeline.CreateDecoder(),
        pipeline.Featurize.Create(),
        new LearnerOptions(
            pipeline.Learn.MaxRows,
            pipeline.Learn.MaxBytes,
            pipeline.Learn.MaxWait,
            pipeline.Snapshots.EveryEvents,
            pipeline.Snapshots.EveryBytes,
            pipeline.Snapshots.KeepRecent),
        new PipelineClocks(),
        time,
        pipeline.Score.MaxLead);

    /// <summary>The pipeline with its sinks.</summary>
    public static PipelineParts Parts(ActorSystem system, PipelineSettings pipeline, LearnerDefinition definition, Action<string> alarm)
    {
        var (predictions, deadLetters) = pipeline.CreateSinks(line => system.Log.Info("{0}", line));
        return new PipelineParts(
            definition,
            new OutgoingEncoder(new PredictionWriter(pipeline.Name, pipeline.Model.Kind.Task), new DeadLetterWriter(pipeline.Name), pipeline.CreateDeadLetterAlarm(line =>
            {
                system.Log.Warning("{0}", line);
                alarm(line);
            })),
            predictions,
            deadLetters);
    }

    /// <summary>What a fold runs, from its genesis.</summary>
    /// <exception cref="JournalFormatException">This version of the program does not have it.</exception>
    public static FoldDefinition Define(Genesis genesis)
    {
        try
        {
            var (model, featurize) = PipelineSettings.ReadGenesis(SettingsText.Read(genesis.Settings));
            return new FoldDefinition(model, featurize.Create());
        }
        catch (ArgumentException e)
        {
            throw new JournalFormatException($"lineage '{genesis.Lineage}' of '{genesis.Pipeline}' was begun with settings that this version does not have: {e.Message}");
        }
    }
}
