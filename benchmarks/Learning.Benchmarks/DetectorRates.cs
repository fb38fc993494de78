using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>Values a second that each drift detector takes, one thread, defaults: zeros and ones of a constant rate, the values that detectors of errors see.</summary>
internal static class DetectorRates
{
    private const int Count = 1 << 16;

    public static double[] Values()
    {
        var values = new double[Count];
        var random = new Random(1);
        for (var i = 0; i < Count; i++) values[i] = random.Next(5) == 0 ? 1 : 0;
        return values;
    }

    public static IDriftDetector Create(string kind) => DriftDetectorRegistry.Create(new ConfigNode.Text(kind), "benchmark.drift", [])!;

    /// <summary>Gives the values to a detector, all of them so many times; how many that were, and no error.</summary>
    public static (long Values, double Error) Update(IDriftDetector detector, double[] values, int passes)
    {
        for (var pass = 0; pass < passes; pass++)
            foreach (var value in values) detector.Update(value);
        return ((long)passes * values.Length, double.NaN);
    }

    public static int Run(int rounds)
    {
        var values = Values();
        Console.WriteLine("| detector | values/s, median (best) | bytes allocated a value |");
        Console.WriteLine("|---|---|---|");
        foreach (var kind in DriftDetectorRegistry.Kinds)
        {
            var detector = Create(kind.Name);
            // As many passes as take a tenth of a second or so, after some for the JIT.
            var passes = Math.Max(1, (int)(0.1 / Math.Max(Taken(20).Seconds / 20, 1e-6)));
            var taken = Enumerable.Range(0, rounds).Select(_ => Taken(passes)).OrderByDescending(t => t.Seconds).ToArray();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {kind.Name} | {passes * (double)Count / taken[rounds / 2].Seconds / 1e6:N1} M ({passes * (double)Count / taken[^1].Seconds / 1e6:N1} M) | {taken[^1].Allocated / ((double)passes * Count):N3} |"));
            Work Taken(int times) => Work.Of(WorkClock.Wall, () => Update(detector, values, times));
        }
        return 0;
    }
}
