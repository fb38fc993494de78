using System.Globalization;
using Microsoft.Data.Sqlite;

namespace StreamMLOps.Host;

/// <summary>
/// The SQLite file of events and snapshots. Its journal mode and page size are properties of the file, set here once; every
/// connection of the same connection string then commits with synchronous=FULL, SQLite's default, which <see cref="Open"/> checks.
/// A write that finds the database locked by another process waits for the lock timeout and then fails.
/// </summary>
public sealed class SqliteJournal : IJournalStore
{
    // Events are blobs of up to a megabyte. With SQLite's 4 KiB pages a commit of 512 KiB took twice the time and CPU
    // (142 against 280 a second, synchronous=FULL): fewer pages to write, and a checkpoint each 32 MiB instead of each 4.
    private const int PageSize = 32_768;

    private readonly string _path;

    private SqliteJournal(string path, string connectionString)
    {
        _path = path;
        ConnectionString = connectionString;
    }

    /// <inheritdoc/>
    public string ProviderName => "SQLite.MS";

    /// <summary>Of this process alone: another node can have no part in this file.</summary>
    public string Id { get; } = $"sqlite-{Guid.NewGuid():n}";

    /// <inheritdoc/>
    public string Name => $"SQLite file {_path}";

    /// <summary>What every connection to the journal uses.</summary>
    public string ConnectionString { get; }

    /// <summary>The connection string of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lockTimeout">How long a statement waits for a lock; whole seconds.</param>
    public static string ConnectionStringFor(string path, TimeSpan lockTimeout) => new SqliteConnectionStringBuilder
    {
        DataSource = path,
        Mode = SqliteOpenMode.ReadWriteCreate,
        Cache = SqliteCacheMode.Default,
        Pooling = true,
        DefaultTimeout = (int)Math.Max(1, lockTimeout.TotalSeconds),
    }.ToString();

    /// <summary>Opens the file, makes it where it is not there, and checks that commits will be durable.</summary>
    /// <exception cref="BadInputException">The file is no SQLite database, is locked, or cannot be put into WAL mode.</exception>
    public static SqliteJournal Open(string path, TimeSpan lockTimeout)
    {
        RefuseOtherFiles(path);
        var journal = new SqliteJournal(path, ConnectionStringFor(path, lockTimeout));
        try
        {
            using var connection = new SqliteConnection(journal.ConnectionString);
            connection.Open();
            if (Scalar(connection, "SELECT count(*) FROM sqlite_schema") == "0") Scalar(connection, $"PRAGMA page_size={PageSize.ToString(CultureInfo.InvariantCulture)}");
            var mode = Scalar(connection, "PRAGMA journal_mode=wal");
            if (mode != "wal") throw new BadInputException($"journal {path} cannot be put into WAL mode (it stays in '{mode}'): keep the data folder on a local disk");
            var synchronous = Scalar(connection, "PRAGMA synchronous");
            if (synchronous != "2") throw new BadInputException($"this build of SQLite commits with synchronous={synchronous}, not FULL: what was learned could be lost with the power");
            return journal;
        }
        catch (SqliteException e)
        {
            throw new BadInputException($"journal {path} cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>Moves what is in the write-ahead log into the file, so that the next start has nothing to recover.</summary>
    public void Checkpoint()
    {
        using var connection = new SqliteConnection(ConnectionString);
        connection.Open();
        Scalar(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// <summary>Closes pooled connections, the file with them.</summary>
    public void Close() => SqliteConnection.ClearPool(new SqliteConnection(ConnectionString));

    private static void RefuseOtherFiles(string path)
    {
        if (!File.Exists(path)) return;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            if (file.Length == 0) return;
            var header = new byte[16];
            var read = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
            if (!header.AsSpan(0, read).SequenceEqual("SQLite format 3\0"u8))
                throw new BadInputException($"journal {path} is no SQLite database; move it away, or name another folder with --data-folder");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"journal {path} cannot be read: {e.Message}", e);
        }
    }

    private static string Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture) ?? "";
    }
}
