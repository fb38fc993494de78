using System.Diagnostics;
using StreamMLOps.Actors;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host.Tests.Commands;

/// <summary>Nodes that pretend: statuses and audits as a test writes them.</summary>
internal sealed class FakeNodes : INodeFactory
{
    /// <summary>Given one after the other; the last one stays.</summary>
    public Queue<PipelineStatus> Statuses { get; } = new();

    public Func<Prediction, AuditResult> Auditing { get; set; } = p => new AuditResult(p, AuditOutcome.Identical, p.Score, "journal");

    public List<Verification> Verifications { get; } = [];

    public List<LearnerLedger> Ledgers { get; } = [];

    public List<Archived> Archives { get; } = [];

    public NamedWeights? Weights { get; set; }

    public Exception? StartFails { get; set; }

    public Exception? StopFails { get; set; }

    /// <summary>Runs when a status is asked for.</summary>
    public Action? OnStatus { get; set; }

    public NodeOptions? Started { get; private set; }

    public NodeOptions? Opened { get; private set; }

    public bool Stopped { get; private set; }

    public bool Disposed { get; private set; }

    public Task<INode> Start(NodeOptions options, CancellationToken cancellation)
    {
        Started = options;
        return StartFails is null ? Task.FromResult<INode>(new Node(this)) : Task.FromException<INode>(StartFails);
    }

    public Task<IJournal> Open(NodeOptions options, CancellationToken cancellation)
    {
        Opened = options;
        return Task.FromResult<IJournal>(new Node(this));
    }

    public static PipelineStatus Status(long scored, long learned, ScoreLegState score = ScoreLegState.Running, LearnerState learner = LearnerState.Running, string detail = "", long deadLetters = 0)
    {
        var position = new PartitionPosition(0, 7, scored + deadLetters);
        var version = new ModelVersion("main", 0, learned / 100 + 1);
        return new PipelineStatus(
            new ScoreLegStatus(score, score == ScoreLegState.Refused ? detail : "", [new CommittedPartition(position, scored, deadLetters, 0)]),
            new LearnerStatus(learner, score == ScoreLegState.Refused ? "" : detail, version, [], [("error", 0.022), ("roc-auc", 0.9876), ("f1", 0.97), ("log-loss", 0.1)], 12_345, learned, 5 << 20, 0),
            version.Sequence,
            0,
            TimeSpan.Zero,
            [new LedgerLine(0, scored + deadLetters, scored, deadLetters, 0, learned, 0, 0, 0, scored - learned)]);
    }

    public static PipelineStatus Finished(long rows, long deadLetters = 0) => Status(rows, rows, ScoreLegState.Finished, LearnerState.Finished, deadLetters: deadLetters);

    private sealed class Node(FakeNodes nodes) : INode
    {
        public PipelineClocks Clocks { get; } = new();

        public Task<PipelineStatus> Status()
        {
            nodes.OnStatus?.Invoke();
            var status = nodes.Statuses.Count > 1 ? nodes.Statuses.Dequeue() : nodes.Statuses.Peek();
            Clocks.Predict.Add(Stopwatch.GetTimestamp(), (int)(status.Ledger[0].Predicted - Clocks.Predict.Rows));
            Clocks.Learn.Add(Stopwatch.GetTimestamp(), (int)(status.Ledger[0].Learned - Clocks.Learn.Rows));
            return Task.FromResult(status);
        }

        public Task<PipelineStatus> Stop()
        {
            nodes.Stopped = true;
            return nodes.StopFails is null ? Task.FromResult(nodes.Statuses.Peek()) : Task.FromException<PipelineStatus>(nodes.StopFails);
        }

        public Task<IReadOnlyList<string>> Learners() => Task.FromResult<IReadOnlyList<string>>([.. nodes.Verifications.Select(v => v.Learner)]);

        public Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, int explain, CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyList<AuditResult>>([.. predictions.Select(nodes.Auditing)]);

        public Task<NamedWeights?> Weights(string learner, int most, CancellationToken cancellation) => Task.FromResult(nodes.Weights);

        public Task<LearnerLedger> Ledger(string learner, CancellationToken cancellation) => Task.FromResult(nodes.Ledgers.Single(l => $"learner/{l.Pipeline}/{l.Version.Lineage}/{l.Version.Shard}" == learner));

        public Task<Verification> Verify(string learner, Action<long> progress, CancellationToken cancellation) => Task.FromResult(nodes.Verifications.Single(v => v.Learner == learner));

        public Task<Archived> Archive(string learner, CancellationToken cancellation) => Task.FromResult(nodes.Archives.Single(a => a.Learner == learner));

        public ValueTask DisposeAsync()
        {
            nodes.Disposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
