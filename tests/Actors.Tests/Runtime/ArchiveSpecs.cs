using Microsoft.Data.Sqlite;
using Npgsql;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>Old events in files: the journal is smaller and works on, and whoever reads from the beginning reads them there.</summary>
public abstract class ArchiveSpec(ITestOutputHelper output) : IDisposable
{
    private const int Rows = 12_000;
    private static readonly LearnerOptions Options = new(MaxRows: 400, SnapshotEveryEvents: 4);
    private readonly string _folder = TestNode.NewFolder();
    private readonly string _files = TestNode.NewFolder();

    private EventArchive Archive => new(Path.Combine(_files, "archive"));

    private string RowsPath => Path.Combine(_files, "rows.svm");

    /// <summary>Where the events are; null: SQLite in the node's folder.</summary>
    internal virtual TestDatabase? Database => null;

    protected string JournalFile => Path.Combine(_folder, "journal.db");

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
        Directory.Delete(_files, recursive: true);
    }

    [Fact]
    public virtual async Task Events_that_recovery_does_not_need_go_to_files_and_all_is_as_it_was()
    {
        File.WriteAllText(RowsPath, SyntheticRows.SvmLight(0, Rows));
        string learner;
        Verification before;
        List<Prediction> sample;
        await using (var node = await TestNode.Start(_folder, RowsPath, Options, archive: Archive, database: Database))
        {
            await node.Until(s => s.Finished);
            learner = node.Definition.PersistenceId;
            before = await new Verifier(node.Journal, TestNode.Define).Verify(learner);
            Assert.Empty(before.Faults);
            sample = [.. node.Predictions().Where((_, i) => i % 97 == 0)];

            // Beside the running learner.
            var moved = await new JournalArchiver(node.System, node.Journal, Archive, TestNode.Define).Archive(learner, 2);
            output.WriteLine($"{moved}; {Count()} of {before.Events} events are left in the journal");
            Assert.Equal(1, moved.From);
            Assert.InRange(moved.To, before.Sequence / 2, before.Sequence - 2);
            Assert.InRange(Count(), 1, before.Sequence - moved.To + 1);
            var again = await new JournalArchiver(node.System, node.Journal, Archive, TestNode.Define).Archive(learner, 2);
            Assert.True(again.To < again.From, again.ToString());
            Assert.Contains("recovery may begin from the snapshot", again.Kept);
            await Holds(node, before, sample);
        }

        // It goes on learning, from a snapshot; and from the files where no snapshot is left.
        File.AppendAllText(RowsPath, SyntheticRows.SvmLight(Rows, Rows + 2_000));
        await using (var node = await TestNode.Start(_folder, RowsPath, Options, archive: Archive, database: Database))
        {
            var status = await node.Until(s => s.Finished);
            Assert.Equal(Rows + 2_000, status.Learner.Rows);
            await node.Pipeline.Stop();
        }
        Drop();
        await using (var node = await TestNode.Start(_folder, RowsPath, Options, archive: Archive, database: Database))
        {
            var status = await node.Until(s => s.Finished);
            Assert.Equal(Rows + 2_000, status.Learner.Rows);
            var after = await new Verifier(node.Journal, TestNode.Define).Verify(learner);
            Assert.Empty(after.Faults);
            Assert.All(await new Auditor(node.Journal, TestNode.Define, _ => null, node.System).Audit(sample), a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
        }
    }

    [Fact]
    public virtual async Task A_file_that_is_damaged_or_missing_is_told()
    {
        File.WriteAllText(RowsPath, SyntheticRows.SvmLight(0, Rows));
        await using var node = await TestNode.Start(_folder, RowsPath, Options, archive: Archive, database: Database);
        await node.Until(s => s.Finished);
        var learner = node.Definition.PersistenceId;
        await new JournalArchiver(node.System, node.Journal, Archive, TestNode.Define).Archive(learner, 1);
        var file = Assert.Single(Archive.Files(learner)).Path;
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.Contains($"{file} is damaged", Assert.Single((await new Verifier(node.Journal, TestNode.Define).Verify(learner)).Faults));
        File.Delete(file);
        Assert.Contains("moved to archive files, which are not there", (await new Verifier(node.Journal, TestNode.Define).Verify(learner)).Faults[0]);
        Assert.NotNull(await node.Journal.Rebuild(learner, TestNode.Define)); // from a snapshot
    }

    [Fact]
    public virtual async Task Without_enough_snapshots_to_begin_from_nothing_is_moved()
    {
        File.WriteAllText(RowsPath, SyntheticRows.SvmLight(0, 1_000));
        await using var node = await TestNode.Start(_folder, RowsPath, Options, archive: Archive, database: Database);
        await node.Until(s => s.Finished);
        var moved = await new JournalArchiver(node.System, node.Journal, Archive, TestNode.Define).Archive(node.Definition.PersistenceId, 50);
        Assert.True(moved.To < moved.From, moved.ToString());
        Assert.Contains("needs 50 sound snapshots", moved.Kept);
        Assert.Empty(Archive.Files(node.Definition.PersistenceId));
    }

    private static async Task Holds(TestNode node, Verification before, List<Prediction> sample)
    {
        var after = await new Verifier(node.Journal, TestNode.Define).Verify(node.Definition.PersistenceId);
        Assert.Equal(before.Faults, after.Faults);
        Assert.Equal((before.Events, before.Rows, before.Hash), (after.Events, after.Rows, after.Hash));
        Assert.All(await new Auditor(node.Journal, TestNode.Define, _ => null, node.System).Audit(sample), a => Assert.Equal((AuditOutcome.Identical, "journal"), (a.Outcome, a.FeaturesFrom)));
    }

    private long Count() => (long)Ask("select count(*) from journal")!;

    private void Drop() => Ask("delete from snapshot; select 1");

    /// <summary>Runs SQL against the database itself.</summary>
    protected abstract object? Ask(string sql);
}

/// <summary>Old events of a journal in SQLite.</summary>
public sealed class SqliteArchiveSpec(ITestOutputHelper output) : ArchiveSpec(output)
{
    protected override object? Ask(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={JournalFile}");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }
}

/// <summary>Old events of a journal in PostgreSQL.</summary>
public sealed class PostgresArchiveSpec : ArchiveSpec, IClassFixture<PostgresServer>
{
    private readonly string _connection = "";

    public PostgresArchiveSpec(PostgresServer server, ITestOutputHelper output) : base(output)
    {
        if (PostgresServer.SkipReason is null) _connection = server.ConnectionStringOf(server.CreateDatabase());
    }

    internal override TestDatabase Database => new(_connection, "PostgreSQL.15");

    [PostgresFact]
    public override Task Events_that_recovery_does_not_need_go_to_files_and_all_is_as_it_was() => base.Events_that_recovery_does_not_need_go_to_files_and_all_is_as_it_was();

    [PostgresFact]
    public override Task A_file_that_is_damaged_or_missing_is_told() => base.A_file_that_is_damaged_or_missing_is_told();

    [PostgresFact]
    public override Task Without_enough_snapshots_to_begin_from_nothing_is_moved() => base.Without_enough_snapshots_to_begin_from_nothing_is_moved();

    protected override object? Ask(string sql)
    {
        using var connection = new NpgsqlConnection(_connection + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }
}
