namespace StreamMLOps.Learning.Tests.Factorization;

public class FactorizationMachineTests
{
    [Fact]
    public void Pairs_that_no_line_separates_are_learned()
    {
        Assert.InRange(AccuracyOnPairs("logistic-regression"), 0, 0.65);
        Assert.InRange(AccuracyOnPairs("factorization-machine"), 0.95, 1);
    }

    [Fact]
    public void A_small_step_lowers_the_loss_by_the_rate_times_the_squared_gradient()
    {
        const double rate = 1e-6;
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "factorization-machine"), ("factors", "2"), ("spread", "0.5"), ("seed", "4"))
            .With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", "1e-6"))))).Create();
        uint[] features = [3, 9, 20];
        double[] x = [0.7, -1.2, 2.0];
        // So light that it only makes the features known.
        model.Learn(new Row(features, x), 1, 1e-30);
        // At the state's end: for the intercept and each feature, a weight and two factors.
        var state = Models.ProbeStream.Bytes(model.Save);
        var v = Enumerable.Range(0, 3).Select(i => Enumerable.Range(0, 2).Select(f => BitConverter.ToDouble(state, state.Length - 8 * (3 * (3 - i) - 1 - f))).ToArray()).ToArray();
        var sums = Enumerable.Range(0, 2).Select(f => Enumerable.Range(0, 3).Sum(i => v[i][f] * x[i])).ToArray();
        var margin = 0.0;
        for (var i = 0; i < 3; i++)
            for (var j = i + 1; j < 3; j++) margin += (v[i][0] * v[j][0] + v[i][1] * v[j][1]) * x[i] * x[j];
        Assert.Equal(1 / (1 + Math.Exp(-margin)), Probability(), 12);

        var slope = Probability() - 1;
        var squares = 1 + x.Sum(value => value * value);
        for (var i = 0; i < 3; i++)
            for (var f = 0; f < 2; f++) squares += Math.Pow(x[i] * (sums[f] - v[i][f] * x[i]), 2);
        var before = -Math.Log(Probability());
        model.Learn(new Row(features, x), 1);
        var fall = before + Math.Log(Probability());
        Assert.Equal(1, fall / (rate * slope * slope * squares), 3);

        double Probability()
        {
            var score = new double[1];
            model.Predict(new Row(features, x), score);
            return score[0];
        }
    }

    private static double AccuracyOnPairs(string kind)
    {
        var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", "2"))));
        var random = new Random(9);
        using var batch = new RowBatch();
        var right = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var (a, b) = (random.Next(2), random.Next(2));
            batch.Clear();
            batch.BeginRow();
            batch.Add((uint)(1 + a), 1);
            batch.Add((uint)(3 + b), 1);
            batch.TryEndRow(a ^ b);
            var answer = learner.Learn(batch[0], 0, a ^ b)[0] > 0.5;
            if (i >= 10_000 && answer == ((a ^ b) == 1)) right++;
        }
        return right / 10_000.0;
    }
}
