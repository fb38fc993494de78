using Akka.Actor;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>A pipeline's line of the conservation ledger, for one partition: every distinct source position is somewhere.</summary>
/// <param name="Partition">Partition number.</param>
/// <param name="Consumed">Positions the score leg has committed, from where its group began to count.</param>
/// <param name="Predicted">Rows predicted.</param>
/// <param name="DeadLettered">Records in the dead letters.</param>
/// <param name="Skipped">Blank records and offsets that hold none.</param>
/// <param name="Learned">Rows learned.</param>
/// <param name="Unlabelled">Rows without a label.</param>
/// <param name="Frozen">Labelled rows that passed while learning was frozen.</param>
/// <param name="Expired">Rows whose label did not come in time.</param>
/// <param name="Pending">Positions scored that the learner has not reached.</param>
/// <param name="Duplicate">Rows whose id had features already; where labels come apart from rows.</param>
/// <param name="Waiting">Rows that wait for their label, likewise.</param>
public sealed record LedgerLine(
    int Partition, long Consumed, long Predicted, long DeadLettered, long Skipped, long Learned, long Unlabelled, long Frozen, long Expired, long Pending, long Duplicate = 0, long Waiting = 0)
{
    /// <summary>0 where <c>consumed = predicted + dead-lettered + skipped</c> holds.</summary>
    public long ScoreRemainder => Consumed - Predicted - DeadLettered - Skipped;

    /// <summary>
    /// How much later than the score leg the learner began; less than 0: earlier. Not 0 where the group was told to begin elsewhere than at the log's
    /// beginning, or retention had moved that when the lineage began.
    /// </summary>
    public long StartsApart { get; init; }

    /// <summary>
    /// 0 where <c>predicted = learned + unlabelled + frozen + expired + duplicate + waiting</c> holds; meaningful where nothing is pending and both legs
    /// began at the same record: legs that did not count different records, each with a ledger of its own.
    /// </summary>
    public long LearnRemainder => Pending == 0 && StartsApart == 0 ? Predicted - Learned - Unlabelled - Frozen - Expired - Duplicate - Waiting : 0;

    /// <summary>Whether both equations hold.</summary>
    public bool Balances => ScoreRemainder == 0 && LearnRemainder == 0;
}

/// <summary>A running pipeline as it is now.</summary>
public sealed record PipelineStatus(
    ScoreLegStatus Score,
    LearnerStatus Learner,
    long ReplicaSequence,
    long StaleEvents,
    TimeSpan StaleFor,
    IReadOnlyList<LedgerLine> Ledger)
{
    /// <summary>The fold's own answers, as this node's replica has measured them since it started.</summary>
    public AnswerReport Progressive { get; init; } = AnswerReport.Empty;

    /// <summary>What this node has really answered since it started, as far as labels have come.</summary>
    public AnswerReport Served { get; init; } = AnswerReport.Empty;

    /// <summary>Positions scored that the learner has not reached.</summary>
    public long Backlog => Ledger.Sum(l => l.Pending);

    /// <summary>Whether a bounded source is scored and learned to its end.</summary>
    public bool Finished => Score.State == ScoreLegState.Finished && Learner.State == LearnerState.Finished && Backlog == 0 && StaleEvents == 0;

    /// <summary>What a person must act on, or null.</summary>
    public string? Refusal => Score.State == ScoreLegState.Refused ? Score.Detail : Learner.State == LearnerState.Refused ? Learner.Detail : null;
}

/// <summary>What a pipeline is made of on a node.</summary>
/// <param name="Learner">The learner and its fold.</param>
/// <param name="Encoder">Predictions and dead letters to bytes.</param>
/// <param name="Predictions">Where predictions go.</param>
/// <param name="DeadLetters">Where dead letters go.</param>
public sealed record PipelineParts(LearnerDefinition Learner, IOutgoingEncoder Encoder, ISink Predictions, ISink DeadLetters)
{
    /// <summary>What the sinks write within, together with the source's commits; null: they write by themselves.</summary>
    public ITransactions? Transactions { get; init; }
}

/// <summary>One pipeline on one node: its replica and its score leg, and the learner wherever the cluster runs it.</summary>
public sealed class PipelineRuntime : IAsyncDisposable
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(60);
    private readonly ActorSystem _system;
    private readonly PipelineParts _parts;
    private readonly IActorRef _learners;
    private readonly SnapshotHealth _health;
    private readonly IActorRef _replicaActor;
    private readonly IActorRef _scoreLeg;
    private readonly IActorRef? _alerts;

    private PipelineRuntime(ActorSystem system, PipelineParts parts, IActorRef learners, SnapshotHealth health, JournalReader journal)
    {
        _system = system;
        _parts = parts;
        _learners = learners;
        _health = health;
        var d = parts.Learner;
        Quality = new AnswerQuality(d.Labels is not null, d.Remember);
        Replica = new Replica(d.Clocks, d.Time) { Quality = Quality };
        if (d.Alerts is not null) _alerts = system.ActorOf(Props.Create(() => new AlertActor(d, journal)), $"alerts-{Uri.EscapeDataString(d.EntityId)}");
        _replicaActor = system.ActorOf(Props.Create(() => new ReplicaActor(d, Replica, journal, learners)), $"replica-{Uri.EscapeDataString(d.EntityId)}");
        _scoreLeg = system.ActorOf(Props.Create(() => new ScoreLegActor(d, Stages, Trouble, Replica.Ready, learners)), $"score-leg-{Uri.EscapeDataString(d.Name)}");
    }

    /// <summary>What labels say of answers, on this node and since it started.</summary>
    public AnswerQuality Quality { get; }

    /// <summary>This node's scoring copy.</summary>
    public Replica Replica { get; }

    /// <summary>What the pipeline is made of.</summary>
    public PipelineParts Parts => _parts;

    /// <summary>Where this node's time goes.</summary>
    public PipelineClocks Clocks => _parts.Learner.Clocks;

    /// <summary>Starts the pipeline; the region of its learner must be started.</summary>
    public static PipelineRuntime Start(ActorSystem system, PipelineParts parts, IActorRef learners, SnapshotHealth health, JournalReader journal) =>
        new(system, parts, learners, health, journal);

    /// <summary>The pipeline as it is now; a learner that does not answer (it is recovering, or its journal is away) is shown so.</summary>
    public async Task<PipelineStatus> Status()
    {
        var score = await _scoreLeg.Ask<ScoreLegStatus>(GetScoreLegStatus.Instance, Answer).ConfigureAwait(false);
        LearnerStatus learner;
        try
        {
            learner = await _learners.Ask<LearnerStatus>(new LearnerEnvelope(_parts.Learner.EntityId, GetLearnerStatus.Instance), TimeSpan.FromSeconds(2)).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
            var (why, final) = _health.FailureOf(_parts.Learner.PersistenceId) ?? ("the learner does not answer: it is recovering, or its database is away", false);
            learner = new LearnerStatus(final ? LearnerState.Refused : LearnerState.Recovering, why, new ModelVersion(_parts.Learner.Lineage, _parts.Learner.Shard, Replica.Sequence), Replica.Read(f => f is null ? [] : (IReadOnlyList<PartitionLedger>)[.. f.Partitions]), [], 0, 0, 0, 0);
        }
        return StatusOf(score, learner);
    }

    private PipelineStatus StatusOf(ScoreLegStatus score, LearnerStatus learner)
    {
        LedgerMeter.Record(_parts.Learner.Name, learner);
        var ledger = Ledger(score, learner);
        LedgerAlarm.Look(_parts.Learner.Alerts, learner, ledger);
        var (progressive, served) = (Quality.Progressive, Quality.Served);
        QualityMeter.Record(_parts.Learner.Name, "progressive", progressive);
        QualityMeter.Record(_parts.Learner.Name, "served", served);
        var replica = Replica.Sequence;
        var stale = Math.Max(0, learner.Version.Sequence - replica);
        var staleFor = stale == 0 || replica == 0 ? TimeSpan.Zero : _parts.Learner.Time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(Replica.AppliedAt);
        return new PipelineStatus(score, learner, replica, stale, staleFor, ledger) { Progressive = progressive, Served = served };
    }

    /// <summary>Sends a <see cref="Freeze"/>, <see cref="Thaw"/> or <see cref="Revoke"/> to the learner, wherever it runs.</summary>
    /// <returns>The version in which it is; or null, and why nothing was changed.</returns>
    /// <exception cref="AskTimeoutException">The learner does not answer; it may still do what was asked.</exception>
    public async Task<(ModelVersion? Version, string Why)> Change(object change) =>
        await _learners.Ask<object>(new LearnerEnvelope(_parts.Learner.EntityId, change), Answer).ConfigureAwait(false) switch
        {
            Changed changed => (changed.Version, ""),
            Unchanged unchanged => (null, unchanged.Why),
            var other => throw new InvalidOperationException($"{other.GetType()} is no answer to a change"),
        };

    /// <summary>Stops scoring and learning: what is in flight is scored, committed, learned and persisted.</summary>
    /// <returns>The pipeline as it was last.</returns>
    public async Task<PipelineStatus> Stop()
    {
        var score = await _scoreLeg.Ask<ScoreLegStatus>(StopScoring.Instance, DrainTime).ConfigureAwait(false);
        await _replicaActor.GracefulStop(Answer).ConfigureAwait(false);
        var drained = await _learners.Ask<Drained>(new LearnerEnvelope(_parts.Learner.EntityId, Drain.Instance), DrainTime).ConfigureAwait(false);
        await WriteAlerts(drained.Status.Version.Sequence).ConfigureAwait(false);
        return StatusOf(score, drained.Status);
    }

    // Not for long: they follow from the journal, and are written at the next start.
    private async Task WriteAlerts(long through)
    {
        if (_alerts is null) return;
        try
        {
            await _alerts.Ask<AlertsWritten>(new WriteAlerts(through), Answer).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
        }
    }

    /// <summary>Stops scoring on this node, what is in flight is committed, and its replica; the learner goes on wherever it runs.</summary>
    public async Task Leave()
    {
        try
        {
            await _scoreLeg.Ask<ScoreLegStatus>(StopScoring.Instance, DrainTime).ConfigureAwait(false);
        }
        finally
        {
            await _replicaActor.GracefulStop(Answer).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _system.Stop(_scoreLeg);
        // Only now: the learner reads by the same source until it has left this node.
        foreach (var source in new[] { _parts.Learner.Source, _parts.Learner.Labels?.Source }.OfType<IAsyncDisposable>())
        {
            try
            {
                await source.DisposeAsync().AsTask().WaitAsync(Answer).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // A client that waits for a broker that is away ends with the process.
            }
        }
        if (_alerts is not null)
        {
            _system.Stop(_alerts);
            await _parts.Learner.Alerts!.Log.DisposeAsync().ConfigureAwait(false);
        }
        await _parts.Predictions.DisposeAsync().ConfigureAwait(false);
        await _parts.DeadLetters.DisposeAsync().ConfigureAwait(false);
        if (_parts.Learner.Labels?.DeadLetters is { } letters && !ReferenceEquals(letters, _parts.DeadLetters)) await letters.DisposeAsync().ConfigureAwait(false);
        if (_parts.Transactions is { } transactions) await transactions.DisposeAsync().ConfigureAwait(false);
        Replica.Dispose();
    }

    private string Trouble() => new[] { _parts.Learner.Source.Trouble, _parts.Predictions.Trouble, _parts.DeadLetters.Trouble }.FirstOrDefault(t => t.Length > 0) ?? "";

    private ScoreStages Stages(Func<ISubscription, CommitStep, ValueTask> commit)
    {
        var d = _parts.Learner;
        async ValueTask Commit(ISubscription to, CommitStep step)
        {
            await commit(to, step).ConfigureAwait(false);
            Quality.Committed(step);
        }
        return new ScoreStages(d.Decoder, d.Featurizer, Replica, d.MaxLead == long.MaxValue ? null : new LeadGate(Replica, d.MaxLead), new ServedEncoder(_parts.Encoder, Quality), _parts.Predictions, _parts.DeadLetters, d.Clocks, d.Time, Commit) { Transactions = _parts.Transactions };
    }

    private static IReadOnlyList<LedgerLine> Ledger(ScoreLegStatus score, LearnerStatus learner)
    {
        var lines = new List<LedgerLine>();
        foreach (var c in score.Committed)
        {
            var l = learner.Partitions.FirstOrDefault(p => p.Partition == c.Position.Partition && p.Epoch == c.Position.Epoch);
            lines.Add(new LedgerLine(
                c.Position.Partition,
                c.Position.Next - c.Start,
                c.Predicted,
                c.DeadLettered,
                c.Skipped,
                l?.Learned ?? 0,
                l?.Unlabelled ?? 0,
                l?.Frozen ?? 0,
                l?.Expired ?? 0,
                Math.Max(0, c.Position.Next - (l?.Next ?? 0)),
                l?.Duplicate ?? 0,
                l?.Waiting ?? 0)
            {
                StartsApart = (l?.Start ?? c.Start) - c.Start,
            });
        }
        return lines;
    }
}
