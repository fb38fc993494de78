using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Kinds that need no labels, with labels in a log of their own: rows are learned as they come, labels measure the answers.</summary>
public sealed partial class LabelTopicSpecs
{
    private static readonly ModelSpec Detector = ModelSpec.Parse(ConfigNode.Of(("algorithm", "half-space-trees"), ("window", "100")));

    [Fact]
    public async Task An_unsupervised_kind_learns_each_row_as_it_comes_and_is_measured_by_the_labels_that_come_later()
    {
        Write(new Stream(3_000, seed: 5));
        var (expected, counts) = Alone(Detector);
        await using var node = await Start(_folder, onDisk: true, model: Detector);
        var status = await node.Until(s => s.Finished);

        Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        var (rows, labels) = (Assert.Single(status.Learner.Partitions), Assert.Single(status.Learner.Labels));
        output.WriteLine($"{rows}\n{labels}");
        Assert.Equal((0, 0), (rows.Remainder, labels.Remainder));
        Assert.Equal((3_000 - rows.Duplicate, 0L, 0L), (rows.Learned, rows.Waiting, rows.Expired));
        Assert.Equal((counts.Learned, counts.DuplicateFeatures, counts.Orphans), (rows.Learned, rows.Duplicate, labels.Orphans));
        Assert.All(new[] { labels.Learned, labels.Orphans, labels.Duplicate, labels.Contradictory, labels.Corrected, labels.Early }, n => Assert.True(n > 0));
        Assert.True(Assert.Single(status.Ledger).Balances, status.Ledger[0].ToString());
        // Every label that found its row was measured, once.
        Assert.Equal(labels.Learned, status.Learner.Metrics.Single(m => m.Name == "labelled").Value);
        Assert.Equal(rows.Learned, status.Learner.Metrics.Single(m => m.Name == "rows").Value);
        Assert.InRange(status.Learner.Metrics.Single(m => m.Name == "roc-auc").Value, 0.01, 0.99);

        // The model is what it is without any label.
        using var alone = Decode("rows.jsonl", new JsonDecoder());
        var unlabelled = Detector.Create();
        var seen = new HashSet<string>();
        for (var i = 0; i < alone.Count; i++)
            if (seen.Add(System.Text.Encoding.UTF8.GetString(alone.IdOf(i)))) unlabelled.Learn(alone.Rows[i], double.NaN);
        Assert.Equal(StateHash.Of(unlabelled.Save), node.Pipeline.Replica.Read(f => StateHash.Of(f!.Learner.Model.Save)));

        var fromNothing = await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false);
        Assert.Equal(fromNothing!.Hash(), node.Pipeline.Replica.Read(f => f!.Hash()));
        Assert.Empty((await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId)).Faults);
        var audited = await new Auditor(node.Journal, TestNode.Define, _ => null, node.System).Audit([.. node.Predictions().Where((p, i) => i % 97 == 0)]);
        Assert.All(audited.Where(a => a.Outcome != AuditOutcome.FeaturesExpired), a => Assert.Equal((AuditOutcome.Identical, "journal"), (a.Outcome, a.FeaturesFrom)));
        Assert.InRange(audited.Count(a => a.Outcome == AuditOutcome.Identical), audited.Count * 8 / 10, audited.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Wherever_a_node_of_an_unsupervised_kind_stops_rows_and_labels_find_each_other_as_if_it_had_not(bool onDisk)
    {
        Write(new Stream(1_500, seed: 13));
        var (expected, counts) = Alone(Detector);
        foreach (var (stop, chunk, events) in new[] { (300L, 7, 50), (1_000L, 64, 200) })
        {
            var folder = Path.Combine(_folder, $"{stop}-{chunk}");
            var options = new LearnerOptions(MaxRows: events, SnapshotEveryEvents: 5, SnapshotEveryBytes: long.MaxValue);
            await using (var first = await Start(folder, onDisk, options, chunk, Detector))
            {
                await first.Until(s => s.Learner.Rows > stop / 2);
                await first.Pipeline.Stop();
            }
            // Without a drain: what was not persisted is lost, as by a kill.
            await using (var second = await Start(folder, onDisk, options, chunk, Detector)) await second.Until(s => s.Learner.Rows > stop);
            await using var node = await Start(folder, onDisk, options, chunk, Detector);
            var status = await node.Until(s => s.Finished);
            Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
            Assert.Equal((counts.Learned, counts.Orphans), (status.Learner.Partitions[0].Learned, status.Learner.Labels[0].Orphans));
            Assert.All(status.Learner.Partitions, p => Assert.Equal(0, p.Remainder));
            Assert.All(status.Learner.Labels, l => Assert.Equal(0, l.Remainder));
        }
    }

    [Fact]
    public async Task Rows_whose_label_did_not_come_are_candidates_for_a_pseudo_label_and_the_journal_says_which_got_one()
    {
        var model = SelfTrainingSpecs.Model(confidence: 0.6);
        Write(new Stream(2_000, seed: 17));
        var (expected, counts) = Alone(model);
        var options = new LearnerOptions(MaxRows: 100, SnapshotEveryEvents: 5);
        await using (var first = await Start(_folder, onDisk: true, options, model: model))
        {
            await first.Until(s => s.Learner.Rows > 700);
            await first.Pipeline.Stop();
        }
        // Without a drain: what was not persisted is lost, as by a kill.
        await using (var second = await Start(_folder, onDisk: true, options, model: model)) await second.Until(s => s.Learner.Rows > 1_200);
        await using var node = await Start(_folder, onDisk: true, options, model: model);
        var status = await node.Until(s => s.Finished);
        Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        var (rows, labels) = (Assert.Single(status.Learner.Partitions), Assert.Single(status.Learner.Labels));
        Assert.Equal((0, 0, counts.Learned, counts.Expired), (rows.Remainder, labels.Remainder, rows.Learned, rows.Expired));
        Assert.Equal(rows.Learned + rows.Expired, status.Learner.Rows);

        var (candidates, pseudo) = (0, 0);
        using var row = new RowBatch(4, 4096);
        await foreach (var (_, e) in node.Journal.Read(node.Definition.PersistenceId, 1))
        {
            if (e is not Joined joined) continue;
            var (at, stamp) = (joined.EntriesAt, joined.From);
            for (var i = 0; i < joined.Entries; i++)
            {
                row.Clear();
                var entry = joined.ReadEntry(ref at, ref stamp, row);
                Assert.NotEqual(JoinedKind.Expired, entry.Kind);
                if (entry.Kind != JoinedKind.Unlabelled) continue;
                candidates++;
                if (entry.Pseudo.Class != PseudoClass.None) pseudo++;
            }
        }
        Assert.Equal(rows.Expired, candidates);
        Assert.InRange(pseudo, 10, candidates);
        output.WriteLine($"{pseudo} of {candidates} candidates got a pseudo-label");
        Assert.Empty((await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId)).Faults);
    }
}
