using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Tests;

/// <summary>
/// A PostgreSQL of a test's own: a data folder that is gone afterwards, loopback only, a free port, fsync on as by default.
/// The server refuses to run as root, so a privileged test runs it as the user postgres or nobody. As a class or collection
/// fixture it starts nothing where <see cref="SkipReason"/> says that there is no PostgreSQL.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    private static readonly string? Programs = FindPrograms();
    private readonly string _host;
    private readonly string _folder = "";
    private UnixProcess? _server;

    /// <summary>Makes and starts a server.</summary>
    public PostgresServer() : this("127.0.0.1")
    {
    }

    /// <summary>Makes and starts a server.</summary>
    /// <param name="host">Address of this machine that it listens on, beside 127.0.0.1.</param>
    internal PostgresServer(string host)
    {
        _host = host;
        if (SkipReason is not null) return;
        _folder = Run("mktemp", "-d", Path.Combine(Path.GetTempPath(), "streammlops-postgres-XXXXXXXX"));
        try
        {
            // Only the making of the folder is not synchronized: what the server writes is.
            Run(Program("initdb"), "-D", Data, "-U", User, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync");
            Port = FreePort.Next();
            File.AppendAllText(Path.Combine(Data, "postgresql.conf"), string.Create(CultureInfo.InvariantCulture, $"""

                listen_addresses = '{string.Join(',', new[] { "127.0.0.1", host }.Distinct())}'
                port = {Port}
                unix_socket_directories = ''

                """));
            if (host != "127.0.0.1") File.AppendAllText(Path.Combine(Data, "pg_hba.conf"), $"host all all {host}/24 trust\n");
            Start();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there is no PostgreSQL, or null.</summary>
    public static string? SkipReason { get; } = !OperatingSystem.IsLinux() ? "the tests start PostgreSQL on Linux only"
        : Programs is null ? "PostgreSQL is not there: initdb and pg_ctl are neither under /usr/lib/postgresql nor on the PATH (Debian: apt-get install postgresql)"
        : null;

    /// <summary>The port on 127.0.0.1, the same after a restart.</summary>
    public int Port { get; }

    /// <summary>Npgsql's connection string of the database postgres.</summary>
    public string ConnectionString => ConnectionStringOf("postgres");

    /// <summary>Whether the server's process is there, paused or not.</summary>
    public bool Runs => _server is { Runs: true };

    private static string User => "postgres";

    private string Data => Path.Combine(_folder, "data");

    private string Log => Path.Combine(_folder, "log");

    /// <summary>Npgsql's connection string of a database.</summary>
    /// <param name="database">Its name.</param>
    /// <param name="port">The port by which to reach it, such as that of a proxy before the server; null: the server's own.</param>
    public string ConnectionStringOf(string database, int? port = null) =>
        string.Create(CultureInfo.InvariantCulture, $"Host={_host};Port={port ?? Port};Username={User};Database={database}");

    /// <summary>Makes an empty database of a new name.</summary>
    /// <returns>Its name: see <see cref="ConnectionStringOf"/>.</returns>
    public string CreateDatabase()
    {
        var name = $"test_{Guid.NewGuid():N}";
        Query($"create database {name}");
        return name;
    }

    /// <summary>Runs a statement by psql.</summary>
    /// <returns>What it prints without headings: a line a row, columns apart by |.</returns>
    /// <exception cref="InvalidOperationException">The server is away or refuses the statement; the message is psql's.</exception>
    public string Query(string statement, string database = "postgres", int? port = null) =>
        Run(Program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", (port ?? Port).ToString(CultureInfo.InvariantCulture), "-U", User, "-d", database, "-c", statement);

    /// <summary>Starts it with the data that are there, also after <see cref="Kill"/>, and waits until it takes connections.</summary>
    public void Start()
    {
        if (Runs) throw new InvalidOperationException("the server runs already");
        try
        {
            Run(Program("pg_ctl"), "-D", Data, "-l", Log, "-w", "-t", "60", "start");
        }
        catch (InvalidOperationException e) when (File.Exists(Log))
        {
            throw new InvalidOperationException($"{e.Message}; the server's log: {string.Join('\n', File.ReadLines(Log).TakeLast(20))}", e);
        }
        _server = UnixProcess.Find(int.Parse(File.ReadLines(Path.Combine(Data, "postmaster.pid")).First(), CultureInfo.InvariantCulture))
            ?? throw new InvalidOperationException("the server ended as soon as it had started");
    }

    /// <summary>Stops it in order, cutting its connections (pg_ctl's fast mode).</summary>
    public void Stop()
    {
        if (!Runs) return;
        Run(Program("pg_ctl"), "-D", Data, "-m", "fast", "-w", "-t", "60", "stop");
        _server = null;
    }

    /// <summary>Ends the server and its backends by SIGKILL, as a crash would.</summary>
    public void Kill()
    {
        if (_server is not { } server) return;
        _server = null;
        server.KillWithChildren();
        // The next start takes the file's process for a running server until somebody has collected it, which may take a while
        // where the first process of a container does not. That all of them have ended is sure here.
        File.Delete(Path.Combine(Data, "postmaster.pid"));
    }

    /// <summary>Stops the server and its backends by SIGSTOP: connections stay open, new ones are taken by the system, nothing answers.</summary>
    public void Pause() => (_server ?? throw NotRunning()).PauseWithChildren();

    /// <summary>Lets a paused server go on.</summary>
    public void Resume() => (_server ?? throw NotRunning()).ResumeWithChildren();

    /// <summary>Ends it and deletes its data.</summary>
    public void Dispose()
    {
        if (_folder.Length == 0) return;
        Kill(); // nobody reads the data again
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static InvalidOperationException NotRunning() => new("the server does not run");

    private static string Program(string name) => Path.Combine(Programs!, name);

    private static string? FindPrograms()
    {
        const string Debian = "/usr/lib/postgresql";
        var installed = Directory.Exists(Debian)
            ? Directory.GetDirectories(Debian).OrderByDescending(f => int.TryParse(Path.GetFileName(f), CultureInfo.InvariantCulture, out var version) ? version : 0).Select(f => Path.Combine(f, "bin"))
            : [];
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        // 15 before others: the version that the journal's figures are from.
        return installed.OrderByDescending(f => f.EndsWith("/15/bin", StringComparison.Ordinal)).Concat(folders)
            .FirstOrDefault(f => new[] { "initdb", "pg_ctl", "psql" }.All(p => File.Exists(Path.Combine(f, p))));
    }

    private static string Run(string program, params string[] arguments)
    {
        string[] command = Environment.IsPrivilegedProcess ? ["runuser", "-u", Unprivileged(), "--", program, .. arguments] : [program, .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        start.Environment["LC_ALL"] = "C";
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? output
            : throw new InvalidOperationException($"{Path.GetFileName(program)} failed with status {process.ExitCode}: {errors.Result.Trim()} {output}".TrimEnd());
    }

    private static string Unprivileged() => File.ReadLines("/etc/passwd").Any(l => l.StartsWith("postgres:", StringComparison.Ordinal)) ? "postgres" : "nobody";
}

/// <summary>A fact that needs <see cref="PostgresServer"/>, reported as skipped where there is no PostgreSQL.</summary>
public sealed class PostgresFactAttribute : FactAttribute
{
    /// <summary>Skips where PostgreSQL is absent.</summary>
    public PostgresFactAttribute() => Skip = PostgresServer.SkipReason;
}
