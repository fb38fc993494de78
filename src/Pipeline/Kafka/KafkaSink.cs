using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Each record a message of a topic; its key is the record's, where it has one. A write completes when the brokers have acknowledged all of
/// its records, in all replicas that are in sync. Brokers that are away are waited for. Writes may overlap: they are sent in the
/// order in which they were called.
/// </summary>
public sealed class KafkaSink : ISink
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private const string Unacknowledged = "no message was acknowledged";
    private readonly ProducerSettings _settings;
    private readonly ClientHealth _health;
    private readonly IProducer<byte[]?, byte[]> _producer;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly SemaphoreSlim _room;
    private int _writes; // that wait for acknowledgements

    /// <exception cref="SinkException">The properties have a fault.</exception>
    public KafkaSink(ProducerSettings settings)
    {
        _settings = settings;
        _health = new ClientHealth(Name, settings.BootstrapServers);
        _room = new SemaphoreSlim(settings.MaxInFlight, settings.MaxInFlight);
        try
        {
            _producer = new ProducerBuilder<byte[]?, byte[]>(settings.ToConfig())
                .SetLogHandler((_, line) => settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, error) => _health.Take(error))
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SinkException($"{Name}: kafka-clients has a fault: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public string Name => $"topic {_settings.Topic}";

    /// <summary>An acknowledgement takes some milliseconds, in which further chunks are on their way: small ones, where rows come slowly.</summary>
    public int Overlapping => 64;

    /// <inheritdoc/>
    // A producer that has nothing to write does not hear that the brokers are there again.
    public string Trouble => Volatile.Read(ref _writes) > 0 ? _health.Trouble : "";

    /// <inheritdoc/>
    /// <exception cref="SinkException">(as the task's failure) The broker refuses a record, and will again.</exception>
    public async ValueTask Write(RecordBatch records)
    {
        if (records.Count == 0) return;
        var write = new Acknowledgements(this, records.Count);
        if (Interlocked.Increment(ref _writes) == 1) _health.Await(Unacknowledged);
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            for (var i = 0; i < records.Count; i++)
            {
                await _room.WaitAsync().ConfigureAwait(false);
                await Send(write, records, i).ConfigureAwait(false);
            }
        }
        finally
        {
            _turn.Release();
        }
        try
        {
            await Acknowledged(write.All).ConfigureAwait(false);
        }
        finally
        {
            if (Interlocked.Decrement(ref _writes) == 0) _health.Answered();
            else _health.Await(Unacknowledged);
        }
        _health.Well();
    }

    /// <summary>Nothing to do: what is acknowledged is as safe as the topic is.</summary>
    public ValueTask Flush() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _producer.Dispose();
        _turn.Dispose();
        _room.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask Acknowledged(Task all)
    {
        while (true)
        {
            try
            {
                await all.WaitAsync(Patience).ConfigureAwait(false);
                return;
            }
            catch (TimeoutException)
            {
                _health.Remind(_producer);
            }
        }
    }

    private async ValueTask Send(Acknowledgements write, RecordBatch records, int i)
    {
        var key = records.KeyOf(i);
        var message = new Message<byte[]?, byte[]> { Key = key.IsEmpty ? null : key.ToArray(), Value = records[i].ToArray() };
        while (true)
        {
            try
            {
                _producer.Produce(_settings.Topic, message, write.Handler);
                return;
            }
            catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
            {
                // Other sinks' settings may leave librdkafka less room than ours; acknowledgements make some.
                await Task.Delay(1).ConfigureAwait(false);
            }
            catch (KafkaException e)
            {
                write.Acknowledge(e.Error);
                return;
            }
        }
    }

    /// <summary>The acknowledgements of one write: the first refusal fails it, once all are in.</summary>
    private sealed class Acknowledgements
    {
        private readonly KafkaSink _sink;
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Error? _error;
        private int _left;

        public Acknowledgements(KafkaSink sink, int records)
        {
            _sink = sink;
            _left = records;
            Handler = report => Acknowledge(report.Error);
        }

        public Action<DeliveryReport<byte[]?, byte[]>> Handler { get; }

        public Task All => _all.Task;

        public void Acknowledge(Error error)
        {
            if (error.IsError) Interlocked.CompareExchange(ref _error, error, null);
            _sink._room.Release();
            if (Interlocked.Decrement(ref _left) > 0) return;
            if (_error is { } refused) _all.SetException(KafkaErrors.NotTaken(_sink.Name, _sink._settings.BootstrapServers, refused));
            else _all.SetResult();
        }
    }
}
