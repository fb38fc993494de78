using Akka.Actor;
using Microsoft.Data.Sqlite;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>What is wrong with a learner on a node is one alert, with the position at which it began, however often the learner tries again.</summary>
public sealed class NodeAlertSpecs : IClassFixture<NodeAlertSpecs.Learned>, IDisposable
{
    private static readonly LearnerOptions Options = new(MaxRows: 200, SnapshotEveryEvents: 4);
    private readonly string _folder = TestNode.NewFolder();
    private readonly string _rows;
    private readonly string _other = TestNode.NewFolder();

    /// <param name="learned">What every spec begins with.</param>
    public NodeAlertSpecs(Learned learned)
    {
        foreach (var file in Directory.GetFiles(learned.Folder)) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        _rows = Path.Combine(_folder, Learned.Rows);
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_other, recursive: true);
    }

    [Fact]
    public async Task A_damaged_snapshot_is_one_alert_with_its_event_and_not_a_failed_recovery()
    {
        var newest = await Ask("select max(sequence_number) from snapshot");
        await Ask("update snapshot set snapshot = cast(substr(snapshot, 1, 200) || x'00ff00ff' || substr(snapshot, 205) as blob) where sequence_number = (select max(sequence_number) from snapshot)");
        await using var node = await Start(_folder, _rows);
        await node.Until(s => s.Finished);
        await Told(node, ($"spec/snapshot-damaged/all/{newest}", AlertState.Noted, "is unusable"));
    }

    [Fact]
    public async Task A_recovery_that_fails_is_one_alert_until_it_succeeds()
    {
        await Ask("create table kept as select message from journal where sequence_number = 3");
        await Ask("delete from snapshot");
        await Ask("update journal set message = cast(substr(message, 1, 199) || x'5a' || substr(message, 201) as blob) where sequence_number = 3");
        await using var node = await Start(_folder, _rows);
        await node.Until(s => s.Refusal is not null);
        await node.Pipeline.Status(); // whoever asks starts it again, and it fails again
        await Told(node, ("spec/recovery-failed/all/3/raised", AlertState.Raised, "cannot recover, at event 3"));
        await Ask("update journal set message = (select message from kept) where sequence_number = 3");
        await node.Until(s => s.Finished);
        await Told(node,
            ("spec/recovery-failed/all/3/raised", AlertState.Raised, "cannot recover, at event 3"),
            ("spec/recovery-failed/all/3/cleared", AlertState.Cleared, "learns again"));
    }

    [Fact]
    public async Task Settings_that_are_refused_are_one_alert_with_the_last_event()
    {
        var last = await Ask("select max(sequence_number) from journal");
        await using var node = await Start(_folder, _rows, ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", "double"))));
        await node.Until(s => s.Refusal is not null);
        await Told(node, ($"spec/refused/all/{last}/raised", AlertState.Raised, "precision"));
    }

    [Fact]
    public async Task A_learner_that_is_fenced_is_one_alert_with_the_event_that_was_refused_until_it_learns_again()
    {
        var source = new FileSourceSettings(_rows, Follow: true);
        await using var first = await Start(_folder, _rows, source: new FileSource(source, new FileCommitStore(_folder)));
        var at = (await first.Until(s => s.Learner.State == LearnerState.Running && s.Learner.Rows == Learned.Count)).Learner.Version.Sequence;
        // A cluster of its own, on the same journal.
        await using var second = await Start(_other, _rows, source: new FileSource(source, new FileCommitStore(_other)), database: new TestDatabase($"Data Source={first.JournalPath}", "SQLite.MS"));
        await second.Until(s => s.Learner.State == LearnerState.Running && s.Learner.Version.Sequence == at);
        await File.AppendAllTextAsync(_rows, SyntheticRows.SvmLight(Learned.Count, Learned.Count + 100));
        TestNode? fenced = null;
        await first.Until(_ => (fenced = new[] { first, second }.FirstOrDefault(n => HeardOf(n).Count > 0)) is not null);
        var id = $"spec/fenced/all/{at + 1}";
        await fenced!.Until(s => s.Learner.State == LearnerState.Fenced);
        await Told(fenced, ($"{id}/raised", AlertState.Raised, $"another writer has written event {at + 1}"));
        await fenced.Until(s => s.Learner.State == LearnerState.Running);
        await Told(fenced, ($"{id}/raised", AlertState.Raised, "another writer"), ($"{id}/cleared", AlertState.Cleared, "learns again"));
        Assert.Empty(HeardOf(fenced == first ? second : first));
    }

    [Fact]
    public async Task A_partition_that_the_lineage_does_not_know_is_one_alert()
    {
        await using var node = await Start(_folder, _rows);
        await node.Until(s => s.Finished);
        for (var i = 0; i < 3; i++) node.Learners.Tell(new LearnerEnvelope(node.Definition.EntityId, new Scored(new PartitionPosition(7, 1, 10 + i))));
        await Told(node, ("spec/unknown-partition/7/0/raised", AlertState.Raised, "rows of partition 7 are scored and not learned"));
    }

    [Fact]
    public async Task A_journal_that_alerts_cannot_be_read_from_is_one_alert_with_the_event_until_it_can()
    {
        await Ask("create table kept as select message from journal where sequence_number = 5");
        await Ask("update journal set message = cast(x'09' || substr(message, 2) as blob) where sequence_number = 5");
        // Alerts were off: those of all events are still to be written, and the learner begins from a snapshot.
        await using var node = await Start(_folder, _rows);
        await node.Until(s => s.Finished);
        await Told(node, ("spec/replay-failed/all/5/raised", AlertState.Raised, "cannot be replayed past event 4"));
        await Ask("update journal set message = (select message from kept) where sequence_number = 5");
        await Told(node,
            ("spec/replay-failed/all/5/raised", AlertState.Raised, "cannot be replayed past event 4"),
            ("spec/replay-failed/all/5/cleared", AlertState.Cleared, "is replayed again"));
    }

    [Theory]
    [InlineData("ledger-remainder", "rows")]
    [InlineData("label-ledger-remainder", "labels")]
    [InlineData("score-ledger-remainder", "scored records")]
    public void A_ledger_that_does_not_balance_is_one_alert_with_the_offset_until_it_does(string kind, string what)
    {
        var feed = new AlertFeed("spec", new Heard(), "here", TimeProvider.System);
        void Look(long next, long lost)
        {
            var (row, label, score) = (kind == "ledger-remainder" ? lost : 0, kind == "label-ledger-remainder" ? lost : 0, kind == "score-ledger-remainder" ? lost : 0);
            var learner = new LearnerStatus(LearnerState.Running, "", new ModelVersion("main", 0, 1), [new PartitionLedger(2, 1, 0, next, next - row, 0, 0, 0, 0, 0)], [], 0, 0, 0, 0)
            {
                Labels = [new LabelLedger(2, 1, 0, next, next - label, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
            };
            LedgerAlarm.Look(feed, learner, [new LedgerLine(2, next, next - score, 0, 0, next, 0, 0, 0, 0)]);
        }
        Look(next: 50, lost: 0);
        Assert.Empty(feed.Waiting());
        Look(next: 60, lost: 1);
        Look(next: 70, lost: 2);
        Look(next: 80, lost: 0);
        Look(next: 90, lost: 0);
        Assert.Collection(
            feed.Waiting(),
            raised => Assert.Equal(($"spec/{kind}/2/60/raised", AlertState.Raised, $"1 {what} of partition 2 are unaccounted for: run streammlops ledger and verify"), (raised.Id, raised.State, raised.Text)),
            cleared => Assert.Equal(($"spec/{kind}/2/60/cleared", AlertState.Cleared), (cleared.Id, cleared.State)));
    }

    private static Task<TestNode> Start(string folder, string rows, ModelSpec? model = null, ISource? source = null, TestDatabase? database = null) =>
        TestNode.Start(folder, rows, Options, model: model, source: source, database: database, alerts: new AlertFeed("spec", new Heard(), "here", TimeProvider.System));

    private static IReadOnlyList<Alert> HeardOf(TestNode node) => ((Heard)node.Definition.Alerts!.Log).Noted;

    // These alerts and no others, once nothing waits to be written.
    private static async Task Told(TestNode node, params (string Id, AlertState State, string Says)[] expected)
    {
        var deadline = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        while ((HeardOf(node).Count < expected.Length || node.Definition.Alerts!.Waiting().Count > 0) && DateTime.UtcNow < deadline) await Task.Delay(20);
        var alerts = HeardOf(node);
        Assert.Equal(expected.Select(e => (e.Id, e.State)), alerts.Select(a => (a.Id, a.State)));
        foreach (var (alert, says) in alerts.Zip(expected.Select(e => e.Says))) Assert.Contains(says, alert.Text);
        Assert.All(alerts, a => Assert.Equal(("spec", a.Id.Split('/')[1], "here"), (a.Pipeline, a.Kind, a.Node)));
    }

    private async Task<long> Ask(string sql)
    {
        await using var sqlite = new SqliteConnection($"Data Source={Path.Combine(_folder, "journal.db")}");
        await sqlite.OpenAsync();
        await using var command = sqlite.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync() is long n ? n : 0;
    }

    /// <summary>A log that keeps what nodes tell, repeats too; a file would leave those out.</summary>
    private sealed class Heard : IAlertLog
    {
        private readonly Lock _lock = new();
        private readonly List<Alert> _noted = [];

        public string Name => "memory";

        public IReadOnlyList<Alert> Noted
        {
            get { lock (_lock) return [.. _noted]; }
        }

        public ValueTask<long> Open(AlertHistory history) => new(0);

        public ValueTask Write(IReadOnlyCollection<Alert> alerts, long through) => ValueTask.CompletedTask;

        public ValueTask Note(IReadOnlyCollection<Alert> alerts)
        {
            lock (_lock) _noted.AddRange(alerts);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>A folder with a file of rows and the journal of a learner that has learned it, without alerts.</summary>
    public sealed class Learned : IAsyncLifetime
    {
        public const string Rows = "rows.svm";
        public const int Count = 3_000;

        public string Folder { get; } = TestNode.NewFolder();

        public async Task InitializeAsync()
        {
            var rows = Path.Combine(Folder, Rows);
            await File.WriteAllTextAsync(rows, SyntheticRows.SvmLight(0, Count));
            await using (var node = await TestNode.Start(Folder, rows, Options))
            {
                await node.Until(s => s.Finished);
                await node.Pipeline.Stop();
            }
            SqliteConnection.ClearAllPools();
        }

        public Task DisposeAsync()
        {
            Directory.Delete(Folder, recursive: true);
            return Task.CompletedTask;
        }
    }
}
