using System.Diagnostics;
using StreamMLOps.Learning;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Nodes join and leave while rows stream.</summary>
[Collection(ClusterCollection.Name)]
public sealed class MembershipSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [ChaosFact]
    public async Task Partitions_move_and_no_row_is_lost_or_learned_twice()
    {
        var random = Rounds.Seeded(output);
        var rebalances = Rounds.Of("STREAMMLOPS_REBALANCES", 3);
        await using var cluster = await Producing();
        var clock = Stopwatch.StartNew();
        for (var done = 0; done < rebalances;)
        {
            var node = cluster.Nodes[random.Next(cluster.Nodes.Length)];
            // One at least stays, so that something is scored all the time.
            if (node.Runs && cluster.Running.Count() > 1) await node.Leave();
            else if (!node.Runs) node.Start();
            else continue;
            await cluster.AllUp();
            done++;
            output.WriteLine($"rebalance {done} at {clock.Elapsed.TotalSeconds:0} s: {node.Name} {(node.Runs ? "joined" : "left")}");
        }
        await ClusterPromises.Hold(cluster);
    }

    [ChaosFact]
    public async Task A_rolling_restart_loses_no_prediction()
    {
        await using var cluster = await Producing();
        for (var round = 1; round <= Rounds.Of("STREAMMLOPS_RESTARTS", 1); round++)
        {
            var from = Stopwatch.GetTimestamp();
            foreach (var node in cluster.Nodes)
            {
                await node.Leave();
                node.Start();
                await cluster.AllUp();
            }
            output.WriteLine($"rolling restart {round} took {Stopwatch.GetElapsedTime(from).TotalSeconds:0} s, largest gap in the predictions of a partition {cluster.Predictions.LargestGap([.. Enumerable.Range(0, cluster.Partitions)], from).TotalMilliseconds:0} ms");
        }
        await ClusterPromises.Hold(cluster);
    }

    [ChaosFact]
    public async Task Offsets_of_the_group_reset_to_zero_repeat_predictions_and_change_no_state()
    {
        await using var cluster = await Producing();
        await cluster.LearningGoesOn(Patience);
        var hash = await ClusterPromises.Hold(cluster);
        var first = cluster.Predictions.Seen.Select(s => s.Prediction).ToList();

        PlainConsumer.Commit(servers.Broker, cluster.Topic, cluster.Pipeline, 0);
        foreach (var node in cluster.Nodes) node.Start();
        var rows = first.Select(p => (p.Partition, p.Offset)).ToHashSet();
        await cluster.Until("every row is scored again", 3 * Patience, () => cluster.Predictions.From(first.Count).Select(s => (s.Prediction.Partition, s.Prediction.Offset)).ToHashSet().SetEquals(rows));
        Assert.All(cluster.Predictions.From(first.Count), s => Assert.True(s.Prediction.Relearned, $"{s.Prediction} does not say that its row was learned before"));
        Assert.Equal(hash, await ClusterPromises.Hold(cluster, ledgers: false));
    }

    private async Task<TestCluster> Producing()
    {
        var cluster = new TestCluster(servers, output);
        await cluster.StartAll();
        await cluster.LearningGoesOn(Patience);
        await cluster.ScoringGoesOn([.. Enumerable.Range(0, cluster.Partitions)], Patience);
        return cluster;
    }
}
