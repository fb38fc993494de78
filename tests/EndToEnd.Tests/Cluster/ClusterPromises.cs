using System.Globalization;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// The promises of a cluster, checked by a process that was no part of it: from the journal in the database, the topics and the
/// group's commits at the broker.
/// </summary>
internal static class ClusterPromises
{
    private const int Sampled = 200;

    /// <summary>
    /// Ends the producer, waits until every row is scored and learned, stops the nodes and checks.
    /// </summary>
    /// <param name="cluster">The cluster; some of its nodes may not run.</param>
    /// <param name="ledgers">False where a tool has reset the group: the group's own count of predictions then began anew.</param>
    /// <returns>The hash of what was learned.</returns>
    public static async Task<StateHash> Hold(TestCluster cluster, bool ledgers = true)
    {
        cluster.Rows.Finish();
        var topic = PlainConsumer.ReadAll(cluster.Servers.Broker, cluster.Topic);
        var system = cluster.Reader();
        try
        {
            var journal = new JournalReader(system);
            var final = await AllLearned(cluster, journal, topic.ToDictionary(t => t.Key, t => (long)t.Value.Count));
            await Task.WhenAll(cluster.Running.Select(n => n.Leave()));
            using var fold = await FreshFold(cluster, journal, final);
            await JournaledRowsAreTheTopics(cluster, journal, topic);
            if (topic.Count == 1) Assert.Equal(HashOfLibrary(fold.Definition.Model, topic[0]), fold.LearnedHash());
            LedgersBalance(cluster, fold, topic, final, ledgers);
            var predictions = cluster.Predictions.Seen.Select(s => s.Prediction).ToList();
            EveryRowIsPredicted(predictions, topic);
            VersionsNeverGoBack(cluster);
            var sample = predictions.Where((_, i) => i % (1 + predictions.Count / Sampled) == 0).ToList();
            var audited = await new Auditor(journal, JournalFold.Define, _ => null, system).Audit(sample);
            Assert.All(audited, a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
            var (rows, repeats) = (topic.Values.Sum(t => t.Count), predictions.Count - topic.Values.Sum(t => t.Count));
            cluster.Say(string.Create(CultureInfo.InvariantCulture, $"promises hold: {rows} rows, {predictions.Count} predictions ({repeats} repeats), {fold.Sequence} events, {sample.Count} predictions recomputed, hash {fold.LearnedHash()}"));
            return fold.LearnedHash();
        }
        finally
        {
            await system.Terminate();
        }
    }

    // The statuses of all nodes once nothing is pending: every row committed as scored, in the journal, and in every replica. What the
    // learner says of itself is not asked: it counts rows that it has folded and not yet written.
    private static async Task<NodeStatus[]> AllLearned(TestCluster cluster, JournalReader journal, Dictionary<int, long> ends)
    {
        NodeStatus?[] statuses = [];
        LearnerFold? fold = null;
        var all = string.Join(", ", ends.Select(e => $"{e.Key.ToString(CultureInfo.InvariantCulture)} up to {e.Value.ToString(CultureInfo.InvariantCulture)}"));
        try
        {
            await cluster.Until($"every row is scored, learned and in every replica (partition {all})", TimeSpan.FromSeconds(180), async () =>
            {
                statuses = [.. cluster.Running.Select(n => n.Status)];
                if (statuses.Length == 0 || !ends.All(e => statuses.Any(s => s?.Committed.GetValueOrDefault(e.Key).Next == e.Value))) return false;
                fold = await journal.Continue(cluster.Learner, JournalFold.Define, fold);
                return fold is not null && ends.All(e => fold.Partitions.Any(p => p.Partition == e.Key && p.Next == e.Value))
                    && statuses.All(s => s is not null && s.Version == fold.Sequence && s.ReplicaVersion == fold.Sequence);
            });
        }
        finally
        {
            fold?.Dispose();
        }
        // The reader of the predictions is a client of its own, and comes a little later.
        var (looked, rows) = (0, new HashSet<(int, long)>());
        await cluster.Until("the predictions of every row have arrived", TimeSpan.FromSeconds(30), () =>
        {
            var arrived = cluster.Predictions.From(looked);
            looked += arrived.Count;
            rows.UnionWith(arrived.Select(s => (s.Prediction.Partition, s.Prediction.Offset)));
            return rows.Count >= ends.Values.Sum();
        });
        return statuses!;
    }

    // (i) A fold of the journal without snapshots reaches the newest snapshot's state, and that of every replica.
    private static async Task<LearnerFold> FreshFold(TestCluster cluster, JournalReader journal, NodeStatus[] final)
    {
        var (sequence, snapshot) = (await journal.Snapshot(cluster.Learner))!.Value;
        var fold = (await journal.Rebuild(cluster.Learner, JournalFold.Define, sequence, useSnapshots: false))!;
        Assert.Equal((sequence, snapshot.Hash), (fold.Sequence, fold.Hash()));
        fold = (await journal.Continue(cluster.Learner, JournalFold.Define, fold))!;
        var fingerprint = fold.Learner.Fingerprint.ToString("x16", CultureInfo.InvariantCulture);
        Assert.All(final, s => Assert.Equal((fold.Sequence, fingerprint), (s.ReplicaVersion, s.ReplicaFingerprint)));
        return fold;
    }

    // (ii) Per partition the journaled rows are the topic's, in order, once each; all of them have labels.
    private static async Task JournaledRowsAreTheTopics(TestCluster cluster, JournalReader journal, SortedDictionary<int, List<byte[]>> topic)
    {
        var next = topic.Keys.ToDictionary(p => p, _ => 0L);
        await foreach (var (_, e) in journal.Read(cluster.Learner, 1))
        {
            if (e is not Learned learned) continue;
            EventRows.ForEach(learned, (_, _) => true, (partition, offset, batch) =>
            {
                Assert.Equal(next[partition]++, offset);
                using var expected = Parse(topic[partition][(int)offset]);
                Assert.Equal(ProgressiveLearner.ContentOf(expected, 0), ProgressiveLearner.ContentOf(batch, 0));
            });
        }
        Assert.All(topic, t => Assert.Equal(t.Value.Count, next[t.Key]));
    }

    // (iii) The state of the library run over the rows, without Akka.
    private static StateHash HashOfLibrary(ModelSpec model, List<byte[]> rows)
    {
        var alone = new ProgressiveLearner(model);
        foreach (var row in rows)
        {
            using var batch = Parse(row);
            alone.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
        }
        return StateHash.Of(alone.Save);
    }

    // (iv) Every offset was committed as predicted once, and learned once.
    private static void LedgersBalance(TestCluster cluster, LearnerFold fold, SortedDictionary<int, List<byte[]>> topic, NodeStatus[] final, bool ledgers)
    {
        var committed = PlainConsumer.Committed(cluster.Servers.Broker, cluster.Topic, cluster.Pipeline);
        var learned = fold.Partitions.ToDictionary(p => p.Partition);
        foreach (var (partition, rows) in topic)
        {
            Assert.Equal(rows.Count, committed[partition]);
            Assert.Equal((0, rows.Count, rows.Count, 0), (learned[partition].Start, learned[partition].Next, learned[partition].Learned, learned[partition].Remainder));
            if (!ledgers) continue;
            var said = final.SelectMany(s => s.Committed).Where(c => c.Key == partition && c.Value.Next == rows.Count);
            Assert.All(said, c => Assert.Equal(rows.Count, c.Value.Predicted));
        }
    }

    // At least once; where twice by the same version, then with the same bits.
    private static void EveryRowIsPredicted(List<Prediction> predictions, SortedDictionary<int, List<byte[]>> topic)
    {
        var rows = predictions.ToLookup(p => (p.Partition, p.Offset));
        foreach (var (partition, records) in topic)
            for (var offset = 0L; offset < records.Count; offset++)
                Assert.True(rows.Contains((partition, offset)), $"partition {partition}, offset {offset} has no prediction");
        Assert.Equal(topic.Values.Sum(t => (long)t.Count), rows.LongCount());
        foreach (var repeats in predictions.GroupBy(p => (p.Partition, p.Offset, p.Version)))
            Assert.Single(repeats.Select(p => BitConverter.DoubleToInt64Bits(p.Score)).Distinct());
    }

    private static void VersionsNeverGoBack(TestCluster cluster)
    {
        foreach (var node in cluster.Nodes)
            foreach (var life in node.History)
                for (var i = 1; i < life.Count; i++)
                    Assert.True(life[i - 1].ReplicaVersion <= life[i].ReplicaVersion, $"{node.Name}: version {life[i - 1].ReplicaVersion} and then {life[i].ReplicaVersion}");
    }

    private static RowBatch Parse(byte[] line)
    {
        var batch = new RowBatch(1, 64);
        Assert.Equal(RowFault.None, SvmLightParser.Parse(line, batch, out _));
        return batch;
    }
}
