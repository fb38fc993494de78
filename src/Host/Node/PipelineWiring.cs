using Akka.Actor;
using Akka.Event;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Makes the parts of a pipeline from its settings.</summary>
internal static class PipelineWiring
{
    /// <summary>The transactions of a pipeline on this node; null where its delivery is at least once.</summary>
    public static KafkaTransactions? Transactions(ActorSystem system, PipelineSettings pipeline, DataFolder folder) => pipeline.CreateTransactions(folder.Id, line => system.Log.Info("{0}", line));

    /// <summary>The pipeline's learner and fold.</summary>
    public static LearnerDefinition Definition(ActorSystem system, PipelineSettings pipeline, DataFolder folder, TimeProvider time, JournalSettings journal, Action<string> alarm, KafkaTransactions? transactions = null)
    {
        var alerts = Alerts(system, pipeline, time);
        return new(
            pipeline.Name,
            pipeline.Lineage,
            Shard: 0,
            SettingsText.Write(pipeline.Genesis),
            Define,
            pipeline.CreateSource(new FileCommitStore(folder.Commits), transactions is null ? Topics(system, pipeline) : KafkaConnector.Within(transactions), line => system.Log.Info("{0}", line)),
            pipeline.CreateDecoder(),
            pipeline.Featurize.Create(),
            new LearnerOptions(
                pipeline.Learn.MaxRows,
                pipeline.Learn.MaxBytes,
                pipeline.Learn.MaxWait,
                pipeline.Snapshots.EveryEvents,
                pipeline.Snapshots.EveryBytes,
                pipeline.Snapshots.KeepRecent)
            {
                RowsByReference = journal.Rows == JournalRows.Referenced,
            },
            new PipelineClocks(),
            time,
            pipeline.Score.MaxLead)
        {
            Remember = pipeline.Score.Remember,
            Alerts = alerts,
            Archive = new EventArchive(journal.Archive),
            Labels = pipeline.Labels == LabelSource.Topic ? Labels(system, pipeline, folder, Warning(system, alarm), alerts) : null,
        };
    }

    private static KafkaConnector Topics(ActorSystem system, PipelineSettings pipeline) => KafkaConnector.Of(pipeline.Kafka.Connector, system);

    private static LabelFeed Labels(ActorSystem system, PipelineSettings pipeline, DataFolder folder, Action<string> alarm, AlertFeed? alerts)
    {
        var join = pipeline.LabelJoin;
        var path = Path.Combine(folder.Pending, Uri.EscapeDataString(pipeline.Name), pipeline.Lineage);
        // A file that is not followed has an end, and so has the generator: what comes is waited for.
        TimeSpan? rows = pipeline.Source.Kind == SourceKind.Kafka || pipeline.Source.Follow ? join.Patience : null;
        TimeSpan? labels = join.Kind == SourceKind.Kafka || join.Follow ? join.Patience : null;
        return new LabelFeed(
            pipeline.CreateLabelSource(Topics(system, pipeline), line => system.Log.Info("{0}", line)),
            pipeline.CreateLabelDecoder(),
            empty =>
            {
                if (empty && Directory.Exists(path)) Directory.Delete(path, recursive: true);
                return new FasterPendingStore(path, join.MemoryBytes, join.ExpectedIds);
            },
            rows,
            labels,
            pipeline.CreateDeadLetterSink(Topics(system, pipeline), line => system.Log.Info("{0}", line)),
            new DeadLetterWriter(pipeline.Name).Encode)
        {
            Count = pipeline.CreateLabelAlarm(alarm, Share(alerts, "label-dead-letter-share")).Count,
        };
    }

    private static AlertFeed? Alerts(ActorSystem system, PipelineSettings pipeline, TimeProvider time)
    {
        if (pipeline.CreateAlertLog(Topics(system, pipeline), line => system.Log.Info("{0}", line)) is not { } log) return null;
        var address = ((ExtendedActorSystem)system).Provider.DefaultAddress;
        return new AlertFeed(pipeline.Name, log, $"{address.Host}:{address.Port}", time);
    }

    private static Action<bool, AlertPosition, string>? Share(AlertFeed? alerts, string kind) => alerts is null ? null : (raised, at, text) =>
    {
        // One for all partitions: a node counts its latest records, wherever they are from.
        if (raised) alerts.Raise(kind, -1, at.Offset, text, at);
        else alerts.Clear(kind, -1, text);
    };

    private static Action<string> Warning(ActorSystem system, Action<string> alarm) => line =>
    {
        system.Log.Warning("{0}", line);
        alarm(line);
    };

    /// <summary>Where rows that a journal names by position are read, by name of the pipeline.</summary>
    public static Func<string, (ISource Source, IDecoder Decoder)?> Sources(NodeSettings settings) => name =>
        settings.Pipelines.FirstOrDefault(p => p.Name == name) is { } pipeline ? (pipeline.CreateSource(null, KafkaConnector.Confluent), pipeline.CreateDecoder()) : null;

    /// <summary>The pipeline with its sinks.</summary>
    public static PipelineParts Parts(ActorSystem system, PipelineSettings pipeline, LearnerDefinition definition, Action<string> alarm, KafkaTransactions? transactions = null)
    {
        void Log(string line) => system.Log.Info("{0}", line);
        return new PipelineParts(
            definition,
            new OutgoingEncoder(new PredictionWriter(pipeline.Name, pipeline.Model.Kind.Task), new DeadLetterWriter(pipeline.Name), pipeline.CreateDeadLetterAlarm(Warning(system, alarm), Share(definition.Alerts, "dead-letter-share"))),
            transactions?.Sink(pipeline.Sink.Predictions) ?? pipeline.CreatePredictionSink(Topics(system, pipeline), Log),
            // Labels that are none are written by the learner's leg, which has no transactions.
            transactions?.Sink(pipeline.Sink.DeadLetters) ?? definition.Labels?.DeadLetters ?? pipeline.CreateDeadLetterSink(Topics(system, pipeline), Log))
        {
            Transactions = transactions,
        };
    }

    /// <summary>What a fold runs, from its genesis.</summary>
    /// <exception cref="JournalFormatException">This version of the program does not have it.</exception>
    public static FoldDefinition Define(Genesis genesis)
    {
        try
        {
            var settings = SettingsText.Read(genesis.Settings);
            var (model, featurize) = PipelineSettings.ReadGenesis(settings);
            return new FoldDefinition(model, featurize.Create(), PipelineSettings.ReadLabelHorizon(settings)) { Drift = DriftSettings.ReadGenesis(settings).Watches };
        }
        catch (ArgumentException e)
        {
            throw new JournalFormatException($"lineage '{genesis.Lineage}' of '{genesis.Pipeline}' was begun with settings that this version does not have: {e.Message}");
        }
    }
}
