using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Evaluation;

public class ModelComparisonTests
{
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(3, 4, 1)]
    // Two-sided binomial tails of a fair coin: 2 (C(10,0) + C(10,1)) / 2^10, 2 / 2^6.
    [InlineData(1, 9, 22.0 / 1024)]
    [InlineData(6, 0, 2.0 / 64)]
    public void Few_rows_are_tested_exactly(long first, long second, double p)
    {
        Assert.Equal(p, PairedTest.Of(first, second).PValue, 12);
        Assert.Equal(p, PairedTest.Of(second, first).PValue, 12);
    }

    [Fact]
    public void Many_rows_are_tested_by_the_normal_distribution_without_a_jump()
    {
        var (exact, normal) = (PairedTest.Of(460, 540).PValue, PairedTest.Of(461, 541).PValue);
        Assert.InRange(normal / exact, 0.97, 1.03);
        Assert.True(PairedTest.Of(40_000, 60_000).PValue < 1e-12);
    }

    [Fact]
    public void One_pass_gives_each_model_what_it_gives_alone()
    {
        ModelSpec[] specs = [.. new[] { "logistic-regression", "arow", "perceptron" }.Select(a => ModelSpec.Parse(ConfigNode.Of(("algorithm", a))))];
        var comparison = new ModelComparison(specs, "accuracy", "log-loss");
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 2_000);
        var alone = specs.Select(s => new ProgressiveLearner(s)).ToArray();
        long onlyFirst = 0, onlySecond = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            comparison.Learn(rows[i], rows.Labels[i]);
            var label = rows.Labels[i] > 0;
            var right = alone.Select(l => l.Learn(rows[i], 0, rows.Labels[i])[0] > 0.5 == label).ToArray();
            if (right[0] && !right[1]) onlyFirst++;
            if (right[1] && !right[0]) onlySecond++;
        }
        for (var m = 0; m < specs.Length; m++)
        {
            Assert.Equal(((BinaryMetrics)alone[m].Metrics).Accuracy, comparison.MetricsOf(m)[0].Value, 14);
            Assert.Equal(((BinaryMetrics)alone[m].Metrics).LogLoss, comparison.MetricsOf(m)[1].Value, 12);
        }
        Assert.Equal((onlyFirst, onlySecond), (comparison.McNemar(0, 1).FirstBetter, comparison.McNemar(0, 1).SecondBetter));
        Assert.Equal(1, comparison.McNemar(2, 2).PValue);
        Assert.Equal(comparison.Sign(0, 1).PValue, comparison.Sign(1, 0).PValue);
    }

    [Fact]
    public void Numbers_are_compared_by_the_sign_test_alone()
    {
        var good = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-regression")));
        var none = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-regression")).With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", "1e-9")))));
        var comparison = new ModelComparison([good, none], "mae");
        var random = new Random(3);
        for (var i = 0; i < 500; i++)
        {
            var x = random.NextDouble() + 0.5;
            comparison.Learn(new Row([1], [x]), 3 * x);
        }
        Assert.True(comparison.Sign(0, 1) is { FirstBetter: > 400, PValue: < 1e-6 });
        Assert.Throws<InvalidOperationException>(() => comparison.McNemar(0, 1));
        Assert.Throws<ArgumentException>(() => new ModelComparison([good, ModelSpec.Parse(ConfigNode.Of(("algorithm", "arow")))]));
    }
}
