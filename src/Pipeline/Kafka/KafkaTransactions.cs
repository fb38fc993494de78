using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Kafka's transactions: messages to any topics and offsets of a group, by one producer. Its transactional id names the writer: the next
/// producer of that id ends what its predecessor left open, and the brokers refuse the predecessor. Safe for one transaction at a time.
/// </summary>
/// <remarks>
/// Source: KIP-98 (transactions) and KIP-447 (offsets are refused from a member of an older generation of the group, so that an id for each
/// writer is enough, whichever partitions it has). A broker that is away is waited for, up to <c>transaction.timeout.ms</c>: then the broker aborts.
/// </remarks>
public sealed class KafkaTransactions : ITransactions
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(5);
    private readonly ProducerSettings _settings;
    private readonly string _transactionalId;
    private readonly ClientHealth _health;
    private IProducer<byte[]?, byte[]>? _producer;
    private bool _open;

    /// <param name="settings">The brokers; the topic is each sink's own.</param>
    /// <param name="transactionalId">Name of the writer: no other that runs at the same time has it, and it keeps it when it starts again.</param>
    public KafkaTransactions(ProducerSettings settings, string transactionalId)
    {
        (_settings, _transactionalId) = (settings, transactionalId);
        _health = new ClientHealth(Name, settings.BootstrapServers);
    }

    /// <summary>For people.</summary>
    public string Name => $"transactions of {_transactionalId}";

    /// <inheritdoc/>
    public string Trouble => _health.Trouble;

    /// <summary>A topic that is written within the transactions.</summary>
    public ISink Sink(string topic) => new TransactionalSink(this, topic);

    /// <inheritdoc/>
    /// <exception cref="SinkException">The brokers have no transactions, or refuse this writer.</exception>
    /// <exception cref="TransactionAbortedException">A newer producer has this one's id.</exception>
    public ValueTask Open() => new(Task.Run(() => _producer ??= Create()));

    /// <inheritdoc/>
    public ValueTask Begin() => new(Task.Run(() =>
    {
        var producer = _producer ??= Create();
        Call("the transaction was not begun", _ => producer.BeginTransaction());
        _open = true;
    }));

    /// <inheritdoc/>
    public ValueTask Abort() => new(Task.Run(() =>
    {
        if (!_open || _producer is not { } producer) return;
        _open = false;
        try
        {
            Call("the transaction was not aborted", producer.AbortTransaction);
        }
        catch (TransactionAbortedException)
        {
            // The next producer of this id ends it.
            Close();
        }
    }));

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>Sends offsets and ends the transaction.</summary>
    internal void Commit(Func<nint, TimeSpan, LibrdkafkaTransactions.Answer> offsets)
    {
        if (_producer is not { } producer) throw new InvalidOperationException("no transaction is open");
        var client = Librdkafka.HandleOf(producer).DangerousGetHandle();
        Call("no answer to the offsets of a transaction", timeout =>
        {
            var answer = offsets(client, timeout);
            if (answer.Code == ErrorCode.NoError) return;
            var error = new Error(answer.Code, answer.Reason, answer.IsFatal);
            throw answer.IsRetriable ? new KafkaRetriableException(error) : answer.IsFatal ? new KafkaException(error) : new KafkaTxnRequiresAbortException(error);
        });
        CrashPoints.Pass(CrashPoints.InTransaction);
        Call("no answer to the end of a transaction", producer.CommitTransaction);
        _open = false;
        _health.Well();
    }

    private async ValueTask Write(string topic, RecordBatch records)
    {
        if (_producer is not { } producer || !_open) throw new InvalidOperationException("a write needs an open transaction");
        for (var i = 0; i < records.Count; i++)
        {
            var key = records.KeyOf(i);
            var message = new Message<byte[]?, byte[]> { Key = key.IsEmpty ? null : key.ToArray(), Value = records[i].ToArray() };
            while (true)
            {
                try
                {
                    producer.Produce(topic, message); // without a report of its own: one that is not acknowledged fails the commit
                    break;
                }
                catch (KafkaException e) when (e.Error.Code == ErrorCode.Local_QueueFull)
                {
                    await Task.Delay(1).ConfigureAwait(false);
                }
                catch (KafkaException e) when (e.Error.IsFatal || e.Error.Code == ErrorCode.Local_State)
                {
                    throw Aborted(e);
                }
                catch (KafkaException e)
                {
                    throw KafkaErrors.NotTaken($"topic {topic}", _settings.BootstrapServers, e.Error);
                }
            }
        }
    }

    private IProducer<byte[]?, byte[]> Create()
    {
        IProducer<byte[]?, byte[]> producer;
        try
        {
            producer = new ProducerBuilder<byte[]?, byte[]>(_settings.ToConfig(_transactionalId))
                .SetLogHandler((_, line) => _settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, error) => _health.Take(error))
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SinkException($"{Name}: kafka-clients has a fault: {e.Message}", e);
        }
        try
        {
            Call("no answer to the transactional id", producer.InitTransactions);
            return producer;
        }
        catch (Exception)
        {
            producer.Dispose();
            throw;
        }
    }

    // A broker that is away is waited for; what the brokers refuse is told.
    private void Call(string awaited, Action<TimeSpan> call)
    {
        _health.Await(awaited);
        try
        {
            while (true)
            {
                try
                {
                    call(Step);
                    return;
                }
                catch (KafkaRetriableException e)
                {
                    _health.Say($"{awaited}: {e.Error.Reason}");
                    if (_producer is { } producer) _health.Remind(producer);
                }
            }
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.Local_UnsupportedFeature or ErrorCode.UnsupportedVersion)
        {
            Close();
            throw new SinkException($"{Name}: the brokers at {_settings.BootstrapServers} have no transactions ({e.Error.Reason}), which delivery = exactly-once needs: Kafka has them from 0.11 on, and offsets by group from 2.5 on. Use such brokers, or delivery = at-least-once.", e);
        }
        catch (KafkaException e) when (e.Error.Code is ErrorCode.TransactionalIdAuthorizationFailed or ErrorCode.ClusterAuthorizationFailed or ErrorCode.InvalidTransactionTimeout)
        {
            Close();
            throw new SinkException($"{Name}: the brokers refuse ({e.Error.Reason}). Grant this user Write and Describe on the transactional id, and keep transaction.timeout.ms below the brokers' transaction.max.timeout.ms.", e);
        }
        catch (KafkaException e)
        {
            throw Aborted(e);
        }
        finally
        {
            _health.Answered();
        }
    }

    private TransactionAbortedException Aborted(KafkaException e)
    {
        // After a fatal error (a newer producer of this id, or a transaction that the broker has timed out) only a new producer can go on.
        if (e.Error.IsFatal) Close();
        return new TransactionAbortedException($"{Name}: {(e.Error.IsFatal ? "this writer was fenced" : "the transaction was aborted")}: {e.Error.Reason}; what was in it is scored again", e);
    }

    private void Close()
    {
        _open = false;
        Interlocked.Exchange(ref _producer, null)?.Dispose();
    }

    private sealed class TransactionalSink(KafkaTransactions transactions, string topic) : ISink
    {
        public string Name => $"topic {topic}";

        public string Trouble => transactions.Trouble;

        public ValueTask Write(RecordBatch records) => transactions.Write(topic, records);

        public ValueTask Flush() => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
