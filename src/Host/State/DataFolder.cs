using System.Globalization;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>
/// Where a node keeps all of its state. One process writes to it at a time, held by a lock that the operating system releases when
/// the process ends in whatever way; others may read (audit, verify) meanwhile.
/// </summary>
public sealed class DataFolder : IDisposable
{
    /// <summary>Layout of the folder; a newer one is refused.</summary>
    private const int Format = 1;

    private readonly FileStream? _lock;

    private DataFolder(string path, FileStream? held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Events and snapshots.</summary>
    public string Journal => In("journal.db");

    /// <summary>Committed positions of the score leg.</summary>
    public string Commits => In("commits");

    /// <summary>Rows that wait for their labels: a cache, that may be deleted while the node is down.</summary>
    public string Pending => In("pending");

    /// <summary>Warnings of the node.</summary>
    public string Log => In("node.log");

    /// <summary>The settings that last ran here, so that predictions can be audited without naming them again.</summary>
    public string Settings => In("settings.conf");

    /// <summary>Name of whoever uses the folder: made with it, and never changed.</summary>
    public string Id
    {
        get
        {
            var file = In("id");
            if (!File.Exists(file)) File.WriteAllText(file, Guid.NewGuid().ToString("N"));
            return File.ReadAllText(file).Trim();
        }
    }

    /// <summary>Whether this process may write.</summary>
    public bool IsHeld => _lock is not null;

    /// <summary>Opens the folder for this process alone; makes it where it is not there.</summary>
    /// <exception cref="BadInputException">Another process uses it, it cannot be written, or a newer version made it.</exception>
    public static DataFolder Hold(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"data folder {path} cannot be made: {e.Message}", e);
        }
        var held = Lock(path);
        try
        {
            File.WriteAllText(ProcessIdFile(path), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            RefuseNewer(path);
            var format = System.IO.Path.Combine(path, "format");
            if (!File.Exists(format)) File.WriteAllText(format, string.Create(CultureInfo.InvariantCulture, $"{Format}\n"));
            Directory.CreateDirectory(System.IO.Path.Combine(path, "commits"));
            return new DataFolder(path, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Opens a folder that is there, to read.</summary>
    /// <exception cref="BadInputException">It is not there, holds no journal, or a newer version made it.</exception>
    public static DataFolder Read(string path)
    {
        path = System.IO.Path.GetFullPath(path);
        if (!Directory.Exists(path)) throw new BadInputException($"data folder {path} is not there; name one with --data-folder");
        RefuseNewer(path);
        var folder = new DataFolder(path, null);
        if (!File.Exists(folder.Journal) && !File.Exists(folder.Settings)) throw new BadInputException($"data folder {path} holds no journal; name one that a run or the demo has used with --data-folder");
        return folder;
    }

    /// <summary>Keeps the settings of this run.</summary>
    public void Remember(HoconDocument settings) =>
        File.WriteAllText(Settings, "# The settings that last ran here, written at start. Audits read them; a run does not.\n" + Redacted(settings.Root).ToHocon());

    // Secrets stay where a person put them.
    private static ConfigNode.Map Redacted(ConfigNode.Map map) => map.Fields.Aggregate(ConfigNode.Map.Empty, (redacted, field) => field.Value switch
    {
        ConfigNode.Map inner => redacted.With(field.Key, Redacted(inner)),
        ConfigNode.Text text when field.Key == "connection-string" => redacted.With(field.Key, SettingsWriter.Redacted(text.Value)),
        ConfigNode.Text when field.Key.Contains("password", StringComparison.Ordinal) || field.Key.Contains("secret", StringComparison.Ordinal) => redacted,
        var other => redacted.With(field.Key, other),
    });

    public void Dispose()
    {
        if (_lock is null) return;
        File.Delete(ProcessIdFile(Path));
        _lock.Dispose();
    }

    private string In(string name) => System.IO.Path.Combine(Path, name);

    // The process id stands in a file of its own: the locked one cannot be read by others on every platform.
    private static string ProcessIdFile(string path) => System.IO.Path.Combine(path, "lock.pid");

    private static FileStream Lock(string path)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new BadInputException($"data folder {path} cannot be written: {e.Message}", e);
        }
        catch (IOException e)
        {
            var owner = File.Exists(ProcessIdFile(path)) ? File.ReadAllText(ProcessIdFile(path)).Trim() : "";
            throw new BadInputException(
                $"data folder {path} is in use by {(owner.Length == 0 ? "another process" : $"process {owner}")}; stop it, or name another folder with --data-folder", e);
        }
    }

    private static void RefuseNewer(string path)
    {
        var file = System.IO.Path.Combine(path, "format");
        if (!File.Exists(file)) return;
        var text = File.ReadAllText(file).Trim();
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var format))
            throw new BadInputException($"{file} should hold a number, not '{text}': {path} is no data folder, or it is damaged");
        if (format > Format)
            throw new BadInputException(string.Create(CultureInfo.InvariantCulture, $"data folder {path} was written by a newer version (format {format}, this version knows up to {Format}); use that version, or another folder"));
    }
}
