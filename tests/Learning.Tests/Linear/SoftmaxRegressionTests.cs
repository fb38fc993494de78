namespace StreamMLOps.Learning.Tests.Linear;

public class SoftmaxRegressionTests
{
    [Fact]
    public void A_small_step_lowers_the_loss_by_the_rate_times_the_squared_gradient()
    {
        const double rate = 1e-6;
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "softmax-regression")).With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", "1e-6"))))).Create();
        double[] x = [0.5, -2, 1.5];
        for (var c = 0; c < 3; c++) model.Learn(new Row([1, 4, 7], [c, 1 - c, 0.3]), c, 3e5);
        var scores = Scores();
        var squares = (1 + x.Sum(v => v * v)) * scores.Select((p, c) => Math.Pow(p - (c == 2 ? 1 : 0), 2)).Sum();
        Assert.Equal(1, scores.Sum(), 14);
        model.Learn(new Row([1, 4, 7], x), 2);
        Assert.Equal(1, (Math.Log(Scores()[2]) - Math.Log(scores[2])) / (rate * squares), 3);

        double[] Scores()
        {
            var scores = new double[model.Outputs];
            model.Predict(new Row([1, 4, 7], x), scores);
            return scores;
        }
    }

    [Fact]
    public void Of_two_classes_it_is_logistic_regression_with_twice_the_rate()
    {
        // Two opposite weights of equal size: their difference moves by both gradients.
        var softmax = ModelSpec.Parse(ConfigNode.Of(("algorithm", "softmax-regression"), ("intercept", "off")).With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", "0.05"))))).Create();
        var logistic = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("intercept", "none"), ("precision", "double")).With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", "0.1"))))).Create();
        using var rows = Models.ProbeStream.Rows(LearningTask.Regression, 0, 300);
        // A first row of class 1 with no features makes both classes known.
        softmax.Learn(new Row([], []), 1);
        for (var i = 0; i < rows.Count; i++)
        {
            if (rows[i].Values.ContainsAnyExceptInRange(-3, 3)) continue;
            var (two, one) = (new double[2], new double[1]);
            softmax.Predict(rows[i], two);
            logistic.Predict(rows[i], one);
            Assert.Equal(one[0], two[1], 9);
            softmax.Learn(rows[i], rows.Labels[i] > 0 ? 1 : 0);
            logistic.Learn(rows[i], rows.Labels[i] > 0 ? 1 : 0);
        }
    }
}
