using Akka.Actor;
using Akka.Event;
using Akka.Streams;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What the score leg is doing.</summary>
public enum ScoreLegState
{
    /// <summary>Waits for the replica's first version.</summary>
    WaitingForModel,

    /// <summary>Scoring.</summary>
    Running,

    /// <summary>A bounded source is scored to its end.</summary>
    Finished,

    /// <summary>The source or a sink failed; it tries again by itself.</summary>
    Retrying,

    /// <summary>It will not score until a person acts; the detail says what to do.</summary>
    Refused,

    /// <summary>Stopped on request, everything it scored committed.</summary>
    Stopped,
}

/// <summary>The score leg as it is now.</summary>
/// <param name="State">What it is doing.</param>
/// <param name="Detail">For people; empty where all is well.</param>
/// <param name="Committed">Position and ledger of each partition, as committed.</param>
public sealed record ScoreLegStatus(ScoreLegState State, string Detail, IReadOnlyList<CommittedPartition> Committed);

/// <summary>Asks for a <see cref="ScoreLegStatus"/>.</summary>
public sealed record GetScoreLegStatus
{
    public static GetScoreLegStatus Instance { get; } = new();
}

/// <summary>Finish what is in flight, commit it, answer with a <see cref="ScoreLegStatus"/>.</summary>
public sealed record StopScoring
{
    public static StopScoring Instance { get; } = new();
}

/// <summary>
/// Runs the score leg's stream on this node, starts it again when it fails, and tells the learner how far scoring has come:
/// after each commit, and each second, since a hint may be lost and a learner may have moved.
/// </summary>
public sealed class ScoreLegActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);
    private readonly LearnerDefinition _definition;
    private readonly Func<Func<ISubscription, CommitStep, ValueTask>, ScoreStages> _stages;
    private readonly Func<string> _trouble;
    private readonly Task _ready;
    private readonly IActorRef _learners;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly List<IActorRef> _stoppers = [];
    private IReadOnlyList<CommittedPartition> _committed = [];
    private ScoreLegState _state = ScoreLegState.WaitingForModel;
    private string _detail = "";
    private ISubscription? _subscription;
    private UniqueKillSwitch? _leg;
    private bool _stopping;

    /// <param name="definition">The learner whose rows are scored.</param>
    /// <param name="stages">Makes the stream's stages around a commit.</param>
    /// <param name="trouble">What source and sinks wait for at present; empty where all is well.</param>
    /// <param name="ready">Completes with the replica's first version.</param>
    /// <param name="learners">The shard region.</param>
    public ScoreLegActor(LearnerDefinition definition, Func<Func<ISubscription, CommitStep, ValueTask>, ScoreStages> stages, Func<string> trouble, Task ready, IActorRef learners)
    {
        _definition = definition;
        _trouble = trouble;
        _stages = stages;
        _ready = ready;
        _learners = learners;
        Receive<Start>(_ => Run());
        Receive<Advanced>(Take);
        Receive<Ended>(Take);
        Receive<Tick>(_ => Refresh());
        Receive<GetScoreLegStatus>(_ => Sender.Tell(Status));
        Receive<StopScoring>(_ => Stop());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // A client that waits for its brokers goes on by itself; that it waits is shown.
    private ScoreLegStatus Status => _state == ScoreLegState.Running && _trouble() is { Length: > 0 } trouble
        ? new(ScoreLegState.Retrying, trouble, _committed)
        : new(_state, _detail, _committed);

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer("hint", new Tick(), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        _ready.ContinueWith(_ => new Start(), TaskScheduler.Default).PipeTo(Self);
    }

    protected override void PostStop() => _leg?.Shutdown();

    private void Run()
    {
        if (_stopping || _leg is not null) return;
        try
        {
            var subscription = _subscription = _definition.Source.Subscribe(_definition.Name);
            _committed = subscription.Committed();
            Hint();
            var self = Self;
            var stages = _stages(async (to, step) =>
            {
                // One commit at a time (the stream sees to it). Partitions may have come since the last one, with the ledger their former member left.
                var before = to.Committed().ToDictionary(c => c.Position.Partition);
                await to.Commit([.. step.Ranges.Values.Select(r => Add(before.GetValueOrDefault(r.Range.Partition), r))]).ConfigureAwait(false);
                self.Tell(new Advanced(to.Committed()));
            });
            var (stop, done) = PipelineGraph.ScoreLeg(subscription, stages).Run(Context.System.Materializer());
            _leg = stop;
            _state = ScoreLegState.Running;
            _detail = "";
            done.ContinueWith(t => new Ended(t.Exception?.GetBaseException()), TaskScheduler.Default).PipeTo(self);
        }
        catch (Exception e) when (e is SourceException or SourceUnavailableException or SinkException)
        {
            Take(new Ended(e));
        }
    }

    private static CommittedPartition Add(CommittedPartition? before, ScoredRange r)
    {
        var position = new PartitionPosition(r.Range.Partition, r.Range.Epoch, r.Range.To);
        return before is null || before.Position.Epoch != r.Range.Epoch
            ? new(position, r.Predicted, r.DeadLettered, r.Skipped) { Start = r.Range.From }
            : new(position, before.Predicted + r.Predicted, before.DeadLettered + r.DeadLettered, before.Skipped + r.Skipped) { Start = before.Start };
    }

    private void Take(Advanced advanced)
    {
        _committed = advanced.Committed;
        Hint();
    }

    private void Take(Ended ended)
    {
        _leg = null;
        if (_stopping || ended.Cause is null)
        {
            _state = _stopping ? ScoreLegState.Stopped : ScoreLegState.Finished;
        }
        else if (ended.Cause is SourceException or SinkException)
        {
            _state = ScoreLegState.Refused;
            _detail = ended.Cause.Message;
            _log.Error("{0}: {1}", _definition.Name, ended.Cause.Message);
        }
        else
        {
            _state = ScoreLegState.Retrying;
            _detail = ended.Cause.Message;
            _log.Warning(ended.Cause, "{0}: the score leg failed and is started again from its committed positions", _definition.Name);
            Timers.StartSingleTimer("start", new Start(), Retry);
        }
        Answer();
    }

    private void Stop()
    {
        _stoppers.Add(Sender);
        _stopping = true;
        if (_leg is null) Answer();
        else _leg.Shutdown();
    }

    private void Answer()
    {
        foreach (var stopper in _stoppers) stopper.Tell(Status);
        _stoppers.Clear();
    }

    /// <summary>A partition that has just come may hold nothing new to score, and so make no commit; the learner is told of it nevertheless.</summary>
    private void Refresh()
    {
        if (_subscription is { } subscription) _committed = subscription.Committed();
        Hint();
    }

    private void Hint()
    {
        if (_stopping) return;
        if (_committed.Count == 0) _learners.Tell(new LearnerEnvelope(_definition.EntityId, Wake.Instance));
        foreach (var c in _committed) _learners.Tell(new LearnerEnvelope(_definition.EntityId, new Scored(c.Position)));
    }

    private sealed record Start;

    private sealed record Tick;

    private sealed record Advanced(IReadOnlyList<CommittedPartition> Committed);

    private sealed record Ended(Exception? Cause);
}
