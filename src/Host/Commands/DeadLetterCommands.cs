using System.Globalization;
using System.Text;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Which dead letters, and what to do with them.</summary>
/// <param name="DataFolder">The data folder; null: the default.</param>
/// <param name="Config">Settings in place of those that ran last: the fixed ones.</param>
/// <param name="Pipeline">The pipeline, where there are several.</param>
/// <param name="File">File of dead letters; null: the pipeline's.</param>
/// <param name="Stage">Only those of this stage.</param>
/// <param name="Reason">Only those with this in their fault or reason.</param>
/// <param name="Show">One of them, by its number from 1, whole.</param>
/// <param name="Requeue">File that receives the records that the settings can read now.</param>
public sealed record DeadLetterRequest(string? DataFolder, string? Config, string? Pipeline, string? File, string? Stage, string? Reason, long? Show, string? Requeue);

/// <summary>Lists, shows and requeues dead letters. The file of dead letters itself is only read: an original is never lost.</summary>
public sealed class DeadLetterCommands(Terminal terminal)
{
    private const int Listed = 20;
    private const int ShownBytes = 4096;

    public int Run(DeadLetterRequest request)
    {
        var settings = request.Config is { } config ? SettingsFile.Validate([SettingsFile.Read(config)]).Settings! : null;
        using var folder = DataFolder.Read(request.DataFolder ?? settings?.DataFolder ?? NodeSettingsReader.Read().Settings!.DataFolder);
        if (settings is null && File.Exists(folder.Settings)) settings = SettingsFile.Validate([SettingsFile.Read(folder.Settings)]).Settings!;
        var pipeline = Choose(settings, request.Pipeline, isNeeded: request.Requeue is not null || request.File is null);
        var file = request.File ?? Path.Combine(folder.Path, Path.GetRelativePath(settings!.DataFolder, pipeline!.Sink.DeadLetters));
        var letters = Read(file).Where(l => Matches(l.Letter, request));
        if (request.Show is { } number) return Show(letters, number);
        return request.Requeue is { } target ? Requeue(letters, pipeline!, file, target) : List(letters, file);
    }

    private int List(IEnumerable<(long Number, DeadLetter Letter)> letters, string file)
    {
        var causes = new Dictionary<(string Stage, string Fault, string Cause), long>();
        var latest = new Queue<(long Number, DeadLetter Letter)>();
        var total = 0L;
        foreach (var l in letters)
        {
            total++;
            var key = (l.Letter.Stage, l.Letter.Fault.ToString(), l.Letter.Cause);
            causes[key] = causes.GetValueOrDefault(key) + 1;
            latest.Enqueue(l);
            if (latest.Count > Listed) latest.Dequeue();
        }
        terminal.Out.WriteLine($"{Figures.Count(total)} dead letters in {file}");
        foreach (var ((stage, fault, cause), count) in causes.OrderByDescending(c => c.Value).ThenBy(c => c.Key.Cause, StringComparer.Ordinal).Take(Listed))
            terminal.Out.WriteLine($"{Figures.Count(count),12}  {stage}  {fault}: {cause}");
        if (causes.Count > Listed) terminal.Out.WriteLine($"{"",12}  and {Figures.Count(causes.Count - Listed)} causes more");
        if (total > 0) terminal.Out.WriteLine(total > Listed ? $"the latest {Listed}:" : "each:");
        foreach (var (number, letter) in latest) terminal.Out.WriteLine($"{Figures.Count(number),12}  {Where(letter)}  {letter.Fault}: {letter.Reason}");
        return ExitStatus.Ok;
    }

    private int Show(IEnumerable<(long Number, DeadLetter Letter)> letters, long wanted)
    {
        foreach (var (number, letter) in letters)
        {
            if (number != wanted) continue;
            terminal.Out.WriteLine($"record    {Where(letter)} of {letter.Epoch.ToString("x16", CultureInfo.InvariantCulture)}");
            terminal.Out.WriteLine($"stage     {letter.Stage}");
            terminal.Out.WriteLine($"fault     {letter.Fault}");
            terminal.Out.WriteLine($"reason    {letter.Reason}");
            terminal.Out.WriteLine($"bytes     {Figures.Count(letter.OriginalLength)}{(IsWhole(letter) ? "" : $", of which {Figures.Count(letter.Bytes.Length)} are kept")}");
            terminal.Out.WriteLine();
            var shown = letter.Bytes.AsSpan(0, Math.Min(letter.Bytes.Length, ShownBytes));
            var isText = System.Text.Unicode.Utf8.IsValid(letter.Bytes);
            // Control characters would be taken by the terminal.
            terminal.Out.WriteLine(isText ? new string([.. Encoding.UTF8.GetString(shown).Select(c => char.IsControl(c) && c is not ('\n' or '\t') ? '\ufffd' : c)]) : Convert.ToHexString(shown));
            if (shown.Length < letter.Bytes.Length) terminal.Out.WriteLine($"... {Figures.Count(letter.Bytes.Length - shown.Length)} bytes more");
            return ExitStatus.Ok;
        }
        throw new BadInputException($"there is no dead letter {Figures.Count(wanted)} among those asked for");
    }

    // The record of what was requeued follows the records themselves: after a crash between the two a record is there twice, never not at all.
    private int Requeue(IEnumerable<(long Number, DeadLetter Letter)> letters, PipelineSettings pipeline, string file, string target)
    {
        var decoder = pipeline.CreateDecoder();
        var done = Path.GetFullPath(file) + ".requeued";
        var before = File.Exists(done) ? File.ReadLines(done).ToHashSet(StringComparer.Ordinal) : [];
        var (requeued, again, still, cut) = (0L, 0L, 0L, 0L);
        var keys = new List<string>();
        var hasRows = File.Exists(target) && new FileInfo(target).Length > 0;
        using (var output = new FileStream(target, FileMode.Append, FileAccess.Write, FileShare.Read))
        {
            foreach (var (number, letter) in letters)
            {
                var key = string.Create(CultureInfo.InvariantCulture, $"{letter.Partition} {letter.Epoch:x16} {letter.Offset}");
                if (!before.Add(key))
                {
                    again++;
                }
                else if (!IsWhole(letter) || letter.Bytes.AsSpan().Contains((byte)'\n'))
                {
                    cut++;
                    terminal.Out.WriteLine($"kept      {Figures.Count(number)}  {Where(letter)}: {(IsWhole(letter) ? "the record holds line ends: a file cannot carry it" : "only its beginning is here: read it again from the source")}");
                }
                else if (Decode(decoder, letter) is { } reason)
                {
                    still++;
                    terminal.Out.WriteLine($"kept      {Figures.Count(number)}  {Where(letter)}: {reason}");
                }
                else
                {
                    if (!hasRows && pipeline.ReadHeader() is { } header) output.Write([.. header, (byte)'\n']);
                    hasRows = true;
                    output.Write(letter.Bytes);
                    output.WriteByte((byte)'\n');
                    keys.Add(key);
                    requeued++;
                }
            }
            output.Flush(flushToDisk: true);
        }
        if (keys.Count > 0) File.AppendAllLines(done, keys);
        terminal.Out.WriteLine($"{Figures.Count(requeued)} requeued to {target}, {Figures.Count(again)} requeued before, {Figures.Count(still)} still refused, {Figures.Count(cut)} not whole");
        return ExitStatus.Ok;
    }

    private static string? Decode(IDecoder decoder, DeadLetter letter)
    {
        // Not at offset 0, which in some formats is a header's place.
        using var raw = new RawChunk(letter.Partition, letter.Epoch, Math.Max(1, letter.Offset), letter.Bytes.Length + 1, 1);
        raw.Add(letter.Bytes);
        raw.To = raw.From + 1;
        using var chunk = decoder.Decode(raw);
        return chunk.Count == 1 ? null : chunk.DeadLetters is [var again] ? again.Reason : "the record is blank";
    }

    private static bool IsWhole(DeadLetter letter) => letter.Bytes.Length == letter.OriginalLength;

    private static string Where(DeadLetter letter) => string.Create(CultureInfo.InvariantCulture, $"{letter.Partition}-{letter.Offset}");

    private static bool Matches(DeadLetter letter, DeadLetterRequest request) =>
        (request.Stage is null || letter.Stage == request.Stage)
        && (request.Reason is not { } text || letter.Fault.ToString() == text || letter.Reason.Contains(text, StringComparison.OrdinalIgnoreCase));

    private static PipelineSettings? Choose(NodeSettings? settings, string? name, bool isNeeded)
    {
        if (settings?.Pipelines is [var only] && (name is null || name == only.Name)) return only;
        if (settings?.Pipelines.FirstOrDefault(p => p.Name == name) is { } named) return named;
        if (!isNeeded) return null;
        throw new BadInputException(settings is null
            ? "the data folder has no settings; name them with --config"
            : $"there {(name is null ? "are several pipelines" : $"is no pipeline '{name}'")}; name one with --pipeline: {string.Join(", ", settings.Pipelines.Select(p => p.Name))}");
    }

    private static IEnumerable<(long Number, DeadLetter Letter)> Read(string file)
    {
        if (!File.Exists(file)) throw new BadInputException($"dead letters file {file} is not there");
        var number = 0L;
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.UTF8);
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0) continue;
            yield return DeadLetterReader.TryParse(Encoding.UTF8.GetBytes(line), out var letter, out var reason)
                ? (number, letter)
                : throw new BadInputException($"{file}, line {Figures.Count(number)}: {reason}");
        }
    }
}
