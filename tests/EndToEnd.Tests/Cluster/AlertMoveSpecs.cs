using System.Diagnostics;
using System.Text;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// A learner that moves between nodes while alerts are on: its node dies by SIGKILL with an alert in the topic of which nothing is remembered, another node learns
/// and writes on. Afterwards the topic has each alert that a fresh fold of the journal gives, at least once and always as the same bytes.
/// </summary>
[Collection(ClusterCollection.Name)]
public sealed class AlertMoveSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private const int Rows = 6_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [ClusterFact]
    public async Task Every_alert_of_the_journal_is_in_the_topic_when_the_learners_node_is_killed_and_another_node_goes_on()
    {
        var random = Rounds.Seeded(output);
        // The first node is the only seed: it is up, and has the learner, before the others are there.
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(Seeds: (_, addresses) => [addresses[0]], Alerts: true));
        var first = cluster.Nodes[0];
        first.Start(new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = $"{CrashPoints.AfterAlerts}:{random.Next(2, 4)}" });
        await cluster.Until("the first node learns", Patience, async () => first.Status is { State: "up" } s && s.LearnerNode == first.Address && await cluster.NewestEvent() > 0);
        foreach (var node in cluster.Nodes[1..]) node.Start();
        await cluster.Until("all nodes are up", Patience, () => cluster.Nodes.All(n => n.Status is { State: "up" } s && s.Members == cluster.Nodes.Length));

        Write(cluster, 0, Rows / 2);
        Assert.Equal(137, await first.Life.Exit(Patience));
        var (killed, newest) = (Stopwatch.GetTimestamp(), await cluster.NewestEvent());
        Write(cluster, Rows / 2, Rows);
        await cluster.Until("another node learns", Patience, async () => await cluster.NewestEvent() > newest);
        output.WriteLine($"{newest} events when the node died; the next one {Stopwatch.GetElapsedTime(killed).TotalSeconds:0.0} s later");

        var system = cluster.Reader();
        LearnerFold? fold = null;
        try
        {
            var journal = new JournalReader(system);
            await cluster.Until("all rows are learned", Patience, async () => (fold = await journal.Continue(cluster.Learner, JournalFold.Define, fold))!.Partitions.Sum(p => p.Next) == Rows);
            var expected = await JournalFold.Alerts(journal, cluster.Learner);
            Assert.True(expected.Count(line => line.Contains("\"kind\":\"drift\"", StringComparison.Ordinal)) >= 4, $"{expected.Count} alerts");
            List<string> read = [];
            await cluster.Until("the last alert of the journal is in the topic", Patience, () => (read = OfJournal(cluster)).Contains(expected[^1]));
            Assert.Equal(expected, read.Distinct()); // the first of each, in the order of the journal; what came again, to the byte
            Assert.True(read.Count > expected.Count, "the node died between writing and remembering, so that something came twice");
            Assert.NotEqual(first, cluster.LearnerNode);
            output.WriteLine($"{expected.Count} alerts of {fold!.Sequence} events, {read.Count} messages; the learner is at {cluster.LearnerNode.Name}");
        }
        finally
        {
            fold?.Dispose();
            await system.Terminate();
        }
    }

    // In one partition, so that the turns of the labels come to the learner in their order.
    private void Write(TestCluster cluster, int from, int to) => servers.Broker.Fill(cluster.Topic, Enumerable.Range(from, to - from).Select(n => (0, TurnedRows.SvmLight(n))));

    // All of a journal have one key, and so one partition; alarms of nodes are of no journal.
    private List<string> OfJournal(TestCluster cluster) =>
        [.. PlainConsumer.ReadAll(servers.Broker, cluster.Alerts).Values.SelectMany(p => p)
            .Where(m => AlertMessage.TryParse(m, out var alert, out var why) ? alert.History is not null : throw new Xunit.Sdk.XunitException(why))
            .Select(Encoding.UTF8.GetString)];
}
