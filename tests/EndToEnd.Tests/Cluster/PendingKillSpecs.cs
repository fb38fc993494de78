using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// kill -9 of the learner's node while rows wait for their labels: the learner goes on at another node, which has no pending store, and later
/// at one that has an old one. <c>STREAMMLOPS_PENDING=1000000</c> is the full count of rows, with a second kill in the midst of the labels.
/// </summary>
[Collection(ClusterCollection.Name)]
public sealed partial class PendingKillSpecs(ClusterServers servers, ITestOutputHelper output)
{
    private const int Reduced = 10_000;
    private const long MostMemory = 1L << 30;
    private static readonly double MostRecovery = 10 * Rounds.Of("STREAMMLOPS_SLOW", 1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly int Rows = Rounds.Of("STREAMMLOPS_PENDING", Reduced);

    [ClusterFact]
    public async Task Rows_that_wait_are_learned_once_and_none_is_forgotten_when_the_learners_node_is_killed_and_another_has_to_learn_them()
    {
        var random = Rounds.Seeded(output);
        await using var cluster = new TestCluster(servers, output, new TestClusterOptions(LabelsApart: true));
        await cluster.StartNodes();
        servers.Broker.Fill(cluster.Topic, 0, Rows, Row);
        var filled = await cluster.Until("every row waits for its label", 5 * Patience, () => cluster.Running.Any(n => n.Status?.Ledger.Values.Sum() == Rows));
        output.WriteLine($"{Rows} rows wait: {filled.TotalSeconds:0.0} s after the last was written");

        // A twentieth of the rows never has a label, a fifth of the others has it twice.
        var labelled = Enumerable.Range(0, Rows).Where(_ => random.Next(20) != 0).ToArray();
        var labels = labelled.Concat(labelled.Where(_ => random.Next(5) == 0)).ToArray();
        random.Shuffle(labels);
        await Kill(cluster, "while all rows wait", labels[..(labels.Length / 2)]);
        if (Rows > Reduced)
        {
            foreach (var node in cluster.Nodes.Where(n => !n.Runs)) node.Start();
            await cluster.Until("the node is back", Patience, () => cluster.Nodes.All(n => n.Status is { State: "up" } s && s.Members == cluster.Nodes.Length));
            await Kill(cluster, "in the midst of the labels", labels[(labels.Length / 2)..(labels.Length * 3 / 4)]);
            Write(cluster, labels[(labels.Length * 3 / 4)..]);
        }
        else
        {
            Write(cluster, labels[(labels.Length / 2)..]);
        }
        await Hold(cluster, labelled.Length, labels.Length - labelled.Length);
    }

    // The labels are there before anyone can learn them: the first event after the kill is one that learns, but for what was on its way.
    private async Task Kill(TestCluster cluster, string when, int[] labels)
    {
        var victim = cluster.LearnerNode;
        var logged = cluster.Nodes.ToDictionary(n => n, n => n.Log().Length);
        await victim.Kill();
        var killed = Stopwatch.GetTimestamp();
        var newest = await cluster.NewestEvent();
        var learning = cluster.Until("another node learns", Patience, async () => await cluster.NewestEvent() > newest);
        Write(cluster, labels);
        var wrote = Stopwatch.GetElapsedTime(killed);
        await cluster.Until("the learner is elsewhere", Patience, () => cluster.Running.Any(n => n.Status is { } s && s.LearnerNode == n.Address));
        var moved = Stopwatch.GetElapsedTime(killed);
        var learned = await learning;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"killed {when}: learner seen elsewhere after {moved.TotalSeconds:0.0} s, its first event after {learned.TotalSeconds:0.0} s ({labels.Length} labels were written in the first {wrote.TotalSeconds:0.0} s)"));

        // The rest is the cluster's, which had to give the node up first.
        var said = cluster.Running.SelectMany(n => Recovered().Matches(n.Log()[logged[n]..])).ToList();
        foreach (var line in said) output.WriteLine(line.Value);
        Assert.NotEmpty(said);
        Assert.All(said, line => Assert.InRange(double.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture), 0, MostRecovery));
    }

    private async Task Hold(TestCluster cluster, int learned, int duplicates)
    {
        var system = cluster.Reader();
        LearnerFold? fold = null;
        try
        {
            var journal = new JournalReader(system);
            await cluster.Until("every label is accounted for", 5 * Patience, async () => (fold = await journal.Continue(cluster.Learner, JournalFold.Define, fold)) is not null && fold.Labels.Sum(l => l.Next) == learned + duplicates);
            var memory = cluster.Nodes.SelectMany(n => n.History).SelectMany(l => l).Max(s => s.Memory);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"resident memory of a node at most {memory >> 20} MiB"));
            Assert.InRange(memory, 1, MostMemory);
            await Task.WhenAll(cluster.Running.Select(n => n.Leave()));

            // A fold from nothing: the ledgers balance, and each row is learned once, as it was written.
            using var fresh = (await journal.Rebuild(cluster.Learner, JournalFold.Define, useSnapshots: false))!;
            var (sequence, snapshot) = (await journal.Snapshot(cluster.Learner))!.Value;
            Assert.Equal((sequence, snapshot.Hash), (fresh.Sequence, fresh.Hash()));
            Assert.All(fresh.Partitions, p => Assert.Equal((0L, 0L, 0L), (p.Remainder, p.Expired, p.Duplicate)));
            Assert.All(fresh.Labels, l => Assert.Equal((0L, 0L, 0L), (l.Remainder, l.Waiting, l.Orphans)));
            Assert.Equal((learned, Rows - learned), (fresh.Partitions.Sum(p => p.Learned), fresh.Partitions.Sum(p => p.Waiting)));
            Assert.Equal((learned, duplicates), (fresh.Labels.Sum(l => l.Learned), fresh.Labels.Sum(l => l.Duplicate)));
            var seen = new HashSet<int>();
            await foreach (var (_, e) in journal.Read(cluster.Learner, 1))
            {
                if (e is not Joined joined) continue;
                EventRows.ForEach(joined, (_, _) => true, (partition, offset, batch) =>
                {
                    var n = (int)(offset * cluster.Partitions) + partition;
                    Assert.True(seen.Add(n), $"row {n} is learned twice");
                    var (features, positive) = SyntheticRows.Row(n);
                    Assert.Equal(positive ? 1 : 0, batch.Labels[0]);
                    Assert.Equal(features.Count, batch[0].Indices.Length);
                });
            }
            Assert.Equal(learned, seen.Count);
            var predicted = cluster.Predictions.Seen.Select(s => (s.Prediction.Partition, s.Prediction.Offset)).ToHashSet();
            Assert.Equal(Rows, predicted.Count);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{learned} rows learned once each, {Rows - learned} wait, {duplicates} labels were duplicates; {fresh.Sequence} events, {cluster.Predictions.Seen.Count - Rows} predictions repeated"));
        }
        finally
        {
            fold?.Dispose();
            await system.Terminate();
        }
    }

    // In the partition of the row, which is that of record n.
    private void Write(TestCluster cluster, int[] labels) => servers.Broker.Fill(cluster.Labels, labels.Select(n => (n % cluster.Partitions, Label(n))));

    private static string Row(int n) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + n},\"f\":{{{string.Join(',', SyntheticRows.Row(n).Features.Select(f => string.Create(CultureInfo.InvariantCulture, $"\"{f.Key}\":{f.Value}")))}}}}}");

    private static string Label(int n) => string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + Rows},\"y\":{(SyntheticRows.Row(n).Positive ? 1 : 0)}}}");

    [GeneratedRegex(@"recovered in ([0-9.]+) s from its start on this node.*")]
    private static partial Regex Recovered();
}
