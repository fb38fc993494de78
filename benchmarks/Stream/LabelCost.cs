using System.Globalization;
using System.Text;

namespace StreamMLOps.Benchmarks;

/// <summary>
/// What the label join and dead letters cost: the same rows with their labels, with labels in a file of their own, and with one record in a hundred that is no row, in one process.
/// JSON with event times: a label comes 10,000 rows after its row. svmlight has neither ids nor times: all rows wait, then all labels come.
/// </summary>
/// <remarks>
/// A shared machine's speed drifts, so each round measures all of a format's ways there and back again (A B C C B A), compares within the round, and tells the median of the rounds'
/// ratios with a bootstrapped interval. The ways swap their order from round to round, and what one left for the disk is written before the next begins.
/// </remarks>
internal static class LabelCost
{
    private const int Delay = 10_000;
    private const int Resamples = 10_000;

    public static async Task<int> Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        var rows = int.Parse(options.GetValueOrDefault("--rows", "200000"), CultureInfo.InvariantCulture);
        var rounds = int.Parse(options.GetValueOrDefault("--rounds", "7"), CultureInfo.InvariantCulture);
        var warmUp = int.Parse(options.GetValueOrDefault("--warm-up", "2"), CultureInfo.InvariantCulture);
        var work = options.GetValueOrDefault("--work") ?? Directory.CreateTempSubdirectory("streammlops-labels-").FullName;
        Directory.CreateDirectory(work);
        Write(options["--data"], rows, work);
        string Source(string file, string format) => $"source {{ path = \"{Path.Combine(work, file)}\", format = {format} }}";
        string Labels(string file) => $"labels = topic, label-source {{ path = \"{Path.Combine(work, file)}\", horizon = 1h, expected-ids = {rows} }}";
        Way[][] formats =
        [
            [
                new("svmlight, labels with the rows", Source("rows.svm", "svmlight")),
                new("svmlight, labels apart", $"{Source("rows.svm", "svmlight")}, {Labels("labels-by-position.jsonl")}"),
                new("svmlight, 1 % dead letters", Source("poisoned.svm", "svmlight")),
            ],
            [
                new("JSON, labels with the rows", Source("rows.jsonl", "json")),
                new("JSON, labels apart", $"{Source("rows.jsonl", "json")}, {Labels("labels.jsonl")}"),
                new("JSON, 1 % dead letters", Source("poisoned.jsonl", "json")),
            ],
        ];
        if (options.GetValueOrDefault("--only") is { } only) formats = [.. formats.Select(f => f.Where((w, i) => i == 0 ? f.Any(o => Chosen(o, only)) : Chosen(w, only)).ToArray()).Where(f => f.Length > 0)];
        for (var round = -warmUp; round < rounds; round++)
        {
            foreach (var ways in formats)
            {
                Way[] order = [ways[0], .. round % 2 == 0 ? ways[1..] : ways[1..].Reverse()];
                foreach (var way in order) way.Begin();
                // Warming up is compiling: once there is enough.
                foreach (var way in round < 0 ? order : [.. order, .. order.Reverse()])
                {
                    var result = await Measure(way, Path.Combine(work, "round"));
                    Console.WriteLine($"round {(round < 0 ? "of warm-up" : round + 1)}, {way.Name}: {result.RowsPerSecond:N0} rows/s, {result.CpuMicroseconds:F2} us of CPU and {result.AllocatedPerRow:F0} bytes a row, {result.Memory.Max()} MiB");
                    if (round >= 0) way.Add(result);
                }
            }
        }
        Console.WriteLine($"| {rounds} rounds of {rows:N0} rows | rows/s | cost (95 %) | us of CPU a row | more (95 %) | bytes allocated a row | MiB |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var ways in formats)
        {
            foreach (var way in ways)
            {
                var cost = way == ways[0] ? "" : Interval([.. way.Rates.Zip(ways[0].Rates, (mine, plain) => 100 * (1 - (mine / plain)))], " %");
                var more = way == ways[0] ? "" : Interval([.. way.Cpu.Zip(ways[0].Cpu, (mine, plain) => mine - plain)], "");
                Console.WriteLine($"| {way.Name} | {Median(way.Rates):N0} | {cost} | {Median(way.Cpu):F1} | {more} | {Median(way.Allocated):F0} | {way.MiB} |");
            }
        }
        return 0;
    }

    private static bool Chosen(Way way, string only) => way.Name.Contains(only, StringComparison.OrdinalIgnoreCase);

    private static async Task<StreamRound> Measure(Way way, string folder)
    {
        if (OperatingSystem.IsLinux())
        {
            using var sync = System.Diagnostics.Process.Start("sync");
            await sync.WaitForExitAsync();
        }
        GC.Collect();
        var result = await StreamRound.Run(way.Settings, folder, details: false, check: false);
        Directory.Delete(folder, recursive: true);
        return result;
    }

    private static void Write(string data, int rows, string work)
    {
        using StreamWriter svm = Open("rows.svm"), poisoned = Open("poisoned.svm"), json = Open("rows.jsonl"), poisonedJson = Open("poisoned.jsonl"), labels = Open("labels.jsonl"), byPosition = Open("labels-by-position.jsonl");
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
            var row = string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{n},\"y\":{y},\"f\":{{{text}}}}}");
            json.WriteLine(row);
            poisonedJson.WriteLine(n % 100 == 99 ? $"{{\"id\":\"r{n}\",\"st\":{n},\"f\":[" : row);
            labels.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{n + Delay},\"y\":{y}}}"));
            byPosition.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"0-{n}\",\"y\":{y}}}"));
            n++;
        }

        StreamWriter Open(string name) => new(Path.Combine(work, name));
    }

    internal static double Median(List<StreamRound> rounds, Func<StreamRound, double> of) => Median(rounds.Select(of));

    private static double Median(IEnumerable<double> of)
    {
        var sorted = of.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    // Percentiles of the medians of rounds drawn anew, with repeats.
    private static string Interval(double[] of, string unit)
    {
        var random = new Random(1);
        var medians = Enumerable.Range(0, Resamples).Select(_ => Median(Enumerable.Range(0, of.Length).Select(_ => of[random.Next(of.Length)]))).Order().ToArray();
        return $"{Median(of):F1}{unit} ({medians[(int)(0.025 * Resamples)]:F1} to {medians[(int)(0.975 * Resamples)]:F1})";
    }

    private sealed class Way(string name, string settings)
    {
        private readonly List<List<StreamRound>> _rounds = [];

        public string Name => name;

        public string Settings => settings;

        public long MiB => Measured.Max(r => r.Max(m => m.Memory.Max()));

        // By round, of its runs together.
        public IEnumerable<double> Rates => Measured.Select(r => r.Sum(m => m.Rows) / r.Sum(m => m.Seconds));

        public IEnumerable<double> Cpu => Measured.Select(r => r.Average(m => m.CpuMicroseconds));

        public IEnumerable<double> Allocated => Measured.Select(r => r.Average(m => m.AllocatedPerRow));

        private IEnumerable<List<StreamRound>> Measured => _rounds.Where(r => r.Count > 0);

        public void Begin() => _rounds.Add([]);

        public void Add(StreamRound round) => _rounds[^1].Add(round);
    }
}
