using System.Diagnostics;
using StreamMLOps.Pipeline.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// What can happen to a cluster, each thing once and all of them to the same one, so that the gate has it: <see cref="NodeKillSpecs"/>,
/// <see cref="OutageSpecs"/> and <see cref="MembershipSpecs"/> do it many times, by tests/chaos.sh.
/// </summary>
[Collection(ClusterCollection.Name)]
public sealed class ClusterSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [ClusterFact]
    public async Task It_loses_nodes_database_and_broker_and_keeps_every_promise_also_when_all_is_scored_again()
    {
        await using var cluster = new TestCluster(servers, output);
        int[] all = [.. Enumerable.Range(0, cluster.Partitions)];
        await cluster.StartAll();
        await cluster.ScoringGoesOn(all, Patience);

        await Kill("learner's", cluster.LearnerNode);
        await Kill("scoring", cluster.Running.First(n => n != cluster.LearnerNode));

        var leaving = cluster.Nodes[^1];
        var from = Stopwatch.GetTimestamp();
        await leaving.Leave();
        leaving.Start();
        await cluster.AllUp();
        output.WriteLine($"a node left and joined: {Stopwatch.GetElapsedTime(from).TotalSeconds:0.0} s, largest gap in the predictions of a partition {cluster.Predictions.LargestGap(all, from).TotalMilliseconds:0} ms");

        servers.Postgres.Stop();
        try
        {
            output.WriteLine($"database stopped: all partitions scored {(await cluster.ScoringGoesOn(all, Patience)).TotalSeconds:0.0} s later");
        }
        finally
        {
            servers.Postgres.Start();
        }
        output.WriteLine($"learning went on {(await cluster.LearningGoesOn(Patience)).TotalSeconds:0.0} s after the database was there again");

        servers.Broker.Down();
        servers.Broker.Up();
        var back = await Task.WhenAll(cluster.ScoringGoesOn(all, Patience), cluster.LearningGoesOn(Patience));
        output.WriteLine($"broker killed and started again: all partitions scored {back[0].TotalSeconds:0.0} s and learning {back[1].TotalSeconds:0.0} s after");
        await cluster.AllUp();
        var hash = await ClusterPromises.Hold(cluster);

        // The group's offsets are reset: predictions repeat recognizably, and no state changes.
        var first = cluster.Predictions.Count;
        PlainConsumer.Commit(servers.Broker, cluster.Topic, cluster.Pipeline, 0);
        foreach (var node in cluster.Nodes) node.Start();
        var rows = cluster.Predictions.Seen.Select(s => (s.Prediction.Partition, s.Prediction.Offset)).ToHashSet();
        await cluster.Until("every row is scored again", 2 * Patience, () => cluster.Predictions.From(first).Select(s => (s.Prediction.Partition, s.Prediction.Offset)).ToHashSet().SetEquals(rows));
        Assert.All(cluster.Predictions.From(first), s => Assert.True(s.Prediction.Relearned, $"{s.Prediction} does not say that its row was learned before"));
        Assert.Equal(hash, await ClusterPromises.Hold(cluster, ledgers: false));

        async Task Kill(string which, TestNode victim)
        {
            int[] dead = [.. victim.Status!.Committed.Keys];
            int[] others = [.. all.Except(dead)];
            var killed = Stopwatch.GetTimestamp();
            await victim.Kill();
            var (learning, scoring) = (cluster.LearningGoesOn(Patience), cluster.ScoringGoesOn(dead, Patience));
            await Task.WhenAll(learning, scoring);
            output.WriteLine($"kill of the {which} node: learning resumed after {(await learning).TotalSeconds:0.0} s, its partitions [{string.Join(' ', dead)}] scored again after {(await scoring).TotalSeconds:0.0} s, largest gap of the other nodes' partitions [{string.Join(' ', others)}] {cluster.Predictions.LargestGap(others, killed).TotalMilliseconds:0} ms");
            victim.Start();
            await cluster.AllUp();
        }
    }
}
