using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.Streams.Kafka.Dsl;
using Akka.Streams.Kafka.Messages;
using Akka.Streams.Kafka.Settings;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Each record a message of a topic, written by Akka.Streams.Kafka: a batch is one element of its flow. A write completes when the brokers
/// have acknowledged all of its records. The flow ends at the first record that is refused: writes under way then fail, and the
/// next one starts another.
/// </summary>
public sealed class AkkaStreamsKafkaSink : ISink
{
    /// <summary>Bytes under way at most; the package takes a full producer for a failure, so it must not be filled.</summary>
    private const long MaxBytes = 64 << 20;
    private readonly ProducerSettings _settings;
    private readonly ClientHealth _health;
    private readonly IProducer<byte[]?, byte[]> _producer;
    private readonly ProducerSettings<byte[]?, byte[]> _package;
    private readonly ActorMaterializer _materializer;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentDictionary<Pending, byte> _underWay = [];
    private Flow? _flow;

    /// <exception cref="SinkException">The properties have a fault.</exception>
    public AkkaStreamsKafkaSink(ProducerSettings settings, ActorSystem system)
    {
        _settings = settings;
        _health = new ClientHealth(Name, settings.BootstrapServers);
        var properties = settings.ToConfig();
        properties.QueueBufferingMaxKbytes = int.MaxValue;
        // One record may be as large as a message can be, and records are counted by batch.
        properties.QueueBufferingMaxMessages = 10_000_000;
        try
        {
            _producer = new ProducerBuilder<byte[]?, byte[]>(properties)
                .SetLogHandler((_, line) => settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, error) => _health.Take(error))
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SinkException($"{Name}: kafka-clients has a fault: {e.Message}", e);
        }
        _package = ProducerSettings<byte[]?, byte[]>.Create(KafkaExtensions.DefaultSettings.GetConfig("akka.kafka.producer"), Serializers.ByteArray!, Serializers.ByteArray)
            .WithParallelism(settings.MaxInFlight)
            .WithDispatcher("akka.actor.default-dispatcher");
        _materializer = system.Materializer();
    }

    /// <inheritdoc/>
    public string Name => $"topic {_settings.Topic}";

    /// <inheritdoc/>
    public string Trouble => _health.Trouble;

    /// <inheritdoc/>
    /// <exception cref="SinkException">(as the task's failure) The broker refuses a record, and will again.</exception>
    public async ValueTask Write(RecordBatch records)
    {
        if (records.Count == 0) return;
        var write = new Pending(records.Count, records.ByteCount);
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            while (!HasRoom(write)) await Task.WhenAny(_underWay.Keys.Select(u => u.Done).Append(Task.Delay(100))).ConfigureAwait(false);
            var flow = _flow is { Ended.IsCompleted: false } running ? running : _flow = Start();
            _underWay[write] = 0;
            if (!flow.In.TryWrite(ProducerMessage.Multi(Numbered(records), write))) write.Fail(new SinkException($"{Name}: the flow has ended; write again."));
        }
        finally
        {
            _turn.Release();
        }
        try
        {
            await write.Done.ConfigureAwait(false);
        }
        finally
        {
            _underWay.TryRemove(write, out _);
        }
        _health.Well();
    }

    /// <summary>Nothing to do: what is acknowledged is as safe as the topic is.</summary>
    public ValueTask Flush() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_flow is { } flow)
        {
            flow.In.TryComplete();
            await flow.Ended.ConfigureAwait(false);
        }
        _producer.Dispose();
        _turn.Dispose();
    }

    private bool HasRoom(Pending write)
    {
        var (records, bytes) = (0L, 0L);
        foreach (var u in _underWay.Keys)
            if (!u.Done.IsCompleted) (records, bytes) = (records + u.Records, bytes + u.Bytes);
        return records == 0 || (records + write.Records <= _settings.MaxInFlight && bytes + write.Bytes <= MaxBytes);
    }

    private Flow Start()
    {
        var channel = Channel.CreateUnbounded<IEnvelope<byte[]?, byte[], Pending>>(new UnboundedChannelOptions { SingleReader = true });
        var run = ChannelSource.FromReader(channel.Reader)
            .Via(KafkaProducer.FlexiFlow<byte[]?, byte[], Pending>(_package, _producer))
            .RunForeach(result => result.PassThrough.Complete(), _materializer);
        return new Flow(channel.Writer, run.ContinueWith(ended =>
        {
            channel.Writer.TryComplete();
            if (ended.Exception is not { } failed) return;
            var cause = failed.GetBaseException();
            var refusal = cause is KafkaException k ? KafkaErrors.NotTaken(Name, _settings.BootstrapServers, k.Error) : new SinkException($"{Name}: {cause.Message}", cause);
            foreach (var u in _underWay.Keys) u.Fail(refusal);
        }, TaskScheduler.Default));
    }

    /// <summary>The package asks for a set; one that is sorted keeps the records' order.</summary>
    private ImmutableSortedSet<ProducerRecord<byte[]?, byte[]>> Numbered(RecordBatch records)
    {
        var set = ImmutableSortedSet.CreateBuilder(ByNumber.Instance);
        for (var i = 0; i < records.Count; i++)
        {
            var key = records.KeyOf(i);
            set.Add(new NumberedRecord(i, _settings.Topic, new Message<byte[]?, byte[]> { Key = key.IsEmpty ? null : key.ToArray(), Value = records[i].ToArray() }));
        }
        return set.ToImmutable();
    }

    private sealed record Flow(ChannelWriter<IEnvelope<byte[]?, byte[], Pending>> In, Task Ended);

    private sealed class NumberedRecord(int number, string topic, Message<byte[]?, byte[]> message) : ProducerRecord<byte[]?, byte[]>(topic, message)
    {
        public int Number { get; } = number;
    }

    private sealed class ByNumber : IComparer<ProducerRecord<byte[]?, byte[]>>
    {
        public static ByNumber Instance { get; } = new();

        public int Compare(ProducerRecord<byte[]?, byte[]>? x, ProducerRecord<byte[]?, byte[]>? y) => ((NumberedRecord)x!).Number.CompareTo(((NumberedRecord)y!).Number);
    }

    /// <summary>A write that is not acknowledged yet.</summary>
    private sealed class Pending(int records, long bytes)
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Records { get; } = records;

        public long Bytes { get; } = bytes;

        public Task Done => _done.Task;

        public void Complete() => _done.TrySetResult();

        public void Fail(SinkException refusal) => _done.TrySetException(refusal);
    }
}
