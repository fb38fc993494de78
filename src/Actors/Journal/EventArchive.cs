using System.Buffers.Binary;
using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace StreamMLOps.Actors;

/// <summary>
/// Files of old events, a folder for each learner: <c>learner%2Furls%2Fmain%2F0/000000000001-000000004711.events</c>. A file has a mark, learner, first and
/// last number, then of each event kind and bytes as the journal had them, and an XXH3-128 hash of it all at its end, which is checked before an event is believed.
/// </summary>
/// <param name="folder">Where the learners' folders are; need not be there.</param>
public sealed class EventArchive(string folder)
{
    private const int HashBytes = 16;
    private static readonly byte[] Mark = [.. "StreamMLOps events "u8, 1];

    /// <summary>Where the files are.</summary>
    public string Folder { get; } = folder;

    /// <summary>The files of a learner with the numbers of their events, ascending; files under construction are not among them.</summary>
    public IReadOnlyList<(long From, long To, string Path)> Files(string persistenceId)
    {
        var of = FolderOf(persistenceId);
        if (!Directory.Exists(of)) return [];
        var files = new List<(long, long, string)>();
        foreach (var path in Directory.EnumerateFiles(of, "*.events").Order(StringComparer.Ordinal))
            if (Path.GetFileNameWithoutExtension(path).Split('-') is [var from, var to] && long.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var a) && long.TryParse(to, NumberStyles.None, CultureInfo.InvariantCulture, out var b))
                files.Add((a, b, path));
        return files;
    }

    /// <summary>Number of the last event of the run of files that begins with the first event; 0: there is none.</summary>
    public long Last(string persistenceId)
    {
        var last = 0L;
        foreach (var (from, to, _) in Files(persistenceId))
            if (from <= last + 1 && to > last) last = to;
        return last;
    }

    /// <summary>Events from one number on, as far as the files have them.</summary>
    /// <exception cref="JournalFormatException">A file is damaged, of another learner or of a newer version.</exception>
    public IEnumerable<(long Sequence, JournalEvent Event)> Read(string persistenceId, long from, long to)
    {
        foreach (var (first, last, path) in Files(persistenceId))
        {
            if (last < from || first > to) continue;
            var bytes = Checked(path);
            var at = Mark.Length;
            if (Text(bytes, ref at) is var learner && learner != persistenceId) throw new JournalFormatException($"{path} has events of {learner}, not of {persistenceId}: put each file back into its folder");
            at += 16;
            for (var n = first; n <= last; n++)
            {
                var kind = Text(bytes, ref at);
                var length = (int)Varint.Read(bytes, ref at);
                if (n > to) yield break;
                if (n >= from) yield return (from = n, JournalEvent.Decode(kind, bytes[at..(at + length)]));
                at += length;
            }
            from++;
        }
    }

    /// <summary>Writes consecutive events as one file, durably: what this has returned from may go from the journal.</summary>
    /// <returns>The file.</returns>
    public string Write(string persistenceId, IReadOnlyList<(long Sequence, JournalEvent Event)> events)
    {
        var (from, to) = (events[0].Sequence, events[^1].Sequence);
        if (to - from + 1 != events.Count) throw new ArgumentException("events are archived without a gap", nameof(events));
        var of = Directory.CreateDirectory(FolderOf(persistenceId)).FullName;
        var path = Path.Combine(of, string.Create(CultureInfo.InvariantCulture, $"{from:d12}-{to:d12}.events"));
        var hash = new XxHash128();
        using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            var head = new EventWriter(Mark[0]);
            var numbers = new byte[16];
            BinaryPrimitives.WriteInt64LittleEndian(numbers, from);
            BinaryPrimitives.WriteInt64LittleEndian(numbers.AsSpan(8), to);
            head.Text(persistenceId);
            Put([.. Mark, .. head.ToArray()[1..], .. numbers]);
            foreach (var (_, e) in events)
            {
                var entry = new EventWriter(0);
                entry.Text(e.Manifest);
                entry.Number(e.Bytes.Length);
                Put(entry.ToArray().AsSpan(1));
                Put(e.Bytes);
            }
            file.Write(hash.GetCurrentHash());
            file.Flush(flushToDisk: true);

            void Put(ReadOnlySpan<byte> bytes)
            {
                hash.Append(bytes);
                file.Write(bytes);
            }
        }
        Checked(path + ".new");
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }

    private string FolderOf(string persistenceId) => Path.Combine(Folder, Uri.EscapeDataString(persistenceId));

    private static byte[] Checked(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < Mark.Length + HashBytes || !bytes.AsSpan(0, Mark.Length - 1).SequenceEqual(Mark.AsSpan(0, Mark.Length - 1))) throw new JournalFormatException($"{path} is no file of archived events");
        if (bytes[Mark.Length - 1] > Mark[^1]) throw new JournalFormatException($"{path} has format {bytes[Mark.Length - 1]}, this program knows formats up to {Mark[^1]}: it was written by a newer version, use that version or a later one");
        if (!XxHash128.Hash(bytes.AsSpan(0, bytes.Length - HashBytes)).AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - HashBytes))) throw new JournalFormatException($"{path} is damaged: its bytes do not have the hash at its end; put a copy of it back");
        return bytes;
    }

    private static string Text(byte[] bytes, ref int at)
    {
        var length = (int)Varint.Read(bytes, ref at);
        at += length;
        return Encoding.UTF8.GetString(bytes, at - length, length);
    }
}
