namespace StreamMLOps.Learning.Tests.Weighting;

public class ClassWeightedTests
{
    [Fact]
    public void Fixed_weights_are_the_weights_of_the_rows()
    {
        var weighted = ModelSpec.Parse(ConfigNode.Of(("algorithm", "class-weighted")).With("weights", ConfigNode.Map.Empty.With("fixed", ConfigNode.Of(("positive", "3"), ("negative", "0.5"))))).Create();
        var plain = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))).Create();
        using var rows = Models.ProbeStream.Rows(LearningTask.Binary, 0, 200);
        for (var i = 0; i < rows.Count; i++)
        {
            weighted.Learn(rows[i], rows.Labels[i], 2);
            plain.Learn(rows[i], rows.Labels[i], rows.Labels[i] > 0 ? 6 : 1);
        }
        using var probe = Models.ProbeStream.Rows(LearningTask.Binary, 200, 250);
        var (a, b) = (new double[1], new double[1]);
        for (var i = 0; i < probe.Count; i++)
        {
            weighted.Predict(probe[i], a);
            plain.Predict(probe[i], b);
            Assert.Equal(b, a);
        }
    }

    [Theory]
    [InlineData("class-weighted")]
    [InlineData("class-weighted-multi-class")]
    public void Balanced_weights_find_a_class_that_is_rare(string kind)
    {
        Assert.True(Recall(kind) > Recall(kind == "class-weighted" ? "logistic-regression" : "softmax-regression") + 0.2);
    }

    // One row in fifty is of the rare class; one feature tells it in two of three.
    private static double Recall(string kind)
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind))).Create();
        var random = new Random(4);
        long rare = 0, found = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var label = random.Next(50) == 0 ? 1 : 0;
            var tells = label == 1 ? random.Next(3) > 0 : random.Next(20) == 0;
            var row = new Row(tells ? [1, 2] : [1], tells ? [1.0, 1.0] : [1.0]);
            var scores = new double[model.Outputs];
            model.PredictThenLearn(row, label, 1, scores);
            if (i < 5_000 || label == 0) continue;
            rare++;
            if (scores.Length > 1 ? scores[1] > scores[0] : scores.Length == 1 && scores[0] > 0.5) found++;
        }
        return (double)found / rare;
    }
}
