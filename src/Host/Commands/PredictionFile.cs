using System.Text;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>Finds predictions in a sink's file.</summary>
public static class PredictionFile
{
    /// <summary>All predictions of a file, or of standard input for <c>-</c>.</summary>
    /// <exception cref="BadInputException">The file is not there, or a line is no prediction.</exception>
    public static IEnumerable<Prediction> Read(string path, TextReader stdin)
    {
        var number = 0L;
        foreach (var line in Lines(path, stdin))
        {
            number++;
            if (line.Length > 0) yield return Parse(line, path, number);
        }
    }

    /// <summary>Predictions by id; a record that was scored again after a crash has several.</summary>
    /// <exception cref="BadInputException">An id is not there.</exception>
    public static IReadOnlyList<Prediction> Find(string path, TextReader stdin, IReadOnlyCollection<string> ids)
    {
        var wanted = ids.ToHashSet(StringComparer.Ordinal);
        var found = new List<Prediction>();
        var number = 0L;
        foreach (var line in Lines(path, stdin))
        {
            number++;
            // Most lines are not wanted: parse those only that may be. An id with characters that JSON escapes looks otherwise.
            if (!wanted.Any(id => line.Contains(id, StringComparison.Ordinal)) && !line.Contains('\\', StringComparison.Ordinal)) continue;
            if (line.Length > 0 && Parse(line, path, number) is var p && wanted.Contains(p.Id)) found.Add(p);
        }
        var missing = wanted.Except(found.Select(p => p.Id)).Order(StringComparer.Ordinal).ToArray();
        if (missing.Length > 0) throw new BadInputException($"{Name(path)} holds no prediction with id {string.Join(", ", missing)}");
        return found;
    }

    /// <summary>Predictions chosen at random, each as likely as the other, in the order of the file.</summary>
    public static IReadOnlyList<Prediction> Sample(string path, TextReader stdin, int count, int seed)
    {
        // Reservoir sampling (Vitter's algorithm R): one pass, whatever the length.
        var random = new Random(seed);
        var chosen = new List<(long Number, string Line)>();
        var number = 0L;
        foreach (var line in Lines(path, stdin))
        {
            if (line.Length == 0) continue;
            number++;
            if (chosen.Count < count)
            {
                chosen.Add((number, line));
            }
            else if (random.NextInt64(number) is var at && at < count)
            {
                chosen[(int)at] = (number, line);
            }
        }
        return [.. chosen.OrderBy(c => c.Number).Select(c => Parse(c.Line, path, c.Number))];
    }

    private static IEnumerable<string> Lines(string path, TextReader stdin)
    {
        if (path == "-")
        {
            while (stdin.ReadLine() is { } line) yield return line;
            yield break;
        }
        StreamReader reader;
        try
        {
            reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), Encoding.UTF8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(e is FileNotFoundException or DirectoryNotFoundException ? $"predictions file {path} is not there" : $"predictions file {path} cannot be read: {e.Message}", e);
        }
        using (reader)
            while (reader.ReadLine() is { } line) yield return line;
    }

    private static Prediction Parse(string line, string path, long number) =>
        PredictionReader.TryParse(Encoding.UTF8.GetBytes(line), out var prediction, out var reason)
            ? prediction
            : throw new BadInputException($"{Name(path)}, line {Figures.Count(number)}: {reason}");

    private static string Name(string path) => path == "-" ? "standard input" : path;
}
