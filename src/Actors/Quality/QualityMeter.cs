using System.Diagnostics.Metrics;
using System.Globalization;

namespace StreamMLOps.Actors;

/// <summary>Quality of a pipeline's answers with the meter <c>StreamMLOps</c>, whenever a node looks at a pipeline's status.</summary>
internal static class QualityMeter
{
    private static readonly Meter Meter = new("StreamMLOps");
    private static readonly Gauge<double> Metrics = Meter.CreateGauge<double>("streammlops.quality", "1", "A metric of answers since the node started: served, or progressive (the fold's own).");
    private static readonly Gauge<long> Rows = Meter.CreateGauge<long>("streammlops.quality.rows", "{row}", "Answers measured by a label, by version or by the label's age.");
    private static readonly Gauge<double> Errors = Meter.CreateGauge<double>("streammlops.quality.error", "1", "Share of wrong answers (of numbers: mean absolute error), by version or by the label's age.");

    public static void Record(string pipeline, string answers, AnswerReport report)
    {
        if (!Metrics.Enabled && !Rows.Enabled && !Errors.Enabled) return;
        var (p, a) = (new KeyValuePair<string, object?>("pipeline", pipeline), new KeyValuePair<string, object?>("answers", answers));
        foreach (var (name, value) in report.Metrics) Metrics.Record(value, p, a, new("metric", name));
        foreach (var (version, counts) in report.Versions) Record(counts, p, a, new("version", version));
        foreach (var (below, counts) in report.Ages) Record(counts, p, a, new("age", AgeName(below)));
    }

    /// <summary>A bound of ages for people: <c>below 60 s</c>.</summary>
    public static string AgeName(long below) => below == long.MaxValue ? "more" : string.Create(CultureInfo.InvariantCulture, $"below {below / 1000} s");

    private static void Record(AnswerCounts counts, KeyValuePair<string, object?> pipeline, KeyValuePair<string, object?> answers, KeyValuePair<string, object?> by)
    {
        Rows.Record(counts.Rows, pipeline, answers, by);
        if (counts.Rows > 0) Errors.Record(counts.Error, pipeline, answers, by);
    }
}
