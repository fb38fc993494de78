using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Makes the parts of the graph that settings name.</summary>
public static class SettingsParts
{
    /// <summary>The source of a pipeline.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="commits">Where groups of a log that is no topic commit; null where the source is only read by position.</param>
    /// <param name="topics">How topics are read.</param>
    /// <param name="log">Takes log lines of clients.</param>
    public static ISource CreateSource(this PipelineSettings pipeline, FileCommitStore? commits, KafkaConnector topics, Action<string>? log = null)
    {
        var source = pipeline.Source;
        var rowsPerMessage = source.Format.RowsPerMessage;
        var limits = new ChunkLimits { Rows = Math.Max(1, source.ChunkRows / rowsPerMessage), RecordBytes = pipeline.Limits.RecordBytes };
        return MessageRows.Of(source.Kind switch
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
            SourceKind.Kafka => topics.Source(pipeline.Kafka.Consumer(source.Topic, limits, log)),
            _ => throw new InvalidOperationException($"no source of kind {source.Kind}"),
        }, rowsPerMessage);
    }

    /// <summary>The log of labels of a pipeline whose labels come apart from their rows.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="topics">How topics are read.</param>
    /// <param name="log">Takes log lines of clients.</param>
    public static ISource CreateLabelSource(this PipelineSettings pipeline, KafkaConnector topics, Action<string>? log = null)
    {
        var (labels, limits) = (pipeline.LabelJoin, new ChunkLimits { RecordBytes = pipeline.Limits.RecordBytes });
        return labels.Kind == SourceKind.Kafka
            ? topics.Source(pipeline.Kafka.Consumer(labels.Topic, limits, log))
            : new FileSource(new FileSourceSettings(labels.Path, labels.Follow) { Limits = limits });
    }

    /// <summary>The transactions of a pipeline whose delivery is exactly once; null for others.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="node">Name of the node, which it keeps when it starts again, and no other has.</param>
    /// <param name="log">Takes log lines of clients.</param>
    public static KafkaTransactions? CreateTransactions(this PipelineSettings pipeline, string node, Action<string>? log = null) => pipeline.Delivery == Delivery.ExactlyOnce
        ? new KafkaTransactions(new ProducerSettings(pipeline.Kafka.BootstrapServers, "") { KafkaClients = pipeline.Kafka.KafkaClients, Log = log }, $"streammlops-{pipeline.Name}-{node}")
        : null;

    /// <summary>Where predictions of a pipeline go.</summary>
    public static ISink CreatePredictionSink(this PipelineSettings pipeline, KafkaConnector topics, Action<string>? log = null) => pipeline.CreateSink(pipeline.Sink.Predictions, topics, log);

    /// <summary>Where dead letters of a pipeline go; where labels come apart, two legs write to it.</summary>
    public static ISink CreateDeadLetterSink(this PipelineSettings pipeline, KafkaConnector topics, Action<string>? log = null)
    {
        var sink = pipeline.CreateSink(pipeline.Sink.DeadLetters, topics, log);
        return pipeline.Labels == LabelSource.Topic ? new SharedSink(sink) : sink;
    }

    private static ConsumerSettings Consumer(this KafkaSettings kafka, string topic, ChunkLimits limits, Action<string>? log) =>
        new(kafka.BootstrapServers, topic) { KafkaClients = kafka.KafkaClients, Limits = limits, Log = log };

    private static ISink CreateSink(this PipelineSettings pipeline, string name, KafkaConnector topics, Action<string>? log)
    {
        var (sink, kafka) = (pipeline.Sink, pipeline.Kafka);
        return sink.Kind == SinkKind.File
            ? new FileSink(name)
            : topics.Sink(new ProducerSettings(kafka.BootstrapServers, name) { KafkaClients = kafka.KafkaClients, Idempotent = kafka.Idempotent, Log = log });
    }

    /// <summary>Where alerts of a pipeline go; null: nowhere.</summary>
    public static IAlertLog? CreateAlertLog(this PipelineSettings pipeline, KafkaConnector topics, Action<string>? log = null)
    {
        var (alerts, kafka) = (pipeline.Alerts, pipeline.Kafka);
        if (alerts.Path.Length > 0) return new FileAlertLog(alerts.Path);
        if (alerts.Topic.Length == 0) return null;
        var producer = new ProducerSettings(kafka.BootstrapServers, alerts.Topic) { KafkaClients = kafka.KafkaClients, Idempotent = kafka.Idempotent, Log = log };
        // One learner, one writer: the name is the learner's, wherever it runs.
        var transactions = pipeline.Delivery == Delivery.ExactlyOnce ? new KafkaTransactions(producer with { Topic = "" }, KafkaAlertLog.WriterOf(pipeline.Name, pipeline.Lineage, 0)) : null;
        return new KafkaAlertLog(topics.Sink(producer), kafka.Consumer(alerts.Topic, new ChunkLimits(), log), transactions);
    }

    /// <summary>The decoder of a pipeline's format.</summary>
    public static IDecoder CreateDecoder(this PipelineSettings pipeline)
    {
        var format = pipeline.Source.Format;
        var limit = pipeline.Limits.DeadLetterBytes;
        var decoder = CreateDecoder(pipeline, format, limit);
        if (pipeline.Labels == LabelSource.None) return new UnlabelledDecoder(decoder);
        return pipeline.Labels == LabelSource.Inline && pipeline.Model.Classes is { } classes ? new ClassLabelDecoder(decoder, classes, limit) : decoder;
    }

    /// <summary>The decoder of the labels of a pipeline whose labels come apart from their rows.</summary>
    public static IDecoder CreateLabelDecoder(this PipelineSettings pipeline)
    {
        var limit = pipeline.Limits.DeadLetterBytes;
        var decoder = new LabelDecoder(pipeline.LabelJoin.Json, limit);
        return pipeline.Model.Classes is { } classes ? new ClassLabelDecoder(decoder, classes, limit, LabelDecoder.Stage) : decoder;
    }

    private static IDecoder CreateDecoder(PipelineSettings pipeline, FormatSettings format, int limit)
    {
        return format.Kind switch
        {
            RecordFormat.SvmLight => new SvmLightDecoder(limit),
            RecordFormat.Json => new JsonDecoder(format.Json, limit, format.Schema),
            RecordFormat.Csv => new CsvDecoder(format.Csv, pipeline.Source.Kind == SourceKind.File ? () => pipeline.ReadHeader() ?? [] : null, format.Schema, limit),
            RecordFormat.Text => new TextDecoder(format.Text, limit),
            RecordFormat.Protobuf => new ProtobufDecoder(limit),
            _ => throw new InvalidOperationException($"no decoder of {format.Kind}"),
        };
    }

    /// <summary>The header line of a pipeline's file of CSV records; null where its records have none.</summary>
    /// <exception cref="SourceException">The file is missing or unreadable.</exception>
    public static byte[]? ReadHeader(this PipelineSettings pipeline)
    {
        var source = pipeline.Source;
        if (source.Kind != SourceKind.File || source.Format.Kind != RecordFormat.Csv || !source.Format.Csv.Columns.IsEmpty) return null;
        using var reader = new FileSource(new FileSourceSettings(source.Path) { Limits = new ChunkLimits(Rows: 1) }).Open(new PartitionPosition(0, 0, 0));
        using var first = reader.Read();
        return first is { Count: > 0 } ? first[0].ToArray() : [];
    }

    /// <summary>The alarm of too many dead letters.</summary>
    public static DeadLetterAlarm CreateDeadLetterAlarm(this PipelineSettings pipeline, Action<string> say, Action<bool, AlertPosition, string>? changed = null) =>
        CreateDeadLetterAlarm(pipeline, pipeline.Name, say, changed);

    /// <summary>The alarm of too many records of the labels' log that are no labels.</summary>
    public static DeadLetterAlarm CreateLabelAlarm(this PipelineSettings pipeline, Action<string> say, Action<bool, AlertPosition, string>? changed = null) => CreateDeadLetterAlarm(pipeline, $"{pipeline.Name} (labels)", say, changed);

    private static DeadLetterAlarm CreateDeadLetterAlarm(PipelineSettings pipeline, string name, Action<string> say, Action<bool, AlertPosition, string>? changed) =>
        new(name, pipeline.Limits.DeadLetterShare, pipeline.Limits.DeadLetterWindow, say, changed);

    /// <summary>The featurizers as one.</summary>
    public static IFeaturizer Create(this FeaturizeSettings settings)
    {
        var steps = settings.Steps.Select(Create).ToList();
        // Names are for the steps between; a model takes rows without.
        if (steps.Count > 0 && steps[^1] is TextFeaturizer) steps.Add(new IdentityFeaturizer());
        return FeaturizerChain.Of(steps);
    }

    private static IFeaturizer Create(FeaturizerSpec step) => step.Name switch
    {
        "hash" => new HashFeaturizer((int)step.Values.Integer("bits"), (ulong)step.Values.Integer("salt")),
        "url" => Text(step, new UrlFeaturizer()),
        "ngrams" => Text(step, new NGramFeaturizer(step.Values.Choice("unit").Option == "words", (int)step.Values.Integer("min"), (int)step.Values.Integer("max"))),
        "date" => Text(step, new DateFeaturizer()),
        _ => throw new InvalidOperationException($"no featurizer {step.Name}"),
    };

    private static TextFeaturizer Text(FeaturizerSpec step, ITextFeaturizer featurizer) => new(featurizer, step.Values.Words("field"), step.ToString());
}
