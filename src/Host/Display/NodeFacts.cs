using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>A pipeline's status with what follows from two of them: rates.</summary>
/// <param name="Status">The status.</param>
/// <param name="Elapsed">Since the watch began.</param>
/// <param name="Working">From the moment before the first row to the last one in which a leg moved.</param>
/// <param name="Scored">Rows scored since the watch began.</param>
/// <param name="Learned">Rows learned since the watch began.</param>
/// <param name="ScoreRate">Rows scored a second, smoothed.</param>
/// <param name="LearnRate">Rows learned a second, smoothed.</param>
/// <param name="MemoryBytes">Memory of the process.</param>
public sealed record NodeFacts(PipelineStatus Status, TimeSpan Elapsed, TimeSpan Working, long Scored, long Learned, double ScoreRate, double LearnRate, long MemoryBytes)
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

    /// <summary>The progressive metrics that say most, with their values for people: of two classes error, AUC, F1 and log-loss, else the first that the task has.</summary>
    public IReadOnlyList<(string Name, string Value)> Quality
    {
        get
        {
            var metrics = Status.Learner.Metrics;
            if (metrics.Count == 0 || metrics.Any(m => m.Name == "log-loss"))
                return [("error", Figures.Percent(Metric("error"))), ("AUC", Figures.Number(Metric("roc-auc"))), ("F1", Figures.Number(Metric("f1"))), ("log-loss", Figures.Number(Metric("log-loss")))];
            return [.. metrics.Where(m => m.Name != "rows").Take(4).Select(m => (m.Name, m.Name is "labelled" or "outside" ? Figures.Count((long)m.Value) : Figures.Number(m.Value)))];
        }
    }

    /// <summary>How long the replica has been behind; null before it has a version.</summary>
    public TimeSpan? StaleFor => Status.ReplicaSequence == 0 ? null : Status.StaleFor;

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
/// <param name="clocks">Count the rows of this run alone, those in flight included.</param>
/// <param name="time">The clock.</param>
public sealed class FactsTracker(PipelineClocks clocks, TimeProvider time)
{
    private static readonly TimeSpan Smoothing = TimeSpan.FromSeconds(1.5);
    private readonly long _started = time.GetTimestamp();
    private (long Scored, long Learned, TimeSpan At) _last;
    private TimeSpan _idleUntil;
    private TimeSpan _working;
    private double _scoreRate;
    private double _learnRate;

    /// <summary>Takes the next status.</summary>
    public NodeFacts Next(PipelineStatus status)
    {
        var elapsed = time.GetElapsedTime(_started);
        var (scored, learned) = (clocks.Predict.Rows, clocks.Learn.Rows);
        if (_last is { Scored: 0, Learned: 0 }) _idleUntil = _last.At;
        if ((scored, learned) != (_last.Scored, _last.Learned)) _working = elapsed - _idleUntil;
        var seconds = (elapsed - _last.At).TotalSeconds;
        if (seconds > 0)
        {
            // An exponential window: the weight of what was before falls with the time that has passed.
            var keep = Math.Exp(-seconds / Smoothing.TotalSeconds);
            _scoreRate = Smooth(_scoreRate, (scored - _last.Scored) / seconds, keep);
            _learnRate = Smooth(_learnRate, (learned - _last.Learned) / seconds, keep);
        }
        _last = (scored, learned, elapsed);
        return new NodeFacts(status, elapsed, _working, scored, learned, _scoreRate, _learnRate, Environment.WorkingSet);
    }

    // The first rate stands for itself: nothing was before it.
    private static double Smooth(double before, double now, double keep) => before == 0 ? now : keep * before + (1 - keep) * now;
}
