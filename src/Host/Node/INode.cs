using Akka.Configuration;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What the commands need of a node's journal.</summary>
public interface IJournal : IAsyncDisposable
{
    /// <summary>Persistence ids of all learners in the journal.</summary>
    Task<IReadOnlyList<string>> Learners();

    /// <summary>Recomputes predictions; the results are in the order given.</summary>
    /// <param name="predictions">What was answered.</param>
    /// <param name="explain">Features named in the explanation of each; 0: none is explained.</param>
    /// <param name="cancellation">Stops it.</param>
    Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, int explain, CancellationToken cancellation);

    /// <summary>The features that weigh most in one learner's newest model, by name; null: its kind has no weights.</summary>
    Task<NamedWeights?> Weights(string learner, int most, CancellationToken cancellation);

    /// <summary>What the state of one learner, as its journal has it now, has accounted for.</summary>
    Task<LearnerLedger> Ledger(string learner, CancellationToken cancellation);

    /// <summary>Moves events of one learner, that recovery does not need, to files.</summary>
    Task<Archived> Archive(string learner, CancellationToken cancellation);

    /// <summary>Folds one learner's journal from nothing and compares every fingerprint and snapshot.</summary>
    Task<Verification> Verify(string learner, Action<long> progress, CancellationToken cancellation);
}

/// <summary>A node on which one pipeline runs.</summary>
public interface INode : IJournal
{
    /// <summary>The pipeline as it is now.</summary>
    Task<PipelineStatus> Status();

    /// <summary>Where the node's time goes, by stage.</summary>
    PipelineClocks Clocks { get; }

    /// <summary>Drains: what is in flight is scored, committed, learned and persisted. Audits are possible after it, a status is not.</summary>
    /// <returns>The pipeline as it was last.</returns>
    /// <exception cref="TimeoutException">The database did not take the last event in time; its rows are learned at the next start.</exception>
    Task<PipelineStatus> Stop();
}

/// <summary>What a node is started with.</summary>
/// <param name="Settings">Validated settings.</param>
/// <param name="Pipeline">The pipeline to run; null where only the journal is wanted.</param>
/// <param name="Folder">The data folder.</param>
/// <param name="Akka">Akka's configuration, connection string included.</param>
/// <param name="Time">Clock for what is recorded for people.</param>
public sealed record NodeOptions(NodeSettings Settings, PipelineSettings? Pipeline, DataFolder Folder, Config Akka, TimeProvider Time);

/// <summary>Starts nodes: the seam between the commands and the actors.</summary>
public interface INodeFactory
{
    /// <summary>Starts a node that runs <see cref="NodeOptions.Pipeline"/>.</summary>
    Task<INode> Start(NodeOptions options, CancellationToken cancellation);

    /// <summary>Opens the journal alone, to read.</summary>
    Task<IJournal> Open(NodeOptions options, CancellationToken cancellation);
}
