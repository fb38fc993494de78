using System.Diagnostics;
using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The graph: two legs over one log. The element is a <see cref="Chunk"/> of some hundred rows; every flow asks upstream for one
/// chunk at a time, so backpressure reaches the source. Flows that do nothing for a pipeline are identities: the graph is
/// written once.
/// </summary>
public static class PipelineGraph
{
    private const int MostChunksOfATransaction = 64;

    /// <summary>Scores every record and commits its offset after its prediction is in the sink: at least once; or both in one transaction: exactly once.</summary>
    public static IRunnableGraph<(UniqueKillSwitch Stop, Task<Done> Done)> ScoreLeg(ISubscription subscription, ScoreStages stages) =>
        Chunks(subscription, stages)
            .Via(stages.Lead is { } lead ? Flow.FromGraph(new Gate(lead)) : Flow.Create<RawChunk>())
            .ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right)
            .Via(Decode(stages.Decoder, stages.Clocks.Decode))
            .Via(Featurize(stages.Featurizer, stages.Clocks.Featurize))
            .Async()
            .Via(Predict(stages.Replica, stages.Clocks.Predict))
            .Via(Encode(stages))
            .Async()
            .Via(stages.Transactions is { } transactions ? InTransactions(subscription, stages, transactions) : Write(stages).Via(CommitLast(subscription, stages)))
            .ToMaterialized(Sink.Ignore<CommitStep>(), (stop, done) => (stop, done));

    /// <summary>Reads the same log at the learner's own positions, never ahead of the score leg, and hands chunks to the learner.</summary>
    public static IRunnableGraph<(UniqueKillSwitch Stop, Task<Done> Done)> LearnLeg(ISource source, IReadOnlyList<PartitionPosition> positions, LearnStages stages) =>
        source.ReadFrom(positions)
            .Via(Flow.FromGraph(new Gate(stages.Scored)))
            .ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right) // after the gate: what waits there for a hint must not hold up a stop
            .Via(Decode(stages.Decoder, stages.Clocks.LearnDecode))
            .Via(Featurize(stages.Featurizer, stages.Clocks.LearnFeaturize))
            .Via(Learn(stages.Learner))
            .ToMaterialized(Sink.Ignore<NotUsed>(), (stop, done) => (stop, done));

    /// <summary>Reads labels that come apart from their rows, and hands them to the learner; what is no label is in the dead letters before it is accounted for.</summary>
    public static IRunnableGraph<(UniqueKillSwitch Stop, Task<Done> Done)> LabelLeg(ISource source, IReadOnlyList<PartitionPosition> positions, IDecoder decoder, Func<Chunk, ValueTask> deadLetters, ILearnerInbox learner) =>
        source.ReadFrom(positions)
            .ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right)
            .Via(Decode(decoder, new StageClock("learn: decode labels")))
            .Via(Letters(deadLetters))
            .Via(Learn(learner))
            .ToMaterialized(Sink.Ignore<NotUsed>(), (stop, done) => (stop, done));

    // Brokers without transactions are named before the first record is scored.
    private static Source<RawChunk, NotUsed> Chunks(ISubscription subscription, ScoreStages stages) => stages.Transactions is { } transactions
        ? Source.Lazily(() => Source.FromTask(transactions.Open().AsTask().ContinueWith(t => { t.GetAwaiter().GetResult(); return NotUsed.Instance; }, TaskScheduler.Default)))
            .MapMaterializedValue(_ => NotUsed.Instance)
            .ConcatMany(_ => subscription.Chunks)
        : subscription.Chunks;

    private static Flow<Chunk, Chunk, NotUsed> Letters(Func<Chunk, ValueTask> deadLetters) =>
        Flow.Create<Chunk>().SelectAsync(1, async chunk =>
        {
            await deadLetters(chunk).ConfigureAwait(false);
            return chunk;
        });

    /// <summary>Records to rows; what is no row becomes a dead letter of its chunk.</summary>
    private static Flow<RawChunk, Chunk, NotUsed> Decode(IDecoder decoder, StageClock clock) =>
        Flow.Create<RawChunk>().Select(raw =>
        {
            var started = Stopwatch.GetTimestamp();
            using (raw)
            {
                var chunk = decoder.Decode(raw);
                clock.Add(started, chunk.Count);
                return chunk;
            }
        });

    /// <summary>Decoded rows to the model's rows, without state.</summary>
    private static Flow<Chunk, Chunk, NotUsed> Featurize(IFeaturizer featurizer, StageClock clock) =>
        Flow.Create<Chunk>().Select(chunk =>
        {
            var started = Stopwatch.GetTimestamp();
            chunk.Features = featurizer.Featurize(chunk.Rows);
            clock.Add(started, chunk.Count);
            return chunk;
        });

    /// <summary>All rows of a chunk by one version of the model.</summary>
    private static Flow<Chunk, Chunk, NotUsed> Predict(IReplica replica, StageClock clock) =>
        Flow.Create<Chunk>().Select(chunk =>
        {
            var started = Stopwatch.GetTimestamp();
            replica.Score(chunk);
            clock.Add(started, chunk.Count);
            return chunk;
        });

    /// <summary>Predictions and dead letters to bytes; from here on only the counts of the chunk are needed.</summary>
    private static Flow<Chunk, Outgoing, NotUsed> Encode(ScoreStages stages) =>
        Flow.Create<Chunk>().Select(chunk =>
        {
            var started = Stopwatch.GetTimestamp();
            using (chunk)
            {
                var outgoing = stages.Encoder.Encode(chunk, stages.Time.GetUtcNow().ToUnixTimeMilliseconds());
                stages.Clocks.Encode.Add(started, chunk.Count);
                return outgoing;
            }
        });

    /// <summary>Hands predictions and dead letters to their sinks, in order.</summary>
    private static Flow<Outgoing, CommitStep, NotUsed> Write(ScoreStages stages) =>
        Flow.Create<Outgoing>().SelectAsync(Math.Min(stages.Predictions.Overlapping, stages.DeadLetters.Overlapping), async outgoing =>
        {
            var started = Stopwatch.GetTimestamp();
            using (outgoing)
            {
                if (outgoing.Predictions.Count > 0) await stages.Predictions.Write(outgoing.Predictions).ConfigureAwait(false);
                if (outgoing.DeadLetters is { } letters) await stages.DeadLetters.Write(letters).ConfigureAwait(false);
                stages.Clocks.Write.Add(started, outgoing.Predictions.Count);
                return outgoing.Step;
            }
        });

    /// <summary>
    /// Commits last and in order: while one commit is under way (flush the sinks, then store the positions), the steps that
    /// arrive are merged into the next.
    /// </summary>
    private static Flow<CommitStep, CommitStep, NotUsed> CommitLast(ISubscription subscription, ScoreStages stages) =>
        Flow.Create<CommitStep>()
            .Conflate((earlier, later) => earlier.Merge(later))
            .SelectAsync(1, async step =>
            {
                var started = Stopwatch.GetTimestamp();
                await stages.Predictions.Flush().ConfigureAwait(false);
                await stages.DeadLetters.Flush().ConfigureAwait(false);
                CrashPoints.Pass(CrashPoints.AfterProduce);
                await stages.Commit(subscription, step).ConfigureAwait(false);
                stages.Clocks.Commit.Add(started, (int)step.Rows);
                return step;
            });

    /// <summary>Writes and commits what has come while the transaction before was under way, as one transaction; one that fails is taken back.</summary>
    private static Flow<Outgoing, CommitStep, NotUsed> InTransactions(ISubscription subscription, ScoreStages stages, ITransactions transactions) =>
        Flow.Create<Outgoing>()
            .Batch(MostChunksOfATransaction, first => new List<Outgoing> { first }, (chunks, next) =>
            {
                chunks.Add(next);
                return chunks;
            })
            .SelectAsync(1, async chunks =>
            {
                var started = Stopwatch.GetTimestamp();
                var step = chunks.Select(c => c.Step).Aggregate((earlier, later) => earlier.Merge(later));
                try
                {
                    await transactions.Begin().ConfigureAwait(false);
                    foreach (var outgoing in chunks)
                    {
                        if (outgoing.Predictions.Count > 0) await stages.Predictions.Write(outgoing.Predictions).ConfigureAwait(false);
                        if (outgoing.DeadLetters is { } letters) await stages.DeadLetters.Write(letters).ConfigureAwait(false);
                    }
                    stages.Clocks.Write.Add(started, (int)step.Rows);
                    started = Stopwatch.GetTimestamp();
                    CrashPoints.Pass(CrashPoints.AfterProduce);
                    await stages.Commit(subscription, step).ConfigureAwait(false);
                }
                catch
                {
                    await transactions.Abort().ConfigureAwait(false);
                    throw;
                }
                finally
                {
                    foreach (var outgoing in chunks) outgoing.Dispose();
                }
                stages.Clocks.Commit.Add(started, (int)step.Rows);
                return step;
            });

    /// <summary>Waits for room in the learner's inbox.</summary>
    private static Flow<Chunk, NotUsed, NotUsed> Learn(ILearnerInbox learner) =>
        Flow.Create<Chunk>().SelectAsync(1, async chunk =>
        {
            await learner.Offer(chunk).ConfigureAwait(false);
            return NotUsed.Instance;
        });
}
