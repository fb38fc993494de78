using System.Globalization;
using System.Text;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Every task through a node: score, decide, learn, restart, replay, audit.</summary>
public sealed class TaskSpecs : IDisposable
{
    private const int Count = 1_200;
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static ModelSpec Spec(string kind) => ModelSpec.Parse(ConfigNode.Of(("algorithm", kind)));

    public static TheoryData<string> Kinds => [.. ModelRegistry.Kinds.GroupBy(k => k.Name).Select(g => g.Key)];

    private string Write(Func<long, bool, double> label)
    {
        var path = Path.Combine(_folder, "rows.svm");
        var text = new StringBuilder();
        for (long n = 0; n < Count; n++)
        {
            var (features, positive) = SyntheticRows.Row(n);
            text.Append(CultureInfo.InvariantCulture, $"{label(n, positive)} {string.Join(' ', features.Select(f => $"{f.Key}:{f.Value.ToString("R", CultureInfo.InvariantCulture)}"))}\n");
        }
        File.WriteAllText(path, text.ToString());
        return path;
    }

    // What a learner makes of the file without a node; of labels = none, without labels.
    private static StateHash Alone(string path, ModelSpec model, IDecoder decoder)
    {
        var lines = File.ReadAllLines(path).Select(Encoding.UTF8.GetBytes).ToList();
        using var raw = new RawChunk(0, 1, 0, lines.Sum(l => l.Length), lines.Count);
        foreach (var line in lines) raw.Add(line);
        raw.To = lines.Count;
        using var chunk = decoder.Decode(raw);
        var learner = new ProgressiveLearner(model);
        for (var i = 0; i < chunk.Count; i++) learner.Learn(chunk.Rows[i], ProgressiveLearner.ContentOf(chunk.Rows, i), chunk.Rows.Labels[i]);
        return StateHash.Of(learner.Save);
    }

    [Theory]
    [InlineData("quantile-threshold", true)]
    [InlineData("streaming-k-means", false)]
    [InlineData("one-vs-rest", true)]
    [InlineData("hoeffding-regression-tree", true)]
    public async Task A_node_answers_and_learns_each_task_and_every_promise_holds(string kind, bool labels)
    {
        var model = Spec(kind);
        var task = model.Kind.Task;
        var path = Write((n, positive) => task == LearningTask.MultiClass ? n % 3 == 0 ? 2 : positive ? 1 : 0 : task == LearningTask.Regression ? n % 7 * (positive ? 1 : -1) : positive ? 1 : 0);
        IDecoder decoder = labels ? new SvmLightDecoder() : new UnlabelledDecoder(new SvmLightDecoder());
        var options = new LearnerOptions(MaxRows: 100, SnapshotEveryEvents: 3);
        var source = () => new FileSource(new FileSourceSettings(path) { Limits = new ChunkLimits { Rows = 50 } }, new FileCommitStore(_folder));
        await using (var first = await TestNode.Start(_folder, path, options, model: model, decoder: decoder, source: source(), maxLead: 200))
        {
            await first.Until(s => s.Learner.Rows > Count / 3);
            await first.Pipeline.Stop();
        }
        await using var node = await TestNode.Start(_folder, path, options, model: model, decoder: decoder, source: source(), maxLead: 200);
        var status = await node.Until(s => s.Finished);

        Assert.Equal(Alone(path, model, decoder), node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        Assert.Equal((Count, 0), (status.Learner.Partitions[0].Learned, status.Learner.Partitions[0].Remainder));
        Assert.True(status.Ledger[0].Balances, status.Ledger[0].ToString());
        Assert.Equal(Count, status.Learner.Metrics.Single(m => m.Name == "rows").Value);
        if (model.Kind.Supervision == Supervision.Unsupervised) Assert.Equal(labels ? Count : 0, status.Learner.Metrics.Single(m => m.Name == "labelled").Value);
        Assert.Empty((await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId)).Faults);

        var predictions = node.Predictions();
        Assert.Equal(Enumerable.Range(0, Count).Select(n => (long)n), predictions.Select(p => p.Offset));
        Assert.All(predictions, p => Check(p, task));
        var audited = await new Auditor(node.Journal, TestNode.Define, _ => null, node.System).Audit([.. predictions.Where((_, i) => i % 37 == 0)]);
        Assert.All(audited, a => Assert.Equal((AuditOutcome.Identical, "journal"), (a.Outcome, a.FeaturesFrom)));
        Assert.True(predictions.Select(p => p.Score).Distinct().Count() > 1);
    }

    private static void Check(Prediction p, LearningTask task)
    {
        if (task == LearningTask.MultiClass)
        {
            if (p.Scores!.Count == 0) Assert.Equal((double.NaN, double.NaN), (p.Score, p.Label));
            else Assert.Equal((p.Scores.Max(), p.Scores.ToList().IndexOf(p.Scores.Max())), (p.Score, (int)p.Label));
            return;
        }
        Assert.Null(p.Scores);
        if (task == LearningTask.Anomaly) Assert.Equal(p.Score > 0.5 ? 1 : 0, p.Label);
        else Assert.Equal(p.Score, p.Label);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_fold_of_every_kind_is_replayed_and_resumed_to_the_same_bits(string kind)
    {
        var model = Spec(kind);
        var genesis = Genesis.Create("spec", "main", 0, SettingsText.Write(ConfigNode.Map.Empty.With("model", model.ToConfig())), 0, [new PartitionPosition(0, Rows.Epoch, 0)]);
        FoldDefinition Define(Genesis g) => new(model, new Rows.Same());
        using var live = new LearnerFold(genesis, Define(genesis));
        using var replayed = new LearnerFold(genesis, Define(genesis));
        LearnerFold? resumed = null;
        for (var (from, n) = (0L, 0); from < 600; from += 100, n++)
        {
            using var chunk = Chunk(from, model);
            live.Learn(chunk);
            var sealedEvent = live.Seal(n);
            var read = JournalEvent.Decode(sealedEvent.Manifest, sealedEvent.Bytes);
            replayed.Apply(live.Sequence, read);
            resumed?.Apply(live.Sequence, read);
            Assert.Equal(live.Hash(), replayed.Hash());
            if (n != 2) continue;
            var bytes = new System.Buffers.ArrayBufferWriter<byte>();
            live.Save(new StateWriter(bytes));
            resumed = LearnerFold.Load(new StateReader(bytes.WrittenMemory), Define);
        }
        using (resumed) Assert.Equal(live.Hash(), resumed!.Hash());
        var ledger = live.Partitions.Single();
        Assert.Equal((0, 600), (ledger.Remainder, ledger.Rows));
        // 12 of the 600 rows have no label.
        Assert.Equal(model.Kind.Supervision == Supervision.Unsupervised ? 600 : 588, ledger.Learned);
        Assert.Equal(model.Kind.Supervision == Supervision.Supervised ? 588 : 600, live.Learner.Rows);
    }

    // Labels -1 and 1 as three classes, where the kind is of many.
    private static Chunk Chunk(long from, ModelSpec model)
    {
        var chunk = new Chunk(new OffsetRange(0, Rows.Epoch, from, from + 100));
        for (var n = from; n < from + 100; n++)
        {
            var (features, label) = Rows.Row(n);
            chunk.Rows.BeginRow();
            foreach (var (index, value) in features) chunk.Rows.Add(index, value);
            chunk.Rows.TryEndRow(model.Classes is null || double.IsNaN(label) ? label : label > 0 ? 1 : n % 2 * 2);
            chunk.EndRow(n);
        }
        return chunk;
    }
}
