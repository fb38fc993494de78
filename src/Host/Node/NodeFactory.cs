using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Nodes of actors: a cluster of one, its learner sharded.</summary>
public sealed class NodeFactory : INodeFactory
{
    internal const string SystemName = "streammlops";

    public async Task<INode> Start(NodeOptions options, CancellationToken cancellation)
    {
        var pipeline = options.Pipeline ?? throw new ArgumentException("a node runs a pipeline", nameof(options));
        var system = ActorSystem.Create(SystemName, options.Akka);
        var cluster = Cluster.Get(system);
        await cluster.JoinAsync(cluster.SelfAddress, cancellation).ConfigureAwait(false);
        var transactions = PipelineWiring.Transactions(system, pipeline, options.Folder);
        var health = new SnapshotHealth();
        var definition = PipelineWiring.Definition(system, pipeline, options.Folder, options.Time, options.Settings.Journal, health.Alarms.Raise, transactions);
        var learners = await LearnerSharding.Start(system, [definition], health).ConfigureAwait(false);
        var journal = new JournalReader(system, archive: new EventArchive(options.Settings.Journal.Archive), sources: PipelineWiring.Sources(options.Settings));
        var parts = PipelineWiring.Parts(system, pipeline, definition, health.Alarms.Raise, transactions);
        var runtime = PipelineRuntime.Start(system, parts, learners, health, journal);
        return new Node(system, journal, options.Settings, runtime, ControlSocket.Start(options.Folder, [runtime]));
    }

    public Task<IJournal> Open(NodeOptions options, CancellationToken cancellation)
    {
        // Nothing runs here: no cluster, and no tables are made in a journal that another process may be writing.
        var reading = ConfigurationFactory.ParseString("""
            akka.actor.provider = local
            akka.persistence.journal.sql.auto-initialize = off
            akka.persistence.snapshot-store.sql.auto-initialize = off
            """);
        var system = ActorSystem.Create(SystemName, reading.WithFallback(options.Akka));
        return Task.FromResult<IJournal>(new Journal(system, new JournalReader(system, archive: new EventArchive(options.Settings.Journal.Archive), sources: PipelineWiring.Sources(options.Settings)), options.Settings));
    }

    private class Journal(ActorSystem system, JournalReader reader, NodeSettings settings) : IJournal
    {
        public Task<IReadOnlyList<string>> Learners() => reader.Learners();

        public Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, int explain, CancellationToken cancellation) =>
            new Auditor(reader, PipelineWiring.Define, PipelineWiring.Sources(settings), system).Audit(predictions, explain, cancellation);

        public Task<NamedWeights?> Weights(string learner, int most, CancellationToken cancellation) => NamedWeights.Read(reader, PipelineWiring.Define, learner, most, cancellation);

        public async Task<LearnerLedger> Ledger(string learner, CancellationToken cancellation)
        {
            using var fold = await reader.Rebuild(learner, PipelineWiring.Define, cancellation: cancellation).ConfigureAwait(false) ?? throw new BadInputException($"the journal has no event of {learner}");
            return new LearnerLedger(fold.Genesis.Pipeline, fold.Version, [.. fold.Partitions], [.. fold.Labels]);
        }

        public Task<Verification> Verify(string learner, Action<long> progress, CancellationToken cancellation) =>
            new Verifier(reader, PipelineWiring.Define).Verify(learner, progress, cancellation);

        public Task<Archived> Archive(string learner, CancellationToken cancellation)
        {
            var snapshots = settings.Pipelines.FirstOrDefault(p => JournalReader.PersistenceId(p.Name, p.Lineage, 0) == learner)?.Snapshots.KeepRecent ?? 1;
            return new JournalArchiver(system, reader, new EventArchive(settings.Journal.Archive), PipelineWiring.Define).Archive(learner, snapshots, cancellation);
        }

        public virtual async ValueTask DisposeAsync() => await system.Terminate().ConfigureAwait(false);
    }

    private sealed class Node(ActorSystem system, JournalReader reader, NodeSettings settings, PipelineRuntime pipeline, ControlSocket control) : Journal(system, reader, settings), INode
    {
        public PipelineClocks Clocks => pipeline.Clocks;

        public Task<PipelineStatus> Status() => pipeline.Status();

        public async Task<PipelineStatus> Stop()
        {
            await control.DisposeAsync().ConfigureAwait(false);
            try
            {
                return await pipeline.Stop().ConfigureAwait(false);
            }
            catch (AskTimeoutException e)
            {
                throw new TimeoutException("the legs did not drain in time", e);
            }
        }

        public override async ValueTask DisposeAsync()
        {
            await control.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
            await pipeline.DisposeAsync().ConfigureAwait(false);
        }
    }
}
