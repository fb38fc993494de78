using System.Diagnostics;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>kill -9 of nodes of a cluster of three while rows stream; afterwards every promise holds.</summary>
[Collection(ClusterCollection.Name)]
public sealed class NodeKillSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // What is promised on a machine that does nothing else; on a busy one STREAMMLOPS_SLOW=3 makes it three times as much.
    private static readonly TimeSpan Resumed = TimeSpan.FromSeconds(15 * Rounds.Of("STREAMMLOPS_SLOW", 1));
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(Rounds.Of("STREAMMLOPS_SLOW", 1));

    [ChaosFact]
    public Task The_learners_node_is_killed() => KillOne("learner's", Rounds.Of("STREAMMLOPS_LEARNER_KILLS", 1), cluster => cluster.LearnerNode);

    [ChaosFact]
    public Task A_scoring_node_is_killed() => KillOne("scoring", Rounds.Of("STREAMMLOPS_SCORER_KILLS", 1), cluster => cluster.Running.First(n => n != cluster.LearnerNode));

    [ChaosFact]
    public async Task All_nodes_are_killed_at_once()
    {
        var random = Rounds.Seeded(output);
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(OnePartition: true));
        await cluster.StartAll();
        for (var kill = 1; kill <= Rounds.Of("STREAMMLOPS_CLUSTER_KILLS", 1); kill++)
        {
            await cluster.LearningGoesOn(Patience);
            await Task.Delay(random.Next(0, 1_500));
            await Task.WhenAll(cluster.Nodes.Select(n => n.Kill()));
            var killed = Stopwatch.GetTimestamp();
            foreach (var node in cluster.Nodes) node.Start();
            await cluster.LearningGoesOn(TimeSpan.FromSeconds(120));
            output.WriteLine($"kill {kill} of all nodes: learning resumed {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s after, start of the processes included");
            await cluster.AllUp();
        }
        await ClusterPromises.Hold(cluster);
    }

    private async Task KillOne(string which, int kills, Func<TestCluster, TestNode> choose)
    {
        var random = Rounds.Seeded(output);
        await using var cluster = new TestCluster(servers, output);
        await cluster.StartAll();
        for (var kill = 1; kill <= kills; kill++)
        {
            await cluster.LearningGoesOn(Patience);
            await cluster.ScoringGoesOn([.. Enumerable.Range(0, cluster.Partitions)], Patience);
            await Task.Delay(random.Next(0, 1_500));
            var victim = choose(cluster);
            int[] dead = [.. victim.Status!.Committed.Keys];
            int[] others = [.. cluster.Running.Where(n => n != victim).SelectMany(n => n.Status!.Committed.Keys).Distinct().Except(dead)];
            var killed = Stopwatch.GetTimestamp();
            await victim.Kill();
            var learning = cluster.LearningGoesOn(Patience);
            var scoring = cluster.ScoringGoesOn(dead, Patience);
            await Task.WhenAll(learning, scoring);
            var gap = cluster.Predictions.LargestGap(others, killed);
            output.WriteLine($"kill {kill} of the {which} node: learning resumed after {(await learning).TotalSeconds:0.0} s, its partitions [{string.Join(' ', dead)}] scored again after {(await scoring).TotalSeconds:0.0} s, largest gap of the other nodes' partitions [{string.Join(' ', others)}] {gap.TotalMilliseconds:0} ms");
            Assert.InRange(await learning, TimeSpan.Zero, Resumed);
            Assert.InRange(await scoring, TimeSpan.Zero, Resumed);
            Assert.InRange(gap, TimeSpan.Zero, Gap);
            victim.Start();
            await cluster.AllUp();
        }
        await ClusterPromises.Hold(cluster);
    }
}
