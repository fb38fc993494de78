using System.Diagnostics;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>The network splits while rows stream: nodes in namespaces of their own, one of them cut off.</summary>
[Collection(ClusterCollection.Name)]
public sealed class PartitionSpecs(ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The learner's node is cut off: in odd rounds from everything, in even ones from the other nodes alone, while the database still takes
    /// what it writes. That there never were two writers is among the promises: the journal has every row once, in one chain of fingerprints.
    /// </summary>
    [NetworkFact]
    public async Task The_smaller_side_of_a_split_network_stops_and_the_other_goes_on()
    {
        using var network = new NodeNetwork(3);
        using var servers = new ClusterServers(network.Host);
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(Network: network));
        await cluster.StartAll();
        var apart = TimeSpan.FromSeconds(Rounds.Of("STREAMMLOPS_PARTITION_SECONDS", 15));
        for (var round = 1; round <= Rounds.Of("STREAMMLOPS_PARTITIONS", 1); round++)
        {
            await cluster.LearningGoesOn(Patience);
            var node = cluster.LearnerNode;
            var number = Array.IndexOf(cluster.Nodes, node);
            int[] dead = [.. node.Status!.Committed.Keys];
            int[] others = [.. cluster.Running.Where(n => n != node).SelectMany(n => n.Status!.Committed.Keys).Distinct().Except(dead)];
            var cut = Stopwatch.GetTimestamp();
            if (round % 2 == 1) network.CutOff(number);
            else network.CutFromNodes(number);
            try
            {
                // What still reaches the database goes on writing there until it stops; what does not has nothing to do with what is written.
                var learning = round % 2 == 1 ? cluster.LearningGoesOn(Patience) : Task.FromResult(TimeSpan.Zero);
                var status = await node.Life.Exit(Patience);
                var stopped = Stopwatch.GetElapsedTime(cut);
                Assert.True(status == 4, $"{node.Name} was cut off and ended with {status}: {node.Told()}");
                var learned = await learning;
                await Task.WhenAll(cluster.LearningGoesOn(Patience), cluster.ScoringGoesOn(dead, Patience));
                var since = Stopwatch.GetElapsedTime(cut);
                output.WriteLine($"round {round}, cut off from {(round % 2 == 1 ? $"everything: learning went on after {learned.TotalSeconds:0.0} s" : "the other nodes")}; the node stopped after {stopped.TotalSeconds:0.0} s; learning and scoring of its partitions were seen {since.TotalSeconds:0.0} s after the cut, largest gap of the other nodes' partitions [{string.Join(' ', others)}] {cluster.Predictions.LargestGap(others, cut).TotalMilliseconds:0} ms");
                if (apart - Stopwatch.GetElapsedTime(cut) is var left && left > TimeSpan.Zero) await Task.Delay(left);
                Assert.All(cluster.Running, n => Assert.Equal(2, n.Status!.Members));
            }
            finally
            {
                network.Heal(number);
            }
            node.Start();
            await cluster.AllUp();
        }
        await ClusterPromises.Hold(cluster);
    }
}
