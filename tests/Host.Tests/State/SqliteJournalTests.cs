using System.Globalization;
using Akka.Actor;
using Akka.Persistence;
using Microsoft.Data.Sqlite;
using StreamMLOps.Learning;

namespace StreamMLOps.Host.Tests.State;

public sealed class SqliteJournalTests : IDisposable
{
    private static readonly TimeSpan Lock = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("journal.db");

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        _folder.Dispose();
    }

    [Fact]
    public void Every_connection_commits_in_wal_mode_with_synchronous_full()
    {
        var journal = SqliteJournal.Open(Path, Lock);
        for (var i = 0; i < 3; i++)
        {
            using var connection = new SqliteConnection(journal.ConnectionString);
            connection.Open();
            Assert.Equal(("wal", "2", "32768"), (Pragma(connection, "journal_mode"), Pragma(connection, "synchronous"), Pragma(connection, "page_size")));
            Assert.Equal(1, connection.DefaultTimeout);
        }
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused_and_left_alone()
    {
        File.WriteAllText(Path, "these are my notes, not a database");
        var message = Assert.Throws<BadInputException>(() => SqliteJournal.Open(Path, Lock)).Message;
        Assert.Equal($"journal {Path} is no SQLite database; move it away, or name another folder with --data-folder", message);
        Assert.Equal("these are my notes, not a database", File.ReadAllText(Path));
    }

    [Fact]
    public void A_damaged_database_is_told_in_one_line()
    {
        File.WriteAllBytes(Path, [.. "SQLite format 3\0"u8, .. new byte[2000]]);
        var message = Assert.Throws<BadInputException>(() => SqliteJournal.Open(Path, Lock)).Message;
        Assert.StartsWith($"journal {Path} cannot be opened: ", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void A_checkpoint_leaves_no_write_ahead_log_behind()
    {
        var journal = SqliteJournal.Open(Path, Lock);
        // Open to the end: the last connection that closes would make the checkpoint itself.
        using var connection = new SqliteConnection(journal.ConnectionString);
        connection.Open();
        Execute(connection, "CREATE TABLE t (x)");
        Execute(connection, "INSERT INTO t VALUES (zeroblob(100000))");
        Assert.True(new FileInfo(Path + "-wal").Length > 100_000);
        journal.Checkpoint();
        Assert.Equal(0, new FileInfo(Path + "-wal").Length);
        journal.Close();
    }

    [Fact]
    public async Task A_persistent_actor_finds_its_events_of_a_megabyte_and_its_snapshot_again()
    {
        var journal = SqliteJournal.Open(Path, Lock);
        byte[][] events = [Bytes(1, 1 << 20), Bytes(2, 1), Bytes(3, 3 << 20), Bytes(4, 1 << 20)];
        await using (var node = Start(journal))
        {
            foreach (var e in events) await node.Actor.Ask<long>(e, Deadline);
            Assert.Equal(2L, await node.Actor.Ask<long>("snapshot at 2", Deadline));
        }
        await using (var node = Start(journal))
            Assert.Equal(events, await node.Actor.Ask<byte[][]>("events", Deadline));
        using var connection = new SqliteConnection(journal.ConnectionString);
        connection.Open();
        Assert.Equal("4", Scalar(connection, "SELECT count(*) FROM journal"));
        Assert.Equal("1", Scalar(connection, "SELECT count(*) FROM snapshot"));
        Assert.Equal("wal", Pragma(connection, "journal_mode"));
        // The fence against a second writer (DESIGN 6): one row for each sequence number of an id.
        Assert.Throws<SqliteException>(() => Execute(connection, "INSERT INTO journal SELECT NULL, created, deleted, persistence_id, sequence_number, message, manifest, identifier, tags, writer_uuid FROM journal LIMIT 1"));
    }

    [Fact]
    public async Task A_database_that_another_process_has_locked_fails_the_write_after_the_lock_timeout()
    {
        var journal = SqliteJournal.Open(Path, Lock);
        await using var node = Start(journal);
        await node.Actor.Ask<long>(Bytes(1, 10), Deadline);
        using var other = new SqliteConnection($"Data Source={Path};Pooling=False");
        other.Open();
        Execute(other, "BEGIN IMMEDIATE");
        var failure = await node.Actor.Ask<Status.Failure>(Bytes(2, 10), Deadline);
        Assert.Contains("locked", failure.Cause.GetBaseException().Message, StringComparison.OrdinalIgnoreCase);
        Execute(other, "ROLLBACK");
    }

    private static Running Start(SqliteJournal journal)
    {
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local")
            .WithFallback(AkkaConfiguration.For(ConfigNode.Map.Empty, journal.ConnectionString, "", verbose: false)));
        return new Running(system, system.ActorOf(Props.Create(() => new Keeper())));
    }

    private static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static string Pragma(SqliteConnection connection, string name) => Scalar(connection, $"PRAGMA {name}");

    private static string Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture)!;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private sealed record Running(ActorSystem System, IActorRef Actor) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await System.Terminate();
    }

    /// <summary>Keeps bytes; asked for a snapshot, it pretends to have taken it after two events.</summary>
    private sealed class Keeper : ReceivePersistentActor
    {
        private readonly List<byte[]> _events = [];
        private IActorRef _asker = ActorRefs.Nobody;

        public Keeper()
        {
            Recover<byte[]>(_events.Add);
            Recover<SnapshotOffer>(_ => { });
            Command<byte[]>(e =>
            {
                _asker = Sender;
                PersistAsync(e, stored =>
                {
                    _events.Add(stored);
                    _asker.Tell((long)_events.Count);
                });
            });
            Command<string>(s => s == "events", _ => Sender.Tell(_events.ToArray()));
            Command<string>(_ =>
            {
                _asker = Sender;
                SnapshotStore.Tell(new SaveSnapshot(new SnapshotMetadata(PersistenceId, 2, DateTime.UnixEpoch), Bytes(9, 5 << 20)), Self);
            });
            Command<SaveSnapshotSuccess>(s => _asker.Tell(s.Metadata.SequenceNr));
            Command<SaveSnapshotFailure>(f => _asker.Tell(new Status.Failure(f.Cause)));
        }

        public override string PersistenceId => "keeper";

        public override Recovery Recovery => new(new SnapshotSelectionCriteria(0));

        protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) => _asker.Tell(new Status.Failure(cause));
    }
}
