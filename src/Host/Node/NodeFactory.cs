using Akka.Actor;
using Akka.Cluster;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Nodes of actors.</summary>
public sealed class NodeFactory : INodeFactory
{
    /// <inheritdoc/>
    public async Task<INode> Start(NodeOptions options, CancellationToken cancellation)
    {
        var pipeline = options.Pipeline ?? throw new ArgumentException("a node runs a pipeline", nameof(options));
        var system = ActorSystem.Create("streammlops", options.Akka);
        try
        {
            var cluster = Cluster.Get(system);
            await cluster.JoinAsync(cluster.SelfAddress, cancellation).ConfigureAwait(false);
            var definition = PipelineFactory.Learner(pipeline, options.Folder, new PipelineClocks(), options.Time);
            var health = new SnapshotHealth();
            var learners = await LearnerSharding.Start(system, [definition], health).ConfigureAwait(false);
            var journal = new JournalReader(system);
            var parts = new PipelineParts(
                definition,
                new OutgoingEncoder(new PredictionWriter(pipeline.Name, pipeline.Model.Kind.Task), new DeadLetterWriter(pipeline.Name)),
                new FileSink(pipeline.Sink.Predictions),
                new FileSink(pipeline.Sink.DeadLetters));
            return new Node(system, options, journal, PipelineRuntime.Start(system, parts, learners, health, journal));
        }
        catch
        {
            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<IJournal> Open(NodeOptions options, CancellationToken cancellation)
    {
        // Reading needs no cluster.
        var local = Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(options.Akka);
        var system = ActorSystem.Create("streammlops-reader", local);
        return Task.FromResult<IJournal>(new Journal(system, options, new JournalReader(system)));
    }

    /// <summary>The journal of a data folder.</summary>
    private class Journal(ActorSystem system, NodeOptions options, JournalReader reader) : IJournal
    {
        public Task<IReadOnlyList<string>> Learners() => reader.Learners();

        public Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, CancellationToken cancellation) =>
            new Auditor(reader, PipelineFactory.Define, Source, system).Audit(predictions, cancellation);

        public Task<Verification> Verify(string learner, Action<long> progress, CancellationToken cancellation) =>
            new Verifier(reader, PipelineFactory.Define).Verify(learner, progress, cancellation);

        public virtual async ValueTask DisposeAsync() => await system.Terminate().ConfigureAwait(false);

        private (ISource, IDecoder)? Source(string name) =>
            options.Settings.Pipelines.FirstOrDefault(p => p.Name == name) is { } pipeline
                ? (PipelineFactory.Source(pipeline, options.Folder), PipelineFactory.Decoder(pipeline))
                : null;
    }

    /// <summary>A node that runs a pipeline.</summary>
    private sealed class Node(ActorSystem system, NodeOptions options, JournalReader reader, PipelineRuntime pipeline) : Journal(system, options, reader), INode
    {
        public PipelineClocks Clocks => pipeline.Clocks;

        public Task<PipelineStatus> Status() => pipeline.Status();

        public Task Stop() => pipeline.Stop();

        public override async ValueTask DisposeAsync()
        {
            await pipeline.DisposeAsync().ConfigureAwait(false);
            await base.DisposeAsync().ConfigureAwait(false);
        }
    }
}
