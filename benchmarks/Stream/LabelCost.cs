using System.Globalization;
using System.Text;

namespace StreamMLOps.Benchmarks;

/// <summary>
/// The same rows with their labels, with labels in a file of their own, and with one record in a hundred that is no row; by turns in one process.
/// JSON with event times: a label comes 10,000 rows after its row. svmlight has neither ids nor times: all rows wait, then all labels come.
/// </summary>
internal static class LabelCost
{
    private const int Delay = 10_000;

    public static async Task<int> Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        var rows = int.Parse(options.GetValueOrDefault("--rows", "200000"), CultureInfo.InvariantCulture);
        var rounds = int.Parse(options.GetValueOrDefault("--rounds", "3"), CultureInfo.InvariantCulture);
        var work = options.GetValueOrDefault("--work") ?? Directory.CreateTempSubdirectory("streammlops-labels-").FullName;
        Directory.CreateDirectory(work);
        Write(options["--data"], rows, work);
        string Source(string file, string format) => $"source {{ path = \"{Path.Combine(work, file)}\", format = {format} }}";
        string Labels(string file) => $"labels = topic, label-source {{ path = \"{Path.Combine(work, file)}\", horizon = 1h, expected-ids = {rows} }}";
        (string Name, string Settings)[] runs =
        [
            ("svmlight, inline", Source("rows.svm", "svmlight")),
            ("svmlight, labels apart", $"{Source("rows.svm", "svmlight")}, {Labels("labels-by-position.jsonl")}"),
            ("svmlight, inline, 1 % dead letters", Source("poisoned.svm", "svmlight")),
            ("json, inline", Source("rows.jsonl", "json")),
            ("json, labels apart", $"{Source("rows.jsonl", "json")}, {Labels("labels.jsonl")}"),
        ];
        if (options.GetValueOrDefault("--only") is { } only) runs = [.. runs.Where(r => r.Name.StartsWith(only, StringComparison.Ordinal))];
        var results = runs.ToDictionary(r => r.Name, _ => new List<StreamRound>());
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (name, settings) in runs)
            {
                var folder = Path.Combine(work, "round");
                var result = await StreamRound.Run(settings, folder, details: false);
                Console.WriteLine($"round {round}{(round == 0 ? " (warm-up)" : "")}, {name}: {result}");
                if (round > 0) results[name].Add(result);
                Directory.Delete(folder, recursive: true);
            }
        }
        foreach (var (name, measured) in results)
            Console.WriteLine($"median, {name}: {Median(measured, r => r.RowsPerSecond):N0} rows/s, {Median(measured, r => r.CpuMicroseconds):F1} us of CPU a row, {Median(measured, r => r.AllocatedPerRow):F0} bytes allocated a row, at most {measured.Max(m => m.Memory.Max())} MiB");
        return 0;
    }

    private static void Write(string data, int rows, string work)
    {
        using StreamWriter svm = Open("rows.svm"), poisoned = Open("poisoned.svm"), json = Open("rows.jsonl"), labels = Open("labels.jsonl"), byPosition = Open("labels-by-position.jsonl");
        var text = new StringBuilder();
        var n = 0;
        foreach (var line in File.ReadLines(data).Take(rows))
        {
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            svm.WriteLine(line);
            poisoned.WriteLine(n % 100 == 99 ? "+1 7:nan" : line);
            text.Clear();
            foreach (var feature in parts[1..]) text.Append(text.Length == 0 ? "" : ",").Append('"').Append(feature.Replace(":", "\":", StringComparison.Ordinal));
            var y = parts[0] is "1" or "+1" ? 1 : -1;
            json.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{n},\"y\":{y},\"f\":{{{text}}}}}"));
            labels.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{n + Delay},\"y\":{y}}}"));
            byPosition.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"0-{n}\",\"y\":{y}}}"));
            n++;
        }

        StreamWriter Open(string name) => new(Path.Combine(work, name));
    }

    internal static double Median(List<StreamRound> rounds, Func<StreamRound, double> of)
    {
        var sorted = rounds.Select(of).Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
