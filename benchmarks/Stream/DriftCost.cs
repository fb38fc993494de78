using System.Globalization;

namespace StreamMLOps.Benchmarks;

/// <summary>The same rows without detectors of drift, with one of errors, and with one of errors and one of scores; by turns in one process.</summary>
internal static class DriftCost
{
    public static async Task<int> Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        var rounds = int.Parse(options.GetValueOrDefault("--rounds", "5"), CultureInfo.InvariantCulture);
        var work = options.GetValueOrDefault("--work") ?? Directory.CreateTempSubdirectory("streammlops-drift-").FullName;
        var source = $"source.path = \"{Path.GetFullPath(options["--data"])}\"";
        (string Name, string Settings)[] runs =
        [
            ("no detector", source),
            ("errors = ddm", $"{source}, drift {{ errors = ddm }}"),
            ("errors = adwin", $"{source}, drift {{ errors = adwin }}"),
            ("errors = adwin, scores = adwin", $"{source}, drift {{ errors = adwin, scores = adwin }}"),
        ];
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
            Console.WriteLine($"median, {name}: {LabelCost.Median(measured, r => r.RowsPerSecond):N0} rows/s ({measured.Min(r => r.RowsPerSecond):N0} to {measured.Max(r => r.RowsPerSecond):N0}), {LabelCost.Median(measured, r => r.CpuMicroseconds):F2} us of CPU a row, {LabelCost.Median(measured, r => r.AllocatedPerRow):F0} bytes allocated a row");
        return 0;
    }
}
