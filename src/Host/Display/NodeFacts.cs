using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>A pipeline's status with what follows from two of them: rates.</summary>
/// <param name="Status">The status.</param>
/// <param name="Elapsed">Since the watch began.</param>
/// <param name="Scored">Rows scored since the watch began.</param>
/// <param name="Learned">Rows learned since the watch began.</param>
/// <param name="ScoreRate">Rows scored a second, smoothed.</param>
/// <param name="LearnRate">Rows learned a second, smoothed.</param>
/// <param name="MemoryBytes">Memory of the process.</param>
public sealed record NodeFacts(PipelineStatus Status, TimeSpan Elapsed, long Scored, long Learned, double ScoreRate, double LearnRate, long MemoryBytes)
{
    /// <summary>Records in the dead letters, all runs together.</summary>
    public long DeadLetters => Status.Ledger.Sum(l => l.DeadLettered);

    /// <summary>Rows scored, all runs together.</summary>
    public long ScoredInAll => Status.Ledger.Sum(l => l.Predicted);

    /// <summary>Positions consumed, all runs together.</summary>
    public long Consumed => Status.Ledger.Sum(l => l.Consumed);

    /// <summary>A progressive metric by name, NaN where the model has none such.</summary>
    public double Metric(string name)
    {
        foreach (var (n, value) in Status.Learner.Metrics)
            if (n == name) return value;
        return double.NaN;
    }

    /// <summary>What the score leg is doing, for people.</summary>
    public string ScoreState => Words(Status.Score.State.ToString(), Status.Score.Detail);

    /// <summary>What the learner is doing, for people.</summary>
    public string LearnState => Words(Status.Learner.State.ToString(), Status.Learner.Detail);

    // WaitingForDatabase: waiting for database
    private static string Words(string state, string detail)
    {
        var words = string.Concat(state.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : " ") + char.ToLowerInvariant(c) : c.ToString()));
        return detail.Length == 0 ? words : $"{words}: {detail}";
    }
}

/// <summary>Makes facts from one status after the other.</summary>
public sealed class FactsTracker(TimeProvider time)
{
    private static readonly TimeSpan Smoothing = TimeSpan.FromSeconds(1.5);
    private readonly long _started = time.GetTimestamp();
    private (long Scored, long Learned)? _first;
    private (long Scored, long Learned, TimeSpan At) _last;
    private double _scoreRate;
    private double _learnRate;

    /// <summary>Takes the next status.</summary>
    public NodeFacts Next(PipelineStatus status)
    {
        var elapsed = time.GetElapsedTime(_started);
        var (scored, learned) = (status.Ledger.Sum(l => l.Predicted), status.Ledger.Sum(l => l.Learned));
        // A learner that does not answer yet knows of no rows: what it then shows was learned before.
        if (status.Learner.State != LearnerState.Recovering) _first ??= (scored, learned);
        var (firstScored, firstLearned) = _first ?? (scored, learned);
        var seconds = (elapsed - _last.At).TotalSeconds;
        if (_first is not null && seconds > 0)
        {
            // An exponential window: the weight of what was before falls with the time that has passed.
            var keep = _last.At == TimeSpan.Zero ? 0 : Math.Exp(-seconds / Smoothing.TotalSeconds);
            _scoreRate = keep * _scoreRate + (1 - keep) * Math.Max(0, scored - Math.Max(_last.Scored, firstScored)) / seconds;
            _learnRate = keep * _learnRate + (1 - keep) * Math.Max(0, learned - Math.Max(_last.Learned, firstLearned)) / seconds;
        }
        _last = (scored, learned, elapsed);
        return new NodeFacts(status, elapsed, scored - firstScored, learned - firstLearned, _scoreRate, _learnRate, Environment.WorkingSet);
    }
}
