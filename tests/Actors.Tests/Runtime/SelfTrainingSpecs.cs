using System.Buffers;
using System.Globalization;
using System.Text;
using Akka.Actor;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Rows without a label in the stream: pseudo-labels with their provenance, taken back as a group.</summary>
public sealed class SelfTrainingSpecs(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    internal static ModelSpec Model(double confidence, double margin = 1) =>
        ModelSpec.Parse(ConfigNode.Of(("algorithm", "self-training"), ("confidence", confidence.ToString("R", CultureInfo.InvariantCulture)), ("margin", margin.ToString("R", CultureInfo.InvariantCulture))));

    private static Genesis GenesisOf(ModelSpec model) =>
        Genesis.Create("spec", "main", 0, SettingsText.Write(ConfigNode.Map.Empty.With("model", model.ToConfig())), 0, [new PartitionPosition(0, Rows.Epoch, 0)]);

    private static Chunk Chunk(long from, long to, Random random, double labelled, double wrong)
    {
        var chunk = new Chunk(new OffsetRange(0, Rows.Epoch, from, to));
        for (var n = from; n < to; n++)
        {
            var (features, positive) = SyntheticRows.Row(n);
            chunk.Rows.BeginRow();
            foreach (var f in features) chunk.Rows.Add(f.Key, f.Value);
            chunk.Rows.TryEndRow(random.NextDouble() >= labelled ? double.NaN : positive ^ random.NextDouble() < wrong ? 1 : 0);
            chunk.EndRow(n);
        }
        return chunk;
    }

    [Fact]
    public void The_journal_has_group_and_class_of_every_pseudo_label_and_a_group_is_taken_back_as_a_whole()
    {
        for (var seed = 0; seed < 30; seed++)
        {
            output.WriteLine($"seed {seed}");
            var random = new Random(seed);
            // A small margin makes the model take groups back by itself, too.
            var model = Model(0.5 + 0.3 * random.NextDouble(), random.Next(2) == 0 ? 0.0001 : 1);
            var genesis = GenesisOf(model);
            FoldDefinition Define(Genesis g) => new(model, new Rows.Same());
            using var live = new LearnerFold(genesis, Define(genesis));
            var replayed = new LearnerFold(genesis, Define(genesis));
            var alone = model.Create();
            var (supervised, labelledRows) = (ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))).Create(), 0L);
            Assert.Null(live.Revocation("ada", "there is nothing yet", 0));
            for (var (from, n) = (0L, 0); n < 12; n++)
            {
                var to = from + random.Next(1, 150);
                using var chunk = Chunk(from, to, random, labelled: 0.3, wrong: 0.1);
                live.Learn(chunk);
                var learned = (Learned)live.Seal(n);
                Apply(learned);
                var expected = new List<PseudoLabelledRow>();
                for (var i = 0; i < chunk.Count; i++)
                {
                    var self = (ISelfTraining)alone;
                    var before = self.PseudoLabels;
                    alone.Learn(chunk.Rows[i], chunk.Rows.Labels[i]);
                    if (!double.IsNaN(chunk.Rows.Labels[i]))
                    {
                        supervised.Learn(chunk.Rows[i], chunk.Rows.Labels[i]);
                        labelledRows++;
                    }
                    else if (self.PseudoLabels != before) expected.Add(new(i, new(self.Group, self.PseudoLabels.Positive > before.Positive ? PseudoClass.Positive : PseudoClass.Negative)));
                }
                Assert.Equal(expected, learned.PseudoLabels);
                Assert.Equal(StateHash.Of(alone.Save), StateHash.Of(live.Learner.Model.Save));
                var ledger = live.Partitions.Single();
                Assert.Equal((to, labelledRows, 0), (ledger.Learned + ledger.Unlabelled, ledger.Learned, ledger.Remainder));
                from = to;
                if (random.Next(3) == 0 && live.Revocation("ada", "they were wrong", n) is { } revocation)
                {
                    // From the event with the group's first pseudo-label up to this one.
                    Assert.Equal((((ISelfTraining)alone).Group, live.Sequence + 1), (revocation.Group, revocation.To));
                    Assert.InRange(revocation.From, 2, live.Sequence);
                    live.Apply(live.Sequence + 1, revocation);
                    Apply(revocation);
                    ((ISelfTraining)alone).Revoke();
                    Assert.Null(live.Revocation("ada", "twice", n));
                    for (var i = 0; i < chunk.Count; i++) Assert.Equal(Score(supervised, chunk.Rows[i]), Score(live.Learner.Model, chunk.Rows[i]));
                }
                if (n % 4 == 3)
                {
                    var bytes = new ArrayBufferWriter<byte>();
                    replayed.Save(new StateWriter(bytes));
                    replayed.Dispose();
                    replayed = LearnerFold.Load(new StateReader(bytes.WrittenMemory), Define);
                }
                Assert.Equal(live.Hash(), replayed.Hash());
            }
            replayed.Dispose();

            void Apply(JournalEvent e) => replayed.Apply(live.Sequence, JournalEvent.Decode(e.Manifest, e.Bytes));
        }
    }

    [Fact]
    public void An_event_whose_pseudo_labels_a_replay_does_not_give_is_refused()
    {
        var model = Model(0.6);
        var genesis = GenesisOf(model);
        using var live = new LearnerFold(genesis, new FoldDefinition(model, new Rows.Same()));
        using var replayed = new LearnerFold(genesis, new FoldDefinition(model, new Rows.Same()));
        using var chunk = Chunk(0, 200, new Random(1), 0.3, 0);
        live.Learn(chunk);
        var learned = (Learned)live.Seal(0);
        Assert.NotEmpty(learned.PseudoLabels);
        var others = learned.PseudoLabels.Skip(1).ToList();
        var changed = Learned.Create(learned.Before, learned.After, 0, learned.Ranges, learned.Rows, learned.Bytes.AsSpan(learned.RowsAt), others);
        Assert.Contains("pseudo-labels that are not", Assert.Throws<FoldException>(() => replayed.Apply(2, changed)).Message);
        using var other = new LearnerFold(genesis, new FoldDefinition(model, new Rows.Same()));
        Assert.Contains("not the current one", Assert.Throws<FoldException>(() => other.Apply(2, Retracted.Create(1, 2, "ada", "a group of another history", 0, group: 7))).Message);
    }

    [Fact]
    public async Task A_person_takes_the_pseudo_labels_of_a_running_learner_back_and_everyone_sees_it()
    {
        const int n = 1_500;
        var path = Path.Combine(_folder, "rows.jsonl");
        var text = new StringBuilder();
        for (var i = 0; i < n; i++)
        {
            var (features, positive) = SyntheticRows.Row(i);
            var label = i % 5 == 0 ? $",\"y\":{(positive ? 1 : 0)}" : "";
            text.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"f\":{{{string.Join(',', features.Select(x => $"\"{x.Key}\":{x.Value.ToString("R", CultureInfo.InvariantCulture)}"))}}}{label}}}\n");
        }
        File.WriteAllText(path, text.ToString());
        var model = Model(0.6);
        await using var node = await TestNode.Start(_folder, path, new LearnerOptions(MaxRows: 200, SnapshotEveryEvents: 4), model: model, decoder: new JsonDecoder());
        var status = await node.Until(s => s.Finished);
        Assert.Equal((n / 5, n * 4 / 5, 0), (status.Learner.Partitions[0].Learned, status.Learner.Partitions[0].Unlabelled, status.Learner.Partitions[0].Remainder));
        Assert.Equal(n, status.Learner.Rows);
        Assert.True(status.Ledger[0].Balances, status.Ledger[0].ToString());

        var group = node.Pipeline.Replica.Read(f => ((ISelfTraining)f!.Learner.Model).Group);
        var (changed, _) = await node.Pipeline.Change(new Revoke("ada", "the feed was broken"));
        Assert.Equal(status.Learner.Version.Sequence + 1, changed!.Value.Sequence);
        await node.Until(s => s.ReplicaSequence == changed.Value.Sequence);
        Assert.Equal((group + 1, (0L, 0L)), node.Pipeline.Replica.Read(f => (((ISelfTraining)f!.Learner.Model).Group, ((ISelfTraining)f.Learner.Model).PseudoLabels)));
        Assert.Null((await node.Pipeline.Change(new Revoke("ada", "once more"))).Version);

        var fromNothing = await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false);
        Assert.Equal(fromNothing!.Hash(), node.Pipeline.Replica.Read(f => f!.Hash()));
        Assert.Empty((await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId)).Faults);
        Retracted? retracted = null;
        await foreach (var (_, e) in node.Journal.Read(node.Definition.PersistenceId, changed.Value.Sequence)) retracted = e as Retracted;
        Assert.Equal((group, "ada", "the feed was broken"), (retracted!.Group, retracted.Who, retracted.Why));
        var audited = await new Auditor(node.Journal, TestNode.Define, _ => (node.Definition.Source, node.Definition.Decoder), node.System).Audit([.. node.Predictions().Where((_, i) => i % 97 == 0)]);
        Assert.All(audited, a => Assert.Equal((AuditOutcome.Identical, "journal"), (a.Outcome, a.FeaturesFrom)));
    }

    private static double Score(IModel model, in Row row)
    {
        var scores = new double[1];
        model.Predict(row, scores);
        return scores[0];
    }
}
