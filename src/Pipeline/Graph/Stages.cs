using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>What the score leg is made of. <c>Lead</c> keeps it close to learning where history is replayed; null: it waits for nothing.</summary>
public sealed record ScoreStages(
    IDecoder Decoder,
    IFeaturizer Featurizer,
    IReplica Replica,
    IGate? Lead,
    IOutgoingEncoder Encoder,
    ISink Predictions,
    ISink DeadLetters,
    PipelineClocks Clocks,
    TimeProvider Time,
    Func<ISubscription, CommitStep, ValueTask> Commit)
{
    /// <summary>What makes predictions, dead letters and offsets one; null: offsets are committed after the writes.</summary>
    public ITransactions? Transactions { get; init; }
}

/// <summary>What the learn leg is made of.</summary>
public sealed record LearnStages(
    IDecoder Decoder,
    IFeaturizer Featurizer,
    ScoredWatermark Scored,
    ILearnerInbox Learner,
    PipelineClocks Clocks);

/// <summary>The bounded place where the learn leg puts chunks; the learner disposes them.</summary>
public interface ILearnerInbox
{
    /// <summary>Completes when there is room.</summary>
    ValueTask Offer(Chunk chunk);
}

/// <summary>Turns a scored chunk into bytes.</summary>
public interface IOutgoingEncoder
{
    /// <param name="chunk">The scored chunk; the caller disposes it.</param>
    /// <param name="time">When it was predicted, milliseconds since 1970 UTC.</param>
    Outgoing Encode(Chunk chunk, long time);
}

/// <summary>What leaves the score leg for one chunk.</summary>
/// <param name="Predictions">A record a row.</param>
/// <param name="DeadLetters">A record a dead letter, or null.</param>
/// <param name="Step">What to commit once both are written.</param>
public sealed record Outgoing(RecordBatch Predictions, RecordBatch? DeadLetters, CommitStep Step) : IDisposable
{
    public void Dispose()
    {
        Predictions.Dispose();
        DeadLetters?.Dispose();
    }
}

/// <summary>Consecutive processed ranges, one a partition, with their counts: what a commit takes in.</summary>
public sealed record CommitStep(ImmutableSortedDictionary<int, ScoredRange> Ranges)
{
    /// <summary>Rows predicted in this step.</summary>
    public long Rows => Ranges.Values.Sum(r => r.Predicted);

    /// <summary>The step of one chunk.</summary>
    public static CommitStep Of(Chunk chunk) => new(ImmutableSortedDictionary<int, ScoredRange>.Empty.Add(
        chunk.Range.Partition,
        new ScoredRange(chunk.Range, chunk.Count, chunk.DeadLetters.Count, chunk.Range.Length - chunk.Count - chunk.DeadLetters.Count)));

    /// <summary>This step and a later one.</summary>
    public CommitStep Merge(CommitStep later)
    {
        var ranges = Ranges.ToBuilder();
        foreach (var (partition, next) in later.Ranges)
            ranges[partition] = ranges.TryGetValue(partition, out var first) ? first.Then(next) : next;
        return new(ranges.ToImmutable());
    }
}

/// <summary>A range the score leg has processed, each of its offsets counted once.</summary>
public sealed record ScoredRange(OffsetRange Range, long Predicted, long DeadLettered, long Skipped)
{
    /// <summary>This range with the one that follows it.</summary>
    public ScoredRange Then(ScoredRange next) => new(Range with { To = next.Range.To }, Predicted + next.Predicted, DeadLettered + next.DeadLettered, Skipped + next.Skipped);
}

/// <summary>The decision that follows from a row's scores, the same wherever it is made.</summary>
public static class Decision
{
    /// <summary>Of two classes, and of an anomaly or none: 1 where the score is above one half, else 0 (a tie is negative). Else the score itself: a number, or that of a cluster.</summary>
    public static double Of(LearningTask task, double score) => task is LearningTask.Binary or LearningTask.Anomaly ? (score > 0.5 ? 1 : 0) : score;

    /// <summary>Number of the largest score, the lowest of equal ones; -1 where no class was seen yet.</summary>
    public static int ClassOf(ReadOnlySpan<double> scores)
    {
        var answer = -1;
        for (var k = 0; k < scores.Length; k++)
            if (answer < 0 || scores[k] > scores[answer]) answer = k;
        return answer;
    }
}
