using Akka.Actor;
using Akka.Cluster;
using Akka.Configuration;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;
using ClusterSettings = StreamMLOps.Pipeline.ClusterSettings;

namespace StreamMLOps.Host;

/// <summary>A node of a cluster: it scores its share of every pipeline's partitions, and runs the learners that the cluster gives it.</summary>
public sealed class ClusterNode : IAsyncDisposable
{
    private const string LearnerRole = "streammlops-learner";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private readonly ActorSystem _system;
    private readonly Akka.Cluster.Cluster _cluster;
    private readonly SnapshotHealth _health;
    private readonly IActorRef _daemon;
    private readonly ControlSocket _control;

    private ClusterNode(ActorSystem system, SnapshotHealth health, string journal, IActorRef daemon, IReadOnlyList<PipelineRuntime> pipelines, ControlSocket control)
    {
        _control = control;
        _system = system;
        _daemon = daemon;
        _cluster = Akka.Cluster.Cluster.Get(system);
        _health = health;
        Journal = journal;
        Pipelines = pipelines;
    }

    /// <summary>Identity of the journal.</summary>
    public string Journal { get; }

    /// <summary>The pipelines, in the order of the settings.</summary>
    public IReadOnlyList<PipelineRuntime> Pipelines { get; }

    /// <summary>Alarms raised on this node.</summary>
    public Alarms Alarms => _health.Alarms;

    /// <summary>Address as others reach it.</summary>
    public string Address => $"{_cluster.SelfAddress.Host}:{_cluster.SelfAddress.Port}";

    /// <summary>This node's status in the cluster, and how many members there are and are unreachable.</summary>
    public (MemberStatus Status, int Members, int Unreachable) Membership =>
        (_cluster.IsTerminated ? MemberStatus.Removed : _cluster.SelfMember.Status, _cluster.State.Members.Count, _cluster.State.Unreachable.Count);

    /// <summary>Completes when the actor system has ended, on request or because the cluster gave this node up.</summary>
    public Task Ended => _system.WhenTerminated;

    /// <summary>Starts the node: joins, waits until it is up, starts its share of learners, then scores.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="folder">The node's data folder.</param>
    /// <param name="akka">What settings files say in <c>akka { }</c>.</param>
    /// <param name="journal">The journal, open.</param>
    /// <param name="verbose">Warnings to standard error, too.</param>
    /// <param name="say">Takes lines for people.</param>
    /// <param name="time">Clock.</param>
    /// <param name="stop">Gives up joining.</param>
    /// <exception cref="BadInputException">The cluster at the seeds has another journal.</exception>
    public static async Task<ClusterNode> Start(NodeSettings settings, DataFolder folder, Learning.ConfigNode.Map akka, IJournalStore journal, bool verbose, Action<string> say, TimeProvider time, CancellationToken stop)
    {
        var role = JournalGuard.RoleOf(journal);
        var clusterSettings = settings.Cluster with { Roles = settings.Cluster.Roles.Add(role).Add(LearnerRole) };
        var system = ActorSystem.Create(NodeFactory.SystemName, AkkaConfiguration.For(akka, journal.ConnectionString, folder.Log, verbose, journal.ProviderName, clusterSettings));
        try
        {
            await Join(system, settings.Cluster, role, say, stop).ConfigureAwait(false);
            var reader = new JournalReader(system, archive: new EventArchive(settings.Journal.Archive), sources: PipelineWiring.Sources(settings));
            await MakeTables(system, journal, stop).ConfigureAwait(false);
            var health = new SnapshotHealth();
            var transactions = settings.Pipelines.Select(p => PipelineWiring.Transactions(system, p, folder)).ToArray();
            var definitions = settings.Pipelines.Zip(transactions, (p, t) => PipelineWiring.Definition(system, p, folder, time, settings.Journal, health.Alarms.Raise, t)).ToArray();
            var learners = await LearnerSharding.Start(system, definitions, health, LearnerRole).ConfigureAwait(false);
            var daemon = system.ActorOf(Props.Create(() => new LearnerDaemon(learners, definitions.Select(d => d.EntityId).ToArray())), "learner-daemon");
            var runtimes = settings.Pipelines.Select((p, i) => PipelineRuntime.Start(system, PipelineWiring.Parts(system, p, definitions[i], health.Alarms.Raise, transactions[i]), learners, health, reader)).ToArray();
            return new ClusterNode(system, health, journal.Id, daemon, runtimes, ControlSocket.Start(folder, runtimes));
        }
        catch
        {
            await CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance).ConfigureAwait(false);
            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Leaves: scoring ends with everything in flight committed and its partitions handed on; learners seal, snapshot and go to
    /// other nodes; then the node leaves the cluster.
    /// </summary>
    public async Task Leave()
    {
        await _control.DisposeAsync().ConfigureAwait(false);
        foreach (var pipeline in Pipelines)
        {
            try
            {
                await pipeline.Leave().ConfigureAwait(false);
            }
            catch (AskTimeoutException)
            {
                // A sink or the broker is away: what is not committed is scored again elsewhere.
            }
        }
        // A region that leaves waits until what is buffered for learners elsewhere is delivered; where all nodes leave there is no elsewhere.
        await _daemon.GracefulStop(TimeSpan.FromSeconds(1)).ConfigureAwait(false);
        await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance).ConfigureAwait(false);
        await _system.WhenTerminated.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _control.DisposeAsync().ConfigureAwait(false);
        await _system.Terminate().ConfigureAwait(false);
        foreach (var pipeline in Pipelines) await pipeline.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task Join(ActorSystem system, ClusterSettings settings, string role, Action<string> say, CancellationToken stop)
    {
        var cluster = Akka.Cluster.Cluster.Get(system);
        var seeds = settings.SeedNodes.Select(s => Akka.Actor.Address.Parse($"akka.tcp://{system.Name}@{s}")).ToArray();
        if (seeds.Length == 0) cluster.Join(cluster.SelfAddress);
        else cluster.JoinSeedNodes(seeds);
        var waited = 0;
        while (cluster.SelfMember.Status != MemberStatus.Up)
        {
            stop.ThrowIfCancellationRequested();
            if (cluster.IsTerminated) throw new BadInputException($"the cluster at {string.Join(", ", settings.SeedNodes)} refused this node; see its log");
            Refuse(cluster, role);
            await Task.Delay(Look, stop).ConfigureAwait(false);
            if (++waited % (int)(TimeSpan.FromSeconds(10) / Look) == 0)
                say($"not up yet: {(cluster.State.Members.Count == 0 ? $"no answer from the seed nodes {string.Join(", ", settings.SeedNodes)}; check that one of them runs and can be reached from here" : $"{cluster.State.Members.Count} of at least {settings.MinMembers} nodes have joined")}");
        }
        Refuse(cluster, role);
    }

    private static void Refuse(Akka.Cluster.Cluster cluster, string role)
    {
        if (JournalGuard.OlderStranger(cluster, role) is not { } other) return;
        throw new BadInputException(
            $"this node's journal is not that of the cluster's node {other.Address.Host}:{other.Address.Port}, so it may not join. All nodes of a cluster share one PostgreSQL database (journal.provider = postgresql and the same connection-string); SQLite is for a node that is alone.");
    }

    private static async Task MakeTables(ActorSystem system, IJournalStore journal, CancellationToken stop)
    {
        if (journal is not PostgresJournal postgres) return;
        await using var initialization = await postgres.LockInitialization(stop).ConfigureAwait(false);
        var persistence = Akka.Persistence.Persistence.Instance.Apply(system);
        persistence.JournalFor("");
        persistence.SnapshotStoreFor("");
        await initialization.Done(stop).ConfigureAwait(false);
    }
}
