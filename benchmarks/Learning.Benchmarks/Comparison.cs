using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>Several models over one pass of a file, with paired tests of neighbours in rank: <c>compare FILE.svm MODEL MODEL ...</c>, models as in <see cref="StageLoop"/>.</summary>
internal static class Comparison
{
    public static int Run(string data, string[] models)
    {
        var comparison = new ModelComparison([.. models.Select(StageLoop.SpecOf)], "accuracy", "log-loss", "roc-auc", "calibration-error", "temporal-kappa");
        foreach (var batch in Stages.ParseAll(File.ReadAllBytes(data)))
        {
            for (var i = 0; i < batch.Count; i++) comparison.Learn(batch[i], batch.Labels[i]);
            batch.Dispose();
        }
        Console.WriteLine($"{comparison.Rows:N0} rows");
        Console.WriteLine($"| model | {string.Join(" | ", comparison.MetricsOf(0).Select(m => m.Kind.Name))} | right where the next is wrong, and the other way | McNemar p | loses less than the next, and more | sign p |");
        Console.WriteLine($"|---|{string.Concat(comparison.MetricsOf(0).Select(_ => "---|"))}---|---|---|---|");
        var ranked = Enumerable.Range(0, models.Length).OrderByDescending(m => comparison.MetricsOf(m)[0].Value).ToArray();
        for (var r = 0; r < ranked.Length; r++)
        {
            var values = string.Join(" | ", comparison.MetricsOf(ranked[r]).Select(m => m.Value.ToString("F4", CultureInfo.InvariantCulture)));
            var tests = r + 1 < ranked.Length ? $"{Show(comparison.McNemar(ranked[r], ranked[r + 1]))} | {Show(comparison.Sign(ranked[r], ranked[r + 1]))}" : "| | |";
            Console.WriteLine($"| {models[ranked[r]]} | {values} | {tests} |");
        }
        return 0;
    }

    private static string Show(PairedTest test) => string.Create(CultureInfo.InvariantCulture, $"{test.FirstBetter:N0} : {test.SecondBetter:N0} | {test.PValue:G2}");
}
