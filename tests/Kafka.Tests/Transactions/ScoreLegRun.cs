using System.Collections.Concurrent;
using Akka.Streams;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The score leg with real stages between a topic and topics, but for the model, which answers 0.5; within transactions.</summary>
internal sealed class ScoreLegRun : IAsyncDisposable
{
    private readonly KafkaTransactions _transactions;
    private readonly KafkaSource _source;
    private readonly ISubscription _subscription;
    private readonly UniqueKillSwitch _stop;

    /// <param name="broker">The broker.</param>
    /// <param name="topics">Topics of rows, predictions and dead letters.</param>
    /// <param name="group">The consumer group.</param>
    /// <param name="writer">The transactional id.</param>
    /// <param name="materializer">Runs the leg.</param>
    /// <param name="beforeCommit">Called when a transaction's records are written, before its offsets are sent.</param>
    public ScoreLegRun(TestBroker broker, (string Rows, string Predictions, string DeadLetters) topics, string group, string writer, IMaterializer materializer, Action<CommitStep>? beforeCommit = null)
    {
        _transactions = new KafkaTransactions(broker.Producer(""), writer);
        _source = new KafkaSource(broker.Consumer(topics.Rows) with { Limits = new ChunkLimits(Rows: 16) }, _transactions);
        _subscription = _source.Subscribe(group);
        var stages = new ScoreStages(
            new SvmLightDecoder(), new IdentityFeaturizer(), new Half(), null, new OutgoingEncoder(new PredictionWriter("p"), new DeadLetterWriter("p")), _transactions.Sink(topics.Predictions), _transactions.Sink(topics.DeadLetters),
            new PipelineClocks(), TimeProvider.System, async (subscription, step) =>
            {
                beforeCommit?.Invoke(step);
                var before = subscription.Committed().ToDictionary(c => c.Position.Partition, c => c.Predicted);
                await subscription.Commit([.. step.Ranges.Values.Select(r => new CommittedPartition(new(r.Range.Partition, r.Range.Epoch, r.Range.To), before.GetValueOrDefault(r.Range.Partition) + r.Predicted, r.DeadLettered, r.Skipped))]);
                Steps.Enqueue(step);
            })
        { Transactions = _transactions };
        (_stop, var done) = PipelineGraph.ScoreLeg(_subscription, stages).Run(materializer);
        Done = done;
    }

    /// <summary>Transactions that were committed.</summary>
    public ConcurrentQueue<CommitStep> Steps { get; } = [];

    public Task Done { get; }

    public long Committed => _subscription.Committed().Sum(c => c.Position.Next);

    public async Task Leave()
    {
        _stop.Shutdown();
        await Done.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        _stop.Shutdown();
        await Done.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(30));
        await _source.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        await _transactions.DisposeAsync();
    }

    private sealed class Half : IReplica
    {
        public void Score(Chunk chunk)
        {
            chunk.BeginScores(new ModelVersion("main", 0, 1), 1, 0);
            for (var i = 0; i < chunk.Count; i++) chunk.ScoresOf(i)[0] = 0.5;
        }
    }
}
