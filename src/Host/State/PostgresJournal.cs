using System.Globalization;
using Npgsql;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>The PostgreSQL database of events and snapshots that the nodes of a cluster share.</summary>
public sealed class PostgresJournal : IJournalStore
{
    // Any number that no other program uses for an advisory lock of this database.
    private const long InitializationLock = 0x53_4D_4C_4F_70_73;

    // A node that is cut off in the middle of writing an event leaves a transaction behind whose key keeps every other writer of that event waiting, for as
    // long as the server believes in the connection: two hours by default. The server ends one that has been silent for so long; its node finds that out and recovers.
    private const string ServerTimeouts = "-c idle_in_transaction_session_timeout=5000 -c tcp_user_timeout=10000 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3";

    private readonly NpgsqlConnectionStringBuilder _connection;

    private PostgresJournal(NpgsqlConnectionStringBuilder connection, string id)
    {
        _connection = connection;
        Id = id;
    }

    /// <inheritdoc/>
    public string ProviderName => "PostgreSQL.15";

    /// <inheritdoc/>
    public string ConnectionString => _connection.ConnectionString;

    /// <inheritdoc/>
    public string Id { get; }

    /// <inheritdoc/>
    public string Name => $"PostgreSQL database {_connection.Database} at {_connection.Host}:{_connection.Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>
    /// Opens the database, waiting for one that is away: each failed try is told, and the next one comes after a growing pause of at most 5 s.
    /// </summary>
    /// <param name="connectionString">Npgsql's connection string.</param>
    /// <param name="say">Takes a line for people.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="BadInputException">The connection string has a fault, or the database refuses: waiting would be in vain.</exception>
    public static async Task<PostgresJournal> Open(string connectionString, Action<string> say, CancellationToken stop)
    {
        NpgsqlConnectionStringBuilder connection;
        try
        {
            // A database that has gone must be noticed, also where nothing answers at all.
            connection = new NpgsqlConnectionStringBuilder(connectionString) { ApplicationName = "streammlops" };
            if (!connectionString.Contains("imeout", StringComparison.Ordinal)) (connection.Timeout, connection.CommandTimeout) = (5, 60);
            if (connection.KeepAlive == 0) connection.KeepAlive = 10;
            connection.Options = $"{ServerTimeouts} {connection.Options}".TrimEnd(); // the user's come last, and win
        }
        catch (ArgumentException e)
        {
            throw new BadInputException($"stream-mlops.journal.connection-string has a fault: {e.Message}", e);
        }
        for (var pause = TimeSpan.FromMilliseconds(500); ; pause = pause < TimeSpan.FromSeconds(3) ? pause * 2 : TimeSpan.FromSeconds(5))
        {
            try
            {
                return new PostgresJournal(connection, await IdOf(connection.ConnectionString, stop).ConfigureAwait(false));
            }
            catch (PostgresException e) when (Refusal(e) is { } what)
            {
                throw new BadInputException($"the journal's database {connection.Database} at {connection.Host}:{connection.Port.ToString(CultureInfo.InvariantCulture)} refuses: {e.MessageText}. {what}", e);
            }
            catch (NpgsqlException e)
            {
                say($"the journal's PostgreSQL at {connection.Host}:{connection.Port.ToString(CultureInfo.InvariantCulture)} does not answer ({e.Message.TrimEnd('.')}). Check that it runs and lets this host in; tried again in {pause.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture)} s.");
            }
            await Task.Delay(pause, stop).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Only one node at a time makes the tables: hold what this gives while the journal is started for the first time, and call
    /// <see cref="Initialization.Done"/> to wait until they are there.
    /// </summary>
    public async Task<Initialization> LockInitialization(CancellationToken stop)
    {
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(stop).ConfigureAwait(false);
        await using var take = new NpgsqlCommand($"select pg_advisory_lock({InitializationLock.ToString(CultureInfo.InvariantCulture)})", connection);
        await take.ExecuteNonQueryAsync(stop).ConfigureAwait(false);
        return new Initialization(connection);
    }

    public void Close() => NpgsqlConnection.ClearPool(new NpgsqlConnection(ConnectionString));

    private static async Task<string> IdOf(string connectionString, CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync(stop).ConfigureAwait(false);
        // The lock goes with the transaction; "if not exists" alone fails where two nodes come at the same moment.
        await using var transaction = await connection.BeginTransactionAsync(stop).ConfigureAwait(false);
        await using var make = new NpgsqlCommand(
            $"""
            select pg_advisory_xact_lock({InitializationLock.ToString(CultureInfo.InvariantCulture)} + 1);
            create table if not exists streammlops_journal (one boolean primary key default true check (one), id text not null);
            insert into streammlops_journal (id) values (gen_random_uuid()::text) on conflict do nothing;
            """,
            connection, transaction);
        await make.ExecuteNonQueryAsync(stop).ConfigureAwait(false);
        await using var read = new NpgsqlCommand("select id from streammlops_journal", connection, transaction);
        var id = (string)(await read.ExecuteScalarAsync(stop).ConfigureAwait(false))!;
        await transaction.CommitAsync(stop).ConfigureAwait(false);
        return id;
    }

    private static string? Refusal(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification => "Check user and password of the connection string, and pg_hba.conf.",
        PostgresErrorCodes.InvalidCatalogName => "Create the database, or correct its name in the connection string.",
        PostgresErrorCodes.InsufficientPrivilege => "Grant the user CREATE on the schema.",
        _ => null,
    };

    /// <summary>The right to make tables, until disposed.</summary>
    public sealed class Initialization(NpgsqlConnection connection) : IAsyncDisposable
    {
        /// <summary>Waits until the journal's tables are there.</summary>
        public async Task Done(CancellationToken stop)
        {
            for (var tries = 0; tries < 300; tries++)
            {
                await using var look = new NpgsqlCommand("select to_regclass('journal') is not null and to_regclass('snapshot') is not null", connection);
                if (await look.ExecuteScalarAsync(stop).ConfigureAwait(false) is true) return;
                await Task.Delay(50, stop).ConfigureAwait(false);
            }
            throw new TimeoutException("the journal's tables were not made within 15 s; see the node's log");
        }

        // Unlocked by hand: the pool keeps the connection, and the lock with it.
        public async ValueTask DisposeAsync()
        {
            await using (var release = new NpgsqlCommand("select pg_advisory_unlock_all()", connection)) await release.ExecuteNonQueryAsync().ConfigureAwait(false);
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
