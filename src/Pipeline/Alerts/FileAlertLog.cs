using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Alerts as lines of a file, each id once. Beside it <c>FILE.position</c> has the event up to which all alerts of the journal are in the file; it is written
/// after them, so that a crash in between leaves alerts that are not remembered: opening finds their ids in the file, and leaves them out when they come again.
/// </summary>
/// <param name="path">The file; made with its folder where it is not there.</param>
public sealed class FileAlertLog(string path) : IAlertLog
{
    private readonly HashSet<UInt128> _known = [];
    private FileSink? _file;
    private AlertHistory? _history;
    private long _through;

    /// <inheritdoc/>
    public string Name => $"file {path}";

    /// <inheritdoc/>
    /// <exception cref="IOException">The file cannot be read or written; trying again may help.</exception>
    public ValueTask<long> Open(AlertHistory history) => new(Task.Run(() =>
    {
        if (_history == history) return _through;
        _history = null;
        _through = ReadPosition(history);
        Read(history);
        _history = history;
        return _through;
    }));

    /// <inheritdoc/>
    public async ValueTask Write(IReadOnlyCollection<Alert> alerts, long through)
    {
        if (_history is not { } history || _file is not { } file) throw new InvalidOperationException("alerts are written once their journal is opened");
        using (var records = AlertMessage.Encode([.. alerts.Where(a => !_known.Contains(HashOf(a.Id)))]))
        {
            await file.Write(records).ConfigureAwait(false);
            // In memory too: should remembering fail, the same alerts come again.
            foreach (var alert in alerts) _known.Add(HashOf(alert.Id));
            if (records.Count > 0)
            {
                await file.Flush().ConfigureAwait(false);
                CrashPoints.Pass(CrashPoints.AfterAlerts);
            }
        }
        await Task.Run(() => WritePosition(history, through)).ConfigureAwait(false);
        _through = through;
        foreach (var alert in alerts) _known.Remove(HashOf(alert.Id)); // what is remembered does not come again
        CrashPoints.Pass(CrashPoints.AfterAlertPosition);
    }

    /// <inheritdoc/>
    public async ValueTask Note(IReadOnlyCollection<Alert> alerts)
    {
        if (_file is null) await Task.Run(() => Read(null)).ConfigureAwait(false);
        var added = alerts.Where(a => !_known.Contains(HashOf(a.Id))).ToArray();
        using var records = AlertMessage.Encode(added);
        await _file!.Write(records).ConfigureAwait(false);
        foreach (var alert in added) _known.Add(HashOf(alert.Id));
        await _file.Flush().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _file?.DisposeAsync() ?? ValueTask.CompletedTask;

    // Ids that may come again: those of nodes, and of the journal's events that are not remembered.
    private void Read(AlertHistory? history)
    {
        try
        {
            _file ??= new FileSink(path);
            foreach (var line in File.ReadLines(path))
                if (AlertMessage.TryParse(Encoding.UTF8.GetBytes(line), out var alert, out _) && (alert.History is null || (alert.History == history && alert.Sequence > _through))) _known.Add(HashOf(alert.Id));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"{Name} cannot be opened: {e.Message}", e);
        }
    }

    private string PositionPath => path + ".position";

    private long ReadPosition(AlertHistory history)
    {
        try
        {
            if (!File.Exists(PositionPath)) return 0;
            using var document = JsonDocument.Parse(File.ReadAllBytes(PositionPath));
            var p = document.RootElement;
            return p.GetProperty("format").GetInt32() == 1 && p.GetProperty("journal").GetString() == NameOf(history) ? Math.Max(0, p.GetProperty("through").GetInt64()) : 0;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return 0; // The file of alerts has the ids: it takes longer, and nothing else.
        }
    }

    private void WritePosition(AlertHistory history, long through)
    {
        var temporary = PositionPath + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            using (var json = new Utf8JsonWriter(file))
            {
                json.WriteStartObject();
                json.WriteNumber("format", 1);
                json.WriteString("journal", NameOf(history));
                json.WriteNumber("through", through);
                json.WriteEndObject();
            }
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, PositionPath, overwrite: true);
    }

    private static string NameOf(AlertHistory h) => string.Create(CultureInfo.InvariantCulture, $"{h.Pipeline}/{h.Lineage}/{h.Shard}/{h.Journal:x16}");

    private static UInt128 HashOf(string id) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(id));
}
