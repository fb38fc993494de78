using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>One stage again and again, for a profiler: <c>stage parse|learn|text FILE.svm MODEL ROUNDS</c>, the model an algorithm or an optimizer of logistic regression. The state's hash tells whether a change of the code changed any bit.</summary>
internal static class StageLoop
{
    /// <summary>An algorithm, or an optimizer of logistic regression, with its defaults but for what follows: <c>streaming-random-patches:base=naive-bayes</c>.</summary>
    public static ModelSpec SpecOf(string model)
    {
        var parts = model.Split(':');
        var config = ModelRegistry.TryFind(parts[0], out _) ? ConfigNode.Of(("algorithm", parts[0])) : ConfigNode.Of(("algorithm", "logistic-regression"), ("optimizer", parts[0]));
        foreach (var setting in parts[1..]) config = config.With(setting[..setting.IndexOf('=')], setting[(setting.IndexOf('=') + 1)..]);
        return ModelSpec.Parse(config);
    }

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
            var (learner, metrics) = (spec.Create(), new BinaryMetrics());
            if (stage == "learn") Stages.Learn(learner, metrics, parsed);
            else if (stage == "text") Stages.TextToLearned(learner, metrics, text);
            var rows = stage == "parse" ? Stages.Parse(text).Rows : metrics.Count;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows / Stopwatch.GetElapsedTime(start).TotalSeconds:N0} rows/s  {rows / (Environment.CpuUsage.TotalTime - busy).TotalSeconds:N0} rows/CPU-s  {(GC.GetTotalAllocatedBytes() - allocated) / (double)rows:N0} managed bytes/row  error {metrics.Error:F4}  state {StateHash.Of(learner)}"));
        }
        return 0;
    }
}
