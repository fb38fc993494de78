using StreamMLOps.Learning.Tests.Drift;
using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Metrics;

/// <summary>What every metric of <see cref="MetricRegistry"/> keeps, over each span.</summary>
public class MetricContractTests
{
    // The bins of the histograms make ties of scores that are nearly equal.
    private const double Binned = 0.01;

    public static TheoryData<string, LearningTask> Kinds => MetricRows.KindsAndTasks;

    public static TheoryData<string, LearningTask, string> Spans
    {
        get
        {
            var data = new TheoryData<string, LearningTask, string>();
            foreach (var kind in MetricRegistry.Kinds)
                foreach (var task in kind.Tasks)
                    foreach (var span in kind.Parameters.OfType<Parameter.Choice>().First(p => p.Name == "span").Options) data.Add(kind.Name, task, span.Name);
            return data;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void It_is_what_its_definition_says(string kind, LearningTask task)
    {
        var rows = MetricRows.Of(task, 0, 400);
        var metric = MetricRows.IsOfWindow(kind) ? MetricRegistry.Create(kind, task) : MetricRegistry.Create(kind, task, ("span", "all"));
        Update(metric, rows);
        Assert.Equal(MetricRows.Definition(kind, task, rows), metric.Value, kind is "roc-auc" or "pr-auc" ? Binned : 1e-12);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_window_is_exactly_its_newest_rows(string kind, LearningTask task)
    {
        var window = Of(kind, task, "window", "rows", "100");
        Update(window, MetricRows.Of(task, 0, 400));
        var rows = MetricRows.Of(task, 300, 400);
        Assert.Equal(MetricRows.Definition(kind, task, rows), window.Value, kind is "roc-auc" or "pr-auc" ? Binned : 1e-12);
        var again = Of(kind, task, "window", "rows", "100");
        Update(again, rows);
        Assert.Equal(again.Value, window.Value);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Fading_rows_weigh_half_after_a_half_life(string kind, LearningTask task)
    {
        if (MetricRows.IsOfWindow(kind)) return;
        var fading = Of(kind, task, "fading", "half-life", "3");
        var weighted = MetricRegistry.Create(kind, task);
        var rows = MetricRows.Of(task, 0, 500);
        for (var i = 0; i < rows.Length; i++)
        {
            fading.Update(rows[i].Label, rows[i].Scores);
            weighted.Update(rows[i].Label, rows[i].Scores, Math.Pow(2, (i - rows.Length) / 3.0));
        }
        Assert.Equal(weighted.Value, fading.Value, 1e-9);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Parts_merge_to_the_whole_where_order_does_not_matter(string kind, LearningTask task)
    {
        if (MetricRows.IsOfWindow(kind)) return;
        var (whole, first, second) = (MetricRegistry.Create(kind, task), MetricRegistry.Create(kind, task), MetricRegistry.Create(kind, task));
        Update(whole, MetricRows.Of(task, 0, 400));
        Update(first, MetricRows.Of(task, 0, 150));
        Update(second, MetricRows.Of(task, 150, 400));
        if (!first.CanMerge)
        {
            Assert.Throws<NotSupportedException>(() => first.Merge(second));
            Assert.Equal("temporal-kappa", kind);
            return;
        }
        first.Merge(second);
        Assert.Equal(whole.Value, first.Value, 1e-12);
        Assert.Equal(whole.Details.Select(d => d.Name), first.Details.Select(d => d.Name));
        Assert.Throws<NotSupportedException>(() => first.Merge(Of(kind, task, "window", "rows", "10")));
    }

    [Theory, MemberData(nameof(Spans))]
    public void Saved_at_any_point_it_goes_on_as_if_it_had_not_been(string kind, LearningTask task, string span)
    {
        var whole = Of(kind, task, span);
        var other = Of(kind, task, span);
        var rows = MetricRows.Of(task, 0, 300);
        for (var i = 0; i < rows.Length; i++)
        {
            whole.Update(rows[i].Label, rows[i].Scores);
            other.Update(rows[i].Label, rows[i].Scores);
            if (i % 59 != 0) continue;
            var bytes = ProbeStream.Bytes(other.Save);
            other = Of(kind, task, span);
            var reader = new StateReader(bytes);
            other.Load(reader);
            Assert.Equal(0, reader.Remaining);
        }
        Assert.Equal(whole.Value, other.Value);
        Assert.Equal(ProbeStream.Bytes(whole.Save), ProbeStream.Bytes(other.Save));
    }

    [Theory, MemberData(nameof(Spans))]
    public void Bytes_cut_short_or_of_a_newer_format_are_a_clear_error(string kind, LearningTask task, string span)
    {
        var metric = Of(kind, task, span);
        Update(metric, MetricRows.Of(task, 0, 100));
        var bytes = ProbeStream.Bytes(metric.Save);
        for (var length = 0; length < bytes.Length; length += 1 + bytes.Length / 50)
            Assert.Throws<StateFormatException>(() => Of(kind, task, span).Load(new StateReader(bytes.AsMemory(0, length))));
        bytes[4 + BitConverter.ToInt32(bytes)] = 99;
        Assert.Contains("newer", Assert.Throws<StateFormatException>(() => Of(kind, task, span).Load(new StateReader(bytes))).Message);
    }

    [Theory, MemberData(nameof(Spans))]
    public void The_golden_state_loads_and_is_what_the_same_rows_make_today(string kind, LearningTask task, string span)
    {
        var metric = Of(kind, task, span);
        Update(metric, MetricRows.Of(task, 0, 40));
        var today = ProbeStream.Bytes(metric.Save);
        var kept = GoldenMetrics.Read($"{kind} {task} {span} 1", today);
        var loaded = Of(kind, task, span);
        loaded.Load(new StateReader(kept));
        Assert.Equal(kept, ProbeStream.Bytes(loaded.Save));
        Assert.Equal(kept, today);
        Assert.Equal(metric.Value, loaded.Value);
    }

    [Theory, MemberData(nameof(Spans))]
    public void What_is_no_number_is_refused_and_what_has_no_label_is_not_counted(string kind, LearningTask task, string span)
    {
        var metric = Of(kind, task, span);
        Update(metric, MetricRows.Of(task, 0, 100));
        var before = ProbeStream.Bytes(metric.Save);
        foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => metric.Update(1, [bad]));
            Assert.Throws<ArgumentOutOfRangeException>(() => metric.Update(1, [0.5], bad));
            if (!double.IsNaN(bad)) Assert.Throws<ArgumentOutOfRangeException>(() => metric.Update(bad, [0.5]));
        }
        metric.Update(double.NaN, [0.5]);
        metric.Update(1, [0.5], 0);
        Assert.Equal(before, ProbeStream.Bytes(metric.Save));
    }

    [Theory, MemberData(nameof(Spans))]
    public void Before_the_first_row_it_is_not_a_number_and_extreme_rows_never_make_it_infinite(string kind, LearningTask task, string span)
    {
        var metric = Of(kind, task, span);
        Assert.True(double.IsNaN(metric.Value));
        for (var i = 0; i < 200; i++)
        {
            var label = task == LearningTask.Regression ? (i % 3 - 1) * double.MaxValue : i % 2;
            double score = task == LearningTask.Regression ? (i % 5 - 2) * (double.MaxValue / 2) : i % 3 == 0 ? 0 : 1;
            metric.Update(label, task == LearningTask.MultiClass ? [score, 1 - score] : [score], i % 7 == 0 ? 1e100 : 1e-100);
        }
        Assert.True(double.IsFinite(metric.Value), $"{metric.Value}");
    }

    [Theory, MemberData(nameof(Spans))]
    public void Nothing_is_allocated_for_a_row(string kind, LearningTask task, string span)
    {
        var metric = Of(kind, task, span);
        var rows = MetricRows.Of(task, 0, 500);
        Update(metric, rows);
        var allocated = Enumerable.Range(0, 10).Select(_ =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 100; i++) metric.Update(rows[i].Label, rows[i].Scores);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }).Min();
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void Averages_over_classes_follow_their_definitions()
    {
        // Labels 0 0 0 1 1 2, answers 0 0 1 1 2 2.
        (int Label, int Answer)[] rows = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 2)];
        double Precision(string average) => Averaged("precision", average);
        double Recall(string average) => Averaged("recall", average);
        Assert.Equal((1 + 0.5 + 0.5) / 3, Precision("macro"), 14);
        Assert.Equal((3 * 1 + 2 * 0.5 + 0.5) / 6, Precision("weighted"), 14);
        Assert.Equal(4.0 / 6, Precision("micro"), 14);
        Assert.Equal(4.0 / 6, Recall("micro"), 14);
        Assert.Equal(4.0 / 6, Recall("weighted"), 14);
        Assert.Equal(0.5, Precision("binary"), 14);
        // F2 of class 1: precision 1/2, recall 1/2; of class 0: precision 1, recall 2/3.
        Assert.Equal((5 * 1 * (2.0 / 3) / (4 + 2.0 / 3) + 0.5 + 5 * 0.5 / (4 * 0.5 + 1)) / 3, Averaged("f-beta", "macro", ("beta", "2")), 14);
        Assert.Equal([("label 0 answer 0", 2.0), ("label 0 answer 1", 1.0), ("label 1 answer 1", 1.0), ("label 1 answer 2", 1.0), ("label 2 answer 2", 1.0)], Fill(MetricRegistry.Create("confusion-matrix", LearningTask.MultiClass)).Details);

        double Averaged(string kind, string average, params (string, string)[] more) => Fill(MetricRegistry.Create(kind, LearningTask.MultiClass, [("average", average), .. more])).Value;

        Metric Fill(Metric metric)
        {
            foreach (var (label, answer) in rows) metric.Update(label, [answer == 0 ? 1 : 0, answer == 1 ? 1 : 0, answer == 2 ? 1 : 0]);
            return metric;
        }
    }

    [Fact]
    public void A_metric_that_does_not_fit_the_task_is_refused_with_those_that_do()
    {
        var faults = new List<ConfigFault>();
        Assert.Null(MetricRegistry.Create(new ConfigNode.Text("mae"), LearningTask.Binary, "metrics[0]", faults));
        Assert.Contains("accuracy", Assert.Single(faults).Message);
    }

    private static Metric Of(string kind, LearningTask task, string span, string setting = "", string value = "")
    {
        var settings = setting == "" ? ConfigNode.Map.Empty.With("span", span) : ConfigNode.Map.Empty.With("span", ConfigNode.Map.Empty.With(span, ConfigNode.Of((setting, value))));
        var faults = new List<ConfigFault>();
        var metric = MetricRegistry.Create(ConfigNode.Map.Empty.With(kind, settings), task, "metric", faults);
        Assert.Empty(faults);
        return metric!;
    }

    private static void Update(Metric metric, (double Label, double[] Scores)[] rows)
    {
        foreach (var (label, scores) in rows) metric.Update(label, scores);
    }
}
