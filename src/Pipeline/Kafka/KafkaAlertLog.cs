using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Alerts as messages of a topic. How far those of the journal are there is a commit of a group of its own, for partition 0 of the topic: the "offset" is the number of
/// the journal's event, its epoch the journal. At least once, each with the same id; or, with transactions, alerts and commit are one, and the next writer fences this one.
/// </summary>
/// <param name="sink">The topic, at least once.</param>
/// <param name="settings">The topic, and how brokers are asked.</param>
/// <param name="transactions">A writer's, of a name that the learner has wherever it runs; null: at least once.</param>
public sealed class KafkaAlertLog(ISink sink, ConsumerSettings settings, KafkaTransactions? transactions = null) : IAlertLog
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);
    private AlertHistory? _history;
    private IConsumer<Ignore, Ignore>? _group;
    private ISink? _within;

    /// <inheritdoc/>
    public string Name => sink.Name;

    /// <inheritdoc/>
    public string Trouble => transactions is { Trouble.Length: > 0 } t ? t.Trouble : sink.Trouble;

    /// <summary>Name of the group whose commit says how far a journal's alerts are there.</summary>
    public static string GroupOf(AlertHistory history) => $"streammlops-alerts-{history.Pipeline}-{history.Lineage}-{history.Shard}";

    /// <summary>Name of the writer of a journal's alerts, where they are written in transactions.</summary>
    public static string WriterOf(string pipeline, string lineage, int shard) => $"streammlops-alerts-{pipeline}-{lineage}-{shard}";

    /// <inheritdoc/>
    /// <exception cref="KafkaException">No broker, or not the group's coordinator, answers; trying again may help.</exception>
    public async ValueTask<long> Open(AlertHistory history)
    {
        // First the writer: what its predecessor had open is over, so that the commit that is read is the last.
        if (transactions is not null) await transactions.Open().ConfigureAwait(false);
        return await Task.Run(() =>
        {
            if (_history != history) Close();
            _history = history;
            _group ??= new ConsumerBuilder<Ignore, Ignore>(settings.ToConfig(GroupOf(history)))
                .SetLogHandler((_, line) => settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, _) => { })
                .Build();
            var commit = Offsets.Read([0], Answer).Select(c => CommitMetadata.Read(c.Partition, c.Offset, c.Metadata)).FirstOrDefault();
            return commit is { } c && c.Position.Epoch == history.Journal ? c.Position.Next : 0;
        }).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyCollection<Alert> alerts, long through)
    {
        if (_history is not { } history) throw new InvalidOperationException("alerts are written once their journal is opened");
        var commit = new CommittedPartition(new PartitionPosition(0, history.Journal, through), 0, 0, 0);
        using var records = AlertMessage.Encode(alerts);
        if (transactions is null)
        {
            await sink.Write(records).ConfigureAwait(false);
            CrashPoints.Pass(CrashPoints.AfterAlerts);
            await Task.Run(() =>
            {
                if (Offsets.Write([commit]) is var code and not ErrorCode.NoError) throw new KafkaException(new Error(code));
            }).ConfigureAwait(false);
        }
        else
        {
            await transactions.Begin().ConfigureAwait(false);
            try
            {
                await (_within ??= transactions.Sink(settings.Topic)).Write(records).ConfigureAwait(false);
                CrashPoints.Pass(CrashPoints.AfterAlerts);
                await Task.Run(() => transactions.Commit((producer, timeout) => Offsets.Write([commit], producer, timeout, asMember: false))).ConfigureAwait(false);
            }
            catch
            {
                await transactions.Abort().ConfigureAwait(false);
                throw;
            }
        }
        CrashPoints.Pass(CrashPoints.AfterAlertPosition);
    }

    /// <inheritdoc/>
    public async ValueTask Note(IReadOnlyCollection<Alert> alerts)
    {
        using var records = AlertMessage.Encode(alerts);
        await sink.Write(records).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.Run(Close).ConfigureAwait(false);
        await sink.DisposeAsync().ConfigureAwait(false);
        if (transactions is not null) await transactions.DisposeAsync().ConfigureAwait(false);
    }

    private GroupOffsets Offsets => new(Librdkafka.HandleOf(_group!).DangerousGetHandle(), settings.Topic);

    private void Close()
    {
        _group?.Dispose();
        _group = null;
    }
}
