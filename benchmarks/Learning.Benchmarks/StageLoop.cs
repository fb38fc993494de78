using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>One stage again and again, for a profiler: <c>stage parse|learn|text FILE.svm MODEL ROUNDS</c>, the model an algorithm or an optimizer of logistic regression.</summary>
internal static class StageLoop
{
    /// <summary>An algorithm with its defaults, or logistic regression with an optimizer.</summary>
    public static ModelSpec SpecOf(string model) => ModelSpec.Parse(ModelRegistry.TryFind(model, out _)
        ? ConfigNode.Of(("algorithm", model))
        : ConfigNode.Of(("algorithm", "logistic-regression"), ("optimizer", model)));

    public static int Run(string stage, string data, string model, string rounds)
    {
        var text = File.ReadAllBytes(data);
        var spec = SpecOf(model);
        var parsed = stage == "learn" ? Stages.ParseAll(text) : [];
        for (var round = 0; round < int.Parse(rounds, CultureInfo.InvariantCulture); round++)
        {
            var start = Stopwatch.GetTimestamp();
            var allocated = GC.GetTotalAllocatedBytes();
            var busy = Environment.CpuUsage.TotalTime;
            var (rows, error) = stage switch
            {
                "parse" => Stages.Parse(text),
                "learn" => Stages.Learn(spec, parsed),
                _ => Stages.TextToLearned(spec, text),
            };
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows / Stopwatch.GetElapsedTime(start).TotalSeconds:N0} rows/s  {rows / (Environment.CpuUsage.TotalTime - busy).TotalSeconds:N0} rows/CPU-s  {(GC.GetTotalAllocatedBytes() - allocated) / (double)rows:N0} managed bytes/row  error {error:F4}"));
        }
        return 0;
    }
}
