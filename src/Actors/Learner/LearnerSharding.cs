using System.IO.Hashing;
using System.Text;
using Akka.Actor;
using Akka.Cluster.Sharding;

namespace StreamMLOps.Actors;

/// <summary>Learners as entities of the cluster: one of each, wherever it runs.</summary>
public static class LearnerSharding
{
    /// <summary>Type name of the shard region.</summary>
    public const string TypeName = "learner";

    /// <summary>Starts the region on this node.</summary>
    /// <param name="system">The actor system.</param>
    /// <param name="definitions">All learners that may run here.</param>
    /// <param name="health">What the node remembers of its learners.</param>
    /// <param name="role">Role of the nodes that run learners; null: all. With a role the coordinator does not wait for the cluster's
    /// min-nr-of-members before it places a learner: it would wait for ever once so many nodes are no longer there.</param>
    /// <returns>The region; send it <see cref="LearnerEnvelope"/>s.</returns>
    public static Task<IActorRef> Start(ActorSystem system, IReadOnlyCollection<LearnerDefinition> definitions, SnapshotHealth health, string? role = null)
    {
        var byId = definitions.ToDictionary(d => d.EntityId, StringComparer.Ordinal);
        var sharding = ClusterSharding.Get(system);
        // No passivation: a learner that hears nothing for a while is still learning.
        var settings = ClusterShardingSettings.Create(system).WithPassivateIdleAfter(TimeSpan.Zero);
        if (role is not null) settings = settings.WithRole(role);
        return sharding.StartAsync(
            TypeName,
            id => Props.Create(() => new LearnerActor(byId[id], health)).WithDispatcher("stream-mlops.learner-dispatcher"),
            settings,
            new Extractor(),
            sharding.DefaultShardAllocationStrategy(settings),
            Drain.Instance);
    }

    private sealed class Extractor : IMessageExtractor
    {
        private const int Shards = 64;

        public string? EntityId(object message) => (message as LearnerEnvelope)?.EntityId;

        public object? EntityMessage(object message) => (message as LearnerEnvelope)?.Message;

        public string? ShardId(object message) => EntityId(message) is { } id ? ShardId(id, message) : null;

        // A stable hash: every process, of every version, must compute the same shard.
        public string ShardId(string entityId, object? messageHint = null) =>
            (XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(entityId)) % Shards).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
