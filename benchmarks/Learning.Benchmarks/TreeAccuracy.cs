using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>
/// Progressive accuracy of naive Bayes, trees and ensembles with their defaults, mean over the seeds 1, 2, ..., beside what River's benchmark track and MOA (through CapyMOA) publish, and their error on
/// sparse rows with new features (seed 1): <c>accuracy ../shared/data SEEDS [GENERATED.svm] [KIND ...]</c>; without a kind, all of them.
/// </summary>
internal static class TreeAccuracy
{
    private const int SparseRows = 20_000;

    private static readonly string[] Kinds =
    [
        "gaussian-naive-bayes", "multinomial-naive-bayes", "hoeffding-tree", "hoeffding-adaptive-tree", "extremely-fast-decision-tree", "online-bagging", "adwin-bagging", "leveraging-bagging",
        "adaptive-random-forest", "streaming-random-patches",
    ];

    private static readonly string[] Seeded = ["online-bagging", "adwin-bagging", "leveraging-bagging", "adaptive-random-forest", "streaming-random-patches"];

    // Of each of the kinds above, the better of the two where both publish the method; NaN where none does.
    private static readonly Dictionary<string, double[]> Published = new()
    {
        ["Phishing"] = [88.47, double.NaN, 87.99, 87.43, double.NaN, 89.35, 89.35, 89.43, 90.79, 91.35],
        ["Bananas"] = [61.52, double.NaN, 64.22, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN, double.NaN],
        ["electricity_tiny"] = [84.0, double.NaN, 82.65, 84.15, 82.69, 84.6, 85.25, 86.7, 89.0, 90.2],
        ["Elec2"] = [72.87, double.NaN, 79.56, 82.13, double.NaN, 84.04, 82.38, 89.27, 87.66, 86.89],
    };

    public static int Run(string folder, int seeds, string[] rest)
    {
        var generated = rest.FirstOrDefault(r => r.EndsWith(".svm", StringComparison.Ordinal));
        var asked = rest.Where(r => r != generated).ToArray();
        if (asked.Except(Kinds).FirstOrDefault() is { } unknown)
        {
            Console.Error.WriteLine($"'{unknown}' is not one of {string.Join(", ", Kinds)}");
            return 2;
        }
        var kinds = asked.Length == 0 ? Kinds : asked;
        var dense = new (string Name, Func<RowBatch> Rows)[]
        {
            ("Phishing", () => Csv(Unpacked(Path.Combine(folder, "river_datasets/phishing.csv.gz")))),
            ("Bananas", () => Svm(FirstOfZip(Path.Combine(folder, "river_datasets/banana.zip")), int.MaxValue)),
            ("electricity_tiny", () => Csv(new StreamReader(Path.Combine(folder, "capymoa_data/electricity_tiny.csv")))),
            ("Elec2", () => Elec2(Path.Combine(folder, "elec2"))),
        };
        Report(dense, kinds, (set, kind, rows) =>
        {
            var right = Enumerable.Range(1, Seeded.Contains(kind) ? seeds : 1).Average(seed => 100 * (1 - Error(kind, seed, rows)));
            return Published[set][Array.IndexOf(Kinds, kind)] is var published && !double.IsNaN(published)
                ? string.Create(CultureInfo.InvariantCulture, $"{(right >= published ? "**" : "")}{right:F2}{(right >= published ? "**" : "")} ({published:F2}{(right < published - 0.5 ? ", missed" : "")})")
                : right.ToString("F2", CultureInfo.InvariantCulture);
        });
        var sparse = new List<(string Name, Func<RowBatch> Rows)>
        {
            ("SpamAssassin", () => Svm(Unpacked(Path.Combine(folder, "spamassassin_stream/spam.svm.gz")), int.MaxValue)),
            ("URLs", () => Urls(Path.Combine(folder, "iscx_url2016"))),
        };
        if (generated is not null) sparse.Add(("generated", () => Svm(new StreamReader(generated), SparseRows)));
        Report(sparse, kinds, (_, kind, rows) => Error(kind, 1, rows).ToString("F4", CultureInfo.InvariantCulture));
        return 0;
    }

    private static void Report(IReadOnlyList<(string Name, Func<RowBatch> Rows)> sets, string[] kinds, Func<string, string, RowBatch, string> cell)
    {
        var columns = new List<string[]>();
        foreach (var (name, open) in sets)
        {
            using var rows = open();
            columns.Add([.. kinds.Select(kind => cell(name, kind, rows))]);
        }
        Console.WriteLine($"| | {string.Join(" | ", sets.Select(s => s.Name))} |");
        Console.WriteLine($"|---|{string.Concat(sets.Select(_ => "---|"))}");
        for (var k = 0; k < kinds.Length; k++) Console.WriteLine($"| {kinds[k]} | {string.Join(" | ", columns.Select(c => c[k]))} |");
        Console.WriteLine();
    }

    private static double Error(string kind, int seed, RowBatch rows)
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", seed.ToString(CultureInfo.InvariantCulture)))).Create();
        var metrics = new BinaryMetrics();
        Span<double> score = stackalloc double[1];
        for (var i = 0; i < rows.Count; i++)
        {
            model.PredictThenLearn(rows[i], rows.Labels[i], 1, score);
            metrics.Update(rows.Labels[i], score);
        }
        return metrics.Error;
    }

    private static StreamReader Unpacked(string file) => new(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));

    private static StreamReader FirstOfZip(string file) => new(ZipFile.OpenRead(file).Entries[0].Open());

    private static RowBatch Csv(TextReader text)
    {
        var rows = new RowBatch();
        text.ReadLine();
        while (text.ReadLine() is { } line)
            if (line.Length > 0) Add(rows, line.Split(','));
        return rows;
    }

    private static RowBatch Elec2(string folder)
    {
        var rows = new RowBatch();
        foreach (var (values, label) in File.ReadLines(Path.Combine(folder, "elec2_data.dat")).Zip(File.ReadLines(Path.Combine(folder, "elec2_label.dat"))))
            if (values.Trim().Length > 0) Add(rows, [.. values.Trim().Split(' '), label.Trim() == "0" ? "1" : "0"]);
        return rows;
    }

    private static void Add(RowBatch rows, string[] cells)
    {
        rows.BeginRow();
        for (var i = 0; i < cells.Length - 1; i++) rows.Add((uint)i, double.Parse(cells[i], CultureInfo.InvariantCulture));
        rows.TryEndRow(double.Parse(cells[^1], CultureInfo.InvariantCulture));
    }

    private static RowBatch Svm(TextReader text, int most)
    {
        var rows = new RowBatch();
        while (rows.Count < most && text.ReadLine() is { } line) SvmLightParser.Parse(Encoding.ASCII.GetBytes(line.TrimEnd()), rows, out _);
        return rows;
    }

    // The set of tokens of each URL, split at what is neither letter nor digit, hashed to 24 bits; anything not benign is positive.
    private static RowBatch Urls(string folder)
    {
        var urls = new (string File, int Label)[] { ("Benign_list_big_final.csv", 0), ("Malware_dataset.csv", 1), ("phishing_dataset.csv", 1), ("spam_dataset.csv", 1) }
            .SelectMany(f => File.ReadLines(Path.Combine(folder, f.File)).Where(u => u.Length > 0).Select(u => (Url: u, f.Label))).ToArray();
        new Random(1).Shuffle(urls);
        var rows = new RowBatch();
        foreach (var (url, label) in urls.Take(SparseRows))
        {
            rows.BeginRow();
            foreach (var feature in Tokens(url.ToLowerInvariant()).Distinct().Order()) rows.Add(feature, 1);
            rows.TryEndRow(label);
        }
        return rows;
    }

    private static IEnumerable<uint> Tokens(string url)
    {
        var hash = 0u;
        foreach (var c in url + " ")
        {
            if (char.IsAsciiLetterOrDigit(c)) hash = ((hash == 0 ? 2166136261 : hash) ^ c) * 16777619;
            else if (hash != 0)
            {
                yield return hash >> 8;
                hash = 0;
            }
        }
    }
}
