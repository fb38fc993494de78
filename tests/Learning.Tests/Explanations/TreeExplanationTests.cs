using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Explanations;

public class TreeExplanationTests
{
    [Theory]
    [InlineData("hoeffding-tree")]
    [InlineData("hoeffding-tree.leaf-majority")]
    [InlineData("hoeffding-adaptive-tree")]
    [InlineData("extremely-fast-decision-tree")]
    [InlineData("adaptive-random-forest")]
    [InlineData("streaming-random-patches")]
    [InlineData("leveraging-bagging")]
    [InlineData("hoeffding-tree-multi-class")]
    public void Contributions_add_up_to_the_prediction_less_the_value_of_the_root(string name)
    {
        var variant = ModelVariants.Find(name);
        var model = (IExplainable)variant.LearnerAfter(3_000).Model;
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 3_000, 3_100);
        var explanation = new Explanation();
        var scores = new double[model.Outputs];
        var baselines = new List<double>();
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], scores);
            for (var output = 0; output < scores.Length; output++)
            {
                model.Explain(rows[i], output, explanation);
                Assert.Equal(ContributionUnit.Score, explanation.Unit);
                Assert.Equal(scores[output], explanation.Total, 1e-9);
                // Of a long row every tree sees something; the baseline takes up what no feature explains.
                if (output == 0 && rows[i].Count > 12) baselines.Add(explanation.Baseline);
            }
        }
        Assert.InRange(baselines.Max() - baselines.Min(), 0, 1e-9);
    }

    [Theory]
    [InlineData("hoeffding-tree")]
    [InlineData("adaptive-random-forest")]
    public void What_decides_contributes_most(string kind)
    {
        var model = (IExplainable)ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("leaf-features", "100"))).Create();
        for (var i = 0; i < 6_000; i++)
        {
            var positive = i * 7919 % 104_729 % 2 == 1;
            model.Learn(positive ? new Row([(uint)(i % 20), 50], [1, 1]) : new Row([(uint)(i % 20)], [1]), positive ? 1 : 0);
        }
        var explanation = new Explanation();
        model.Explain(new Row([3, 50], [1, 1]), 0, explanation);
        Assert.Equal(50u, explanation.Top(1)[0].Feature);
        Assert.True(explanation.Top(1)[0].Value > 0.2);
    }

    [Fact]
    public void One_vs_rest_explains_a_class_by_the_model_of_that_class()
    {
        var variant = ModelVariants.Find("one-vs-rest");
        var model = (IExplainable)variant.LearnerAfter(500).Model;
        using var rows = ProbeStream.Rows(LearningTask.MultiClass, 500, 550);
        var explanation = new Explanation();
        var scores = new double[model.Outputs];
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], scores);
            var own = new double[scores.Length];
            for (var c = 0; c < own.Length; c++)
            {
                model.Explain(rows[i], c, explanation);
                own[c] = DeterministicMath.Sigmoid(explanation.Total);
            }
            for (var c = 0; c < own.Length; c++) Assert.Equal(scores[c], own[c] / own.Sum(), 4);
        }
    }

    [Fact]
    public void A_model_per_key_explains_itself_by_the_model_that_answers()
    {
        var model = (IExplainable)ModelSpec.Parse(ConfigNode.Of(("algorithm", "per-key"), ("key", "0"))).Create();
        for (var i = 0; i < 2_000; i++)
        {
            // Feature 5 means the opposite for the two keys.
            var (key, there) = (1 + i % 2, i % 4 < 2);
            model.Learn(there ? new Row([0, 5], [key, 1]) : new Row([0, 6], [key, 1]), there == (key == 1) ? 1 : 0);
        }
        var explanation = new Explanation();
        model.Explain(new Row([0, 5], [1, 1]), 0, explanation);
        Assert.True(explanation.Contributions.ToArray().Single(c => c.Feature == 5).Value > 0);
        model.Explain(new Row([0, 5], [2, 1]), 0, explanation);
        Assert.True(explanation.Contributions.ToArray().Single(c => c.Feature == 5).Value < 0);
    }
}
