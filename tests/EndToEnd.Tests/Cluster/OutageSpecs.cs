using System.Diagnostics;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>The broker or the database is away or slow: what can go on goes on, what cannot waits, and all resumes by itself without a restart.</summary>
[Collection(ClusterCollection.Name)]
public sealed class OutageSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static TimeSpan Outage => TimeSpan.FromSeconds(Rounds.Of("STREAMMLOPS_OUTAGE_SECONDS", 10));

    [ChaosFact]
    public async Task The_broker_is_killed_and_started_again_and_then_stays_away_for_a_while()
    {
        await using var cluster = await Producing(new TestClusterOptions());
        var memory = new MemoryWatch(cluster);
        foreach (var away in new[] { TimeSpan.Zero, Outage })
        {
            servers.Broker.Down();
            try
            {
                await Task.Delay(away);
            }
            finally
            {
                servers.Broker.Up();
            }
            var back = await Task.WhenAll(cluster.ScoringGoesOn([.. Enumerable.Range(0, cluster.Partitions)], Patience), cluster.LearningGoesOn(Patience));
            output.WriteLine($"broker away for {away.TotalSeconds:0} s: all partitions scored {back[0].TotalSeconds:0.0} s and learning {back[1].TotalSeconds:0.0} s after it was there again");
            await cluster.AllUp();
        }
        output.WriteLine(memory.StayedFlat());
        await ClusterPromises.Hold(cluster);
    }

    [ChaosFact]
    public async Task The_broker_is_killed_and_started_again_and_again()
    {
        await using var cluster = await Producing(new TestClusterOptions());
        for (var bounce = 1; bounce <= Rounds.Of("STREAMMLOPS_BOUNCES", 3); bounce++)
        {
            servers.Broker.Down();
            servers.Broker.Up();
            var scored = await cluster.ScoringGoesOn([.. Enumerable.Range(0, cluster.Partitions)], Patience);
            await cluster.AllUp(); // every node has a share again: none is left without a broker that it would ask
            output.WriteLine($"bounce {bounce}: all partitions scored {scored.TotalSeconds:0.0} s after the broker was there again");
        }
        await ClusterPromises.Hold(cluster);
    }

    [ChaosFact]
    public async Task The_database_is_stopped_for_a_while()
    {
        await using var cluster = await Producing(new TestClusterOptions(OnePartition: true));
        var memory = new MemoryWatch(cluster);
        servers.Postgres.Stop();
        try
        {
            await ScoringKeepsItsRate(cluster, Outage, "the database stopped");
            Assert.DoesNotContain(cluster.Running, n => n.Status!.Score != "running");
        }
        finally
        {
            servers.Postgres.Start();
        }
        output.WriteLine($"learning went on {(await cluster.LearningGoesOn(Patience)).TotalSeconds:0.0} s after the database was there again");
        output.WriteLine(memory.StayedFlat());
        await ClusterPromises.Hold(cluster);
    }

    [ChaosFact]
    public async Task The_database_answers_every_statement_200_ms_late()
    {
        using var proxy = new SlowProxy(servers.Postgres.Port);
        await using var cluster = await Producing(new TestClusterOptions(DatabasePort: proxy.Port));
        var memory = new MemoryWatch(cluster);
        proxy.Delay = TimeSpan.FromMilliseconds(200);
        var before = await cluster.NewestEvent();
        await ScoringKeepsItsRate(cluster, Outage, "200 ms a statement");
        output.WriteLine($"{await cluster.NewestEvent() - before} events were written meanwhile");
        proxy.Delay = TimeSpan.Zero;
        output.WriteLine($"learning went on {(await cluster.LearningGoesOn(Patience)).TotalSeconds:0.0} s after the database was quick again");
        output.WriteLine(memory.StayedFlat());
        await ClusterPromises.Hold(cluster);
    }

    private async Task<TestCluster> Producing(TestClusterOptions options)
    {
        var cluster = new TestCluster(servers, output, options);
        await cluster.StartAll();
        await cluster.LearningGoesOn(Patience);
        await cluster.ScoringGoesOn([.. Enumerable.Range(0, cluster.Partitions)], Patience);
        return cluster;
    }

    // Rows that are offered meanwhile have predictions meanwhile, but for what is under way at the end.
    private async Task ScoringKeepsItsRate(TestCluster cluster, TimeSpan time, string when)
    {
        var (from, rows) = (Stopwatch.GetTimestamp(), cluster.Rows.Acknowledged);
        await Task.Delay(time);
        var offered = cluster.Rows.Acknowledged - rows;
        var scored = cluster.Predictions.Seen.Count(s => s.Arrived >= from);
        output.WriteLine($"{when} for {time.TotalSeconds:0} s: {offered} rows offered, {scored} predictions, largest gap {cluster.Predictions.LargestGap([.. Enumerable.Range(0, cluster.Partitions)], from).TotalMilliseconds:0} ms");
        Assert.True(scored >= 0.9 * offered, $"{offered} rows were offered and {scored} predictions made, {when}");
    }

    // What waits is in the log, not in the nodes: working sets during and after an outage are about what they were before.
    private sealed class MemoryWatch(TestCluster cluster)
    {
        private const long Slack = 128L << 20; // a heap that is not collected yet, and code that is compiled only in trouble
        private readonly (TestNode Node, int Line, long Before)[] _nodes = [.. cluster.Running.Select(n => (n, n.Life.Lines.Count, n.LargestMemory(0)))];

        public string StayedFlat()
        {
            var after = _nodes.Select(n => (n.Node.Name, n.Before, After: n.Node.LargestMemory(n.Line))).ToArray();
            var told = string.Join(", ", after.Select(n => $"{n.Name} {n.Before >> 20} MiB before, {n.After >> 20} MiB at most since"));
            Assert.True(after.All(n => n.After < n.Before + Slack), told);
            return told;
        }
    }
}
