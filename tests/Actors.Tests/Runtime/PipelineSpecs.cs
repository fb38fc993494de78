using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests.Runtime;

public sealed class PipelineSpecs : IDisposable
{
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File(long rows)
    {
        var path = Path.Combine(_folder, "rows.svm");
        System.IO.File.WriteAllText(path, SyntheticRows.SvmLight(0, rows));
        return path;
    }

    private static StateHash Alone(string path)
    {
        var learner = new ProgressiveLearner(Rows.Model());
        using var batch = new RowBatch();
        foreach (var line in System.IO.File.ReadLines(path))
        {
            batch.Clear();
            Assert.Equal(RowFault.None, SvmLightParser.Parse(System.Text.Encoding.UTF8.GetBytes(line), batch, out _));
            learner.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
        }
        return StateHash.Of(learner.Save);
    }

    [Fact]
    public async Task A_file_is_scored_and_learned_to_its_end_and_every_promise_holds()
    {
        var path = File(20_000);
        await using var node = await TestNode.Start(_folder, path, new LearnerOptions(MaxRows: 700, SnapshotEveryEvents: 5));
        var status = await node.Until(s => s.Finished);

        var ledger = Assert.Single(status.Ledger);
        Assert.True(ledger.Balances, ledger.ToString());
        Assert.Equal((20_000, 20_000, 20_000), (ledger.Consumed, ledger.Predicted, ledger.Learned));
        Assert.Equal(Alone(path), node.Pipeline.Replica.Read(f => f!.LearnedHash()));

        var fromNothing = await node.Journal.Rebuild(node.Definition.PersistenceId, TestNode.Define, useSnapshots: false);
        Assert.Equal(fromNothing!.Hash(), node.Pipeline.Replica.Read(f => f!.Hash()));

        var predictions = node.Predictions();
        Assert.Equal(Enumerable.Range(0, 20_000).Select(i => (long)i), predictions.Select(p => p.Offset));
        Assert.Equal(predictions.Select(p => p.Version.Sequence).Order(), predictions.Select(p => p.Version.Sequence));

        var auditor = new Auditor(node.Journal, TestNode.Define, _ => null, node.System);
        var sample = predictions.Where((_, i) => i % 199 == 0).ToList();
        var audited = await auditor.Audit(sample);
        Assert.All(audited, a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
        Assert.Equal(sample, audited.Select(a => a.Prediction));

        var verification = await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId);
        Assert.Empty(verification.Faults);
        Assert.True(verification.Snapshots > 1);
    }

    [Fact]
    public async Task A_node_that_is_stopped_and_started_goes_on_from_where_it_was()
    {
        var path = File(30_000);
        await using (var first = await TestNode.Start(_folder, path))
        {
            await first.Until(s => s.Learner.Rows > 3_000);
            await first.Pipeline.Stop();
        }
        await using var second = await TestNode.Start(_folder, path);
        var status = await second.Until(s => s.Finished);
        Assert.True(status.Ledger.All(l => l.Balances), string.Join("; ", status.Ledger));
        Assert.Equal(Alone(path), second.Pipeline.Replica.Read(f => f!.LearnedHash()));
        Assert.Equal(30_000, second.Predictions().Select(p => p.Offset).Distinct().Count());
        Assert.Equal(30_000, second.Predictions().Count);
    }

    [Fact]
    public async Task However_chunks_events_and_snapshots_are_cut_the_same_stream_gives_the_same_state()
    {
        var path = File(3_000);
        var expected = Alone(path);
        (int Chunk, int Event, long Snapshot)[] cuts = [(1, 64, 1000), (64, 1, long.MaxValue), (4096, 64, 1), (64, 64, 7), (256, 4096, 1)];
        foreach (var (chunk, rows, snapshot) in cuts)
        {
            var folder = Path.Combine(_folder, $"{chunk}-{rows}-{snapshot}");
            Directory.CreateDirectory(folder);
            var source = new FileSource(new FileSourceSettings(path) { Limits = new ChunkLimits { Rows = chunk } }, new FileCommitStore(folder));
            var options = new LearnerOptions(MaxRows: rows, SnapshotEveryEvents: snapshot, SnapshotEveryBytes: long.MaxValue);
            await using (var first = await TestNode.Start(folder, path, options, source: source))
            {
                await first.Until(s => s.Learner.Rows > 500);
                await first.Pipeline.Stop();
            }
            await using var node = await TestNode.Start(folder, path, options, source: source);
            await node.Until(s => s.Finished);
            Assert.Equal(expected, node.Pipeline.Replica.Read(f => f!.LearnedHash()));
        }
    }

    [Fact]
    public async Task Settings_that_differ_from_the_genesis_are_refused_and_scoring_goes_on()
    {
        var path = File(2_000);
        await using (var first = await TestNode.Start(_folder, path)) await first.Until(s => s.Finished);
        var other = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", "double")));
        await using var second = await TestNode.Start(_folder, path, model: other);
        var status = await second.Until(s => s.Refusal is not null);
        Assert.Contains("precision", status.Refusal);
        Assert.Contains("start a new lineage", status.Refusal);
    }

    [Fact]
    public async Task A_damaged_snapshot_is_passed_over_for_the_one_before()
    {
        var path = File(20_000);
        var options = new LearnerOptions(MaxRows: 500, SnapshotEveryEvents: 5);
        await using (var first = await TestNode.Start(_folder, path, options)) await first.Until(s => s.Finished);
        await using (var sqlite = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(_folder, "journal.db")}"))
        {
            await sqlite.OpenAsync();
            await using var damage = sqlite.CreateCommand();
            damage.CommandText = "update snapshot set snapshot = cast(substr(snapshot, 1, 200) || x'00ff00ff' || substr(snapshot, 205) as blob) where sequence_number = (select max(sequence_number) from snapshot)";
            Assert.Equal(1, await damage.ExecuteNonQueryAsync());
        }
        await using var second = await TestNode.Start(_folder, path, options);
        var status = await second.Until(s => s.Finished);
        Assert.Equal(20_000, status.Learner.Rows);
        Assert.Equal(Alone(path), second.Pipeline.Replica.Read(f => f!.LearnedHash()));
    }
}
