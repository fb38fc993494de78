namespace StreamMLOps.Learning.Tests.Evaluation;

public class BinaryMetricsTests
{
    [Fact]
    public void Counts_and_ratios_follow_their_definitions_and_a_tie_answers_negative()
    {
        var metrics = Of((1, 0.9), (1, 0.5), (0, 0.6), (-1, 0.1), (1, 0.7), (double.NaN, 0.9));
        Assert.Equal((2, 1, 1, 1), (metrics.TruePositives, metrics.FalsePositives, metrics.TrueNegatives, metrics.FalseNegatives));
        Assert.Equal(5, metrics.Count);
        Assert.Equal(0.6, metrics.Accuracy, 15);
        Assert.Equal(0.4, metrics.Error, 15);
        Assert.Equal(2.0 / 3, metrics.Precision, 15);
        Assert.Equal(2.0 / 3, metrics.Recall, 15);
        Assert.Equal(2.0 / 3, metrics.F1, 15);
        Assert.Equal(-(Math.Log(0.9) + Math.Log(0.5) + Math.Log(0.4) + Math.Log(0.9) + Math.Log(0.7)) / 5, metrics.LogLoss, 14);
    }

    [Fact]
    public void A_certain_mistake_costs_the_clamp_and_no_more()
    {
        Assert.Equal(-Math.Log(1e-15), Of((1, 0)).LogLoss, 12);
        Assert.Equal(-Math.Log(1e-15), Of((0, 1)).LogLoss, 12);
    }

    [Fact]
    public void Before_the_first_row_there_is_no_area_and_nothing_divides_by_zero()
    {
        var metrics = new BinaryMetrics();
        Assert.True(double.IsNaN(metrics.RocAuc));
        Assert.All(metrics.Report().Where(r => r.Name != "roc-auc"), r => Assert.Equal(0, r.Value));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(6.0)]
    [InlineData(25.0)]
    public void The_area_under_the_curve_is_within_its_stated_bound_of_the_exact_one(double spread)
    {
        var random = new Random(17);
        var rows = Enumerable.Range(0, 4000).Select(_ =>
        {
            var positive = random.Next(3) == 0;
            var margin = spread * (random.NextDouble() - 0.5 + (positive ? 0.2 : -0.2));
            return (positive ? 1.0 : 0.0, 1 / (1 + Math.Exp(-margin)));
        }).ToArray();
        var roc = new RocHistogram();
        foreach (var (label, score) in rows) roc.Add(score, label > 0);

        var exact = Exact(rows);
        Assert.True(Math.Abs(exact - roc.Auc) <= roc.ErrorBound, $"exact {exact}, binned {roc.Auc}, bound {roc.ErrorBound}");
        Assert.InRange(roc.ErrorBound, 0, 0.02);
    }

    [Fact]
    public void Scores_at_both_ends_and_all_alike_have_the_area_they_should()
    {
        Assert.Equal(1, Of((0, 0), (1, 1)).RocAuc);
        Assert.Equal(0, Of((1, 0), (0, 1)).RocAuc);
        Assert.Equal(0.5, Of((1, 0.3), (0, 0.3)).RocAuc);
        Assert.Equal(1, Of((0, 1 - 1e-7), (1, 1 - 1e-8)).RocAuc);
        Assert.Equal(1, Of((0, 0.4999), (1, 0.5)).RocAuc);
    }

    [Fact]
    public void Saved_counts_go_on_as_if_never_stopped()
    {
        var metrics = Of((1, 0.9), (0, 0.2), (1, 0.1));
        var loaded = new BinaryMetrics();
        loaded.Update(1, [0.3]);
        loaded.Load(new StateReader(Models.ProbeStream.Bytes(metrics.Save)));
        Assert.Equal(metrics.Report(), loaded.Report());
        Assert.Equal(StateHash.Of(metrics.Save), StateHash.Of(loaded.Save));
    }

    private static BinaryMetrics Of(params (double Label, double Score)[] rows)
    {
        var metrics = new BinaryMetrics();
        foreach (var (label, score) in rows) metrics.Update(label, [score]);
        return metrics;
    }

    private static double Exact((double Label, double Score)[] rows)
    {
        var negatives = rows.Where(r => r.Label <= 0).Select(r => r.Score).ToArray();
        var positives = rows.Where(r => r.Label > 0).Select(r => r.Score).ToArray();
        var wins = positives.Sum(p => negatives.Sum(n => p > n ? 1.0 : p == n ? 0.5 : 0));
        return wins / negatives.Length / positives.Length;
    }
}
