using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>Values a second that each drift detector takes, one thread, defaults: zeros and ones of a constant rate, the values that detectors of errors see.</summary>
internal static class DetectorRates
{
    private const int Values = 1 << 16;

    public static int Run(int rounds)
    {
        var values = new double[Values];
        var random = new Random(1);
        for (var i = 0; i < Values; i++) values[i] = random.Next(5) == 0 ? 1 : 0;
        Console.WriteLine("| detector | values/s, median (best) | bytes allocated a value |");
        Console.WriteLine("|---|---|---|");
        foreach (var kind in DriftDetectorRegistry.Kinds)
        {
            var detector = DriftDetectorRegistry.Create(new ConfigNode.Text(kind.Name), "benchmark.drift", [])!;
            // As many passes as take a tenth of a second or so, after some for the JIT.
            var passes = Math.Max(1, (int)(0.1 / Math.Max(Seconds(detector, values, 20) / 20, 1e-6)));
            var rates = Enumerable.Range(0, rounds).Select(_ => passes * (double)Values / Seconds(detector, values, passes)).Order().ToArray();
            var before = GC.GetAllocatedBytesForCurrentThread();
            Seconds(detector, values, passes);
            var allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / ((double)passes * Values);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {kind.Name} | {rates[rounds / 2] / 1e6:N1} M ({rates[^1] / 1e6:N1} M) | {allocated:N3} |"));
        }
        return 0;
    }

    private static double Seconds(IDriftDetector detector, double[] values, int passes)
    {
        var start = Stopwatch.GetTimestamp();
        for (var pass = 0; pass < passes; pass++)
            foreach (var value in values) detector.Update(value);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
