using System.Globalization;
using System.IO.Compression;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>
/// How every detector of anomalies ranks the rows of labelled files, progressively, defaults, mean over three seeds: <c>anomalies FILE.csv[.gz] ...</c>; a head line, the label last, above 0 an anomaly.
/// </summary>
internal static class AnomalyAccuracy
{
    private const int Seeds = 3;

    public static int Run(string[] files)
    {
        Console.WriteLine("| file | model | ROC AUC | PR AUC |");
        Console.WriteLine("|---|---|---|---|");
        var score = new double[1];
        foreach (var file in files)
        {
            using var rows = Read(file);
            foreach (var kind in ModelRegistry.Kinds.Where(k => k.Task == LearningTask.Anomaly))
            {
                var (roc, pr) = (0.0, 0.0);
                for (var seed = 1; seed <= Seeds; seed++)
                {
                    var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind.Name), ("seed", seed.ToString(CultureInfo.InvariantCulture)))).Create();
                    var window = ConfigNode.Map.Empty.With("window", ConfigNode.Of(("rows", rows.Count.ToString(CultureInfo.InvariantCulture))));
                    var exact = MetricRegistry.Create(ConfigNode.Map.Empty.With("exact-roc-auc", ConfigNode.Map.Empty.With("span", window)), LearningTask.Anomaly, "metric", [])!;
                    var precision = MetricRegistry.Create("pr-auc", LearningTask.Anomaly);
                    for (var i = 0; i < rows.Count; i++)
                    {
                        model.PredictThenLearn(rows[i], rows.Labels[i], 1, score);
                        exact.Update(rows.Labels[i], score);
                        precision.Update(rows.Labels[i], score);
                    }
                    roc += exact.Value / Seeds;
                    pr += precision.Value / Seeds;
                }
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {Path.GetFileName(file)} | {kind.Name} | {roc:F3} | {pr:F3} |"));
            }
        }
        return 0;
    }

    private static RowBatch Read(string file)
    {
        using var bytes = File.OpenRead(file);
        using var text = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(bytes, CompressionMode.Decompress) : bytes);
        var rows = new RowBatch();
        text.ReadLine();
        while (text.ReadLine() is { } line)
        {
            var cells = line.Split(',');
            rows.BeginRow();
            for (var i = 0; i < cells.Length - 1; i++) rows.Add((uint)i, double.Parse(cells[i], CultureInfo.InvariantCulture));
            rows.TryEndRow(double.Parse(cells[^1], CultureInfo.InvariantCulture));
        }
        return rows;
    }
}
