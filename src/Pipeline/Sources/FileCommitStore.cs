using System.Globalization;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Committed positions and ledgers of the groups that read a file or a generator, in one JSON file of a folder. A commit is
/// written beside it, synced and renamed over it, so that a crash leaves the old file or the new one. Thread-safe in one process.
/// </summary>
public sealed class FileCommitStore
{
    private const int Format = 1;

    private readonly string _path;
    private readonly Lock _lock = new();
    private SortedDictionary<string, IReadOnlyList<CommittedPartition>>? _groups;

    /// <param name="folder">Folder of the store; made by the first commit where it is not there.</param>
    public FileCommitStore(string folder) => _path = Path.Combine(folder, "commits.json");

    /// <summary>What the group committed last, by partition; empty where it never did.</summary>
    /// <exception cref="SourceException">The store is damaged, unreadable or of a newer version.</exception>
    public IReadOnlyList<CommittedPartition> Read(string group)
    {
        lock (_lock) return Groups().GetValueOrDefault(group, []);
    }

    /// <summary>Replaces what the group committed for these partitions; returns when it is on disk.</summary>
    /// <exception cref="SourceException">The store cannot be read or written.</exception>
    public void Write(string group, IReadOnlyList<CommittedPartition> partitions)
    {
        lock (_lock)
        {
            var groups = Groups();
            var before = groups.GetValueOrDefault(group, []);
            var renewed = partitions.Select(p => p.Position.Partition).ToHashSet();
            groups[group] = [.. before.Where(p => !renewed.Contains(p.Position.Partition)).Concat(partitions).OrderBy(p => p.Position.Partition)];
            try
            {
                Save(groups);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                groups[group] = before;
                throw new SourceException($"commits cannot be written to {_path}: {e.Message}", e);
            }
        }
    }

    private SortedDictionary<string, IReadOnlyList<CommittedPartition>> Groups() => _groups ??= Load();

    private SortedDictionary<string, IReadOnlyList<CommittedPartition>> Load()
    {
        var groups = new SortedDictionary<string, IReadOnlyList<CommittedPartition>>(StringComparer.Ordinal);
        try
        {
            if (!File.Exists(_path)) return groups;
            using var document = JsonDocument.Parse(File.ReadAllBytes(_path));
            var format = document.RootElement.GetProperty("format").GetInt32();
            if (format > Format)
            {
                throw new SourceException($"commit store {_path} has format {format}, this version reads up to {Format}: use the newer version.");
            }
            foreach (var group in document.RootElement.GetProperty("groups").EnumerateObject())
            {
                groups.Add(group.Name, [.. group.Value.EnumerateArray().Select(ReadPartition)]);
            }
            return groups;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException or OverflowException)
        {
            throw new SourceException(
                $"commit store {_path} is damaged ({e.Message.TrimEnd('.')}): put a copy back, or delete it to score the source from its beginning.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"commit store {_path} cannot be read: {e.Message}", e);
        }
    }

    private static CommittedPartition ReadPartition(JsonElement p) => p.TryGetProperty("start", out var start) ? ReadLedger(p) with { Start = start.GetInt64() } : ReadLedger(p);

    private static CommittedPartition ReadLedger(JsonElement p) => new(
        new PartitionPosition(
            p.GetProperty("partition").GetInt32(),
            ulong.Parse(p.GetProperty("epoch").GetString()!, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            p.GetProperty("next").GetInt64()),
        p.GetProperty("predicted").GetInt64(),
        p.GetProperty("deadLettered").GetInt64(),
        p.GetProperty("skipped").GetInt64());

    private void Save(SortedDictionary<string, IReadOnlyList<CommittedPartition>> groups)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        var temporary = _path + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            using (var json = new Utf8JsonWriter(file)) Write(json, groups);
            file.Flush(flushToDisk: true);
        }
        // A crash that undoes the rename repeats predictions, which the legs are built for; so the folder is not synced.
        File.Move(temporary, _path, overwrite: true);
    }

    private static void Write(Utf8JsonWriter json, SortedDictionary<string, IReadOnlyList<CommittedPartition>> groups)
    {
        json.WriteStartObject();
        json.WriteNumber("format", Format);
        json.WriteStartObject("groups");
        foreach (var (group, partitions) in groups)
        {
            json.WriteStartArray(group);
            foreach (var committed in partitions)
            {
                var (position, predicted, deadLettered, skipped) = committed;
                json.WriteStartObject();
                json.WriteNumber("partition", position.Partition);
                json.WriteString("epoch", position.Epoch.ToString("x16", CultureInfo.InvariantCulture));
                json.WriteNumber("next", position.Next);
                json.WriteNumber("predicted", predicted);
                json.WriteNumber("deadLettered", deadLettered);
                json.WriteNumber("skipped", skipped);
                json.WriteNumber("start", committed.Start);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
