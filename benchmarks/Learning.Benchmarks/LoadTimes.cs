using System.Buffers;
using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>How long a saved state of an adaptive linear model takes to load, and what it holds in memory: <c>load MEGABYTES [MODEL]</c>.</summary>
internal static class LoadTimes
{
    public static int Run(double megabytes, string model)
    {
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", model)));
        var source = spec.Create();
        // Features as a stream numbers them: dense below, sparse above. Twelve bytes a feature are saved.
        var wanted = (long)(megabytes * 1e6 / 12);
        var random = new Random(1);
        using var batch = new RowBatch();
        while (source.Features < wanted)
        {
            batch.Clear();
            batch.BeginRow();
            var from = (uint)source.Features;
            for (var k = 0u; k < 100; k++) batch.Add(k % 2 == 0 ? from + k : (uint)random.NextInt64(1L << 32), 1);
            batch.TryEndRow(random.Next(2));
            source.Learn(batch[0], batch.Labels[0]);
        }
        var output = new ArrayBufferWriter<byte>();
        source.Save(new StateWriter(output));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{spec.Kind.Name}: {source.Features:N0} features, {output.WrittenCount / 1e6:N1} MB of state, {(double)((ILinearModel)source).Bytes / source.Features:N1} bytes a feature in memory"));
        var times = new List<double>();
        for (var round = 0; round < 9; round++)
        {
            var target = spec.Create();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            var start = Stopwatch.GetTimestamp();
            target.Load(new StateReader(output.WrittenMemory));
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        times.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"loaded in {times[4]:N0} ms, median of 9 (best {times[0]:N0}, worst {times[^1]:N0})"));
        return 0;
    }
}
