using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Explanations;

public class ExplanationTests
{
    private const int Rows = 200;

    public static TheoryData<string> Explainable => [.. ModelVariants.All.Where(v => v.Create() is IExplainable).Select(v => v.Name)];

    [Theory, MemberData(nameof(Explainable))]
    public void Explaining_changes_nothing_and_gives_finite_contributions(string name)
    {
        var learner = ModelVariants.Find(name).LearnerAfter(Rows);
        var model = (IExplainable)learner.Model;
        var before = StateHash.Of(model);
        using var rows = ProbeStream.Rows(model.Spec.Kind.Task, Rows, Rows + 50);
        var explanation = new Explanation();
        for (var i = 0; i < rows.Count; i++)
        {
            for (var output = 0; output < model.Outputs; output++)
            {
                model.Explain(rows[i], output, explanation);
                Assert.True(double.IsFinite(explanation.Total));
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Explain(default, model.Outputs, explanation));
        Assert.Equal(before, StateHash.Of(model));
    }

    [Theory]
    [InlineData("logistic-regression.optimizer-adagrad.double")]
    [InlineData("logistic-regression.optimizer-ftrl.double")]
    [InlineData("linear-classifier.optimizer-coin.double")]
    [InlineData("linear-classifier.optimizer-normalized.double")]
    [InlineData("linear-classifier.optimizer-adam.double")]
    [InlineData("arow.precision-double")]
    [InlineData("soft-confidence-weighted.precision-double")]
    public void Contributions_add_up_to_the_margin_whose_sigmoid_is_the_score(string name)
    {
        var variant = ModelVariants.All.FirstOrDefault(v => v.Name == name) ?? ModelVariants.Find(name[..name.IndexOf('.')]);
        var model = (IExplainable)variant.LearnerAfter(Rows).Model;
        using var rows = ProbeStream.Rows(LearningTask.Binary, Rows, Rows + 100);
        var explanation = new Explanation();
        var score = new double[1];
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], score);
            model.Explain(rows[i], 0, explanation);
            Assert.Equal(ContributionUnit.Margin, explanation.Unit);
            Assert.Equal(rows[i].Count, explanation.Contributions.Length);
            Assert.Equal(score[0], DeterministicMath.Sigmoid(explanation.Total), variant.Spec.ToCanonicalString().Contains("double") ? 9 : 4);
        }
    }

    [Theory]
    [InlineData("class-weighted")]
    [InlineData("drift-retraining")]
    public void Models_around_a_model_explain_by_the_one_that_answers(string name)
    {
        var model = Assert.IsAssignableFrom<IExplainable>(ModelVariants.Find(name).LearnerAfter(Rows).Model);
        using var rows = ProbeStream.Rows(LearningTask.Binary, Rows, Rows + 100);
        var explanation = new Explanation();
        var score = new double[1];
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], score);
            model.Explain(rows[i], 0, explanation);
            Assert.Equal(score[0], DeterministicMath.Sigmoid(explanation.Total), 4);
        }
        // What cannot explain itself is not made to look as if it could.
        Assert.IsNotAssignableFrom<IExplainable>(ModelSpec.Parse(ConfigNode.Of(("algorithm", name)).With("model", "nearest-neighbours")).Create());
    }

    [Fact]
    public void The_margins_of_many_classes_give_their_probabilities()
    {
        var model = (IExplainable)ModelVariants.Find("softmax-regression").LearnerAfter(Rows).Model;
        using var rows = ProbeStream.Rows(LearningTask.MultiClass, Rows, Rows + 50);
        var explanation = new Explanation();
        var scores = new double[model.Outputs];
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], scores);
            var margins = new double[model.Outputs];
            for (var c = 0; c < margins.Length; c++)
            {
                model.Explain(rows[i], c, explanation);
                margins[c] = explanation.Total;
            }
            var whole = margins.Sum(m => DeterministicMath.Exp(m - margins.Max()));
            for (var c = 0; c < margins.Length; c++) Assert.Equal(scores[c], DeterministicMath.Exp(margins[c] - margins.Max()) / whole, 9);
        }
    }

    [Fact]
    public void The_heaviest_features_are_those_that_decide()
    {
        var model = (ILinearModel)ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))).Create();
        using var batch = new RowBatch();
        for (var i = 0; i < 400; i++)
        {
            batch.BeginRow();
            batch.Add((uint)(i % 50 + 100), 1);
            batch.Add(i % 2 == 0 ? 7u : 9u, 1);
            Assert.Equal(RowFault.None, batch.TryEndRow(i % 2));
            model.Learn(batch[i], i % 2);
        }
        var top = TopWeights.Of(model, 2);
        Assert.Equal([7u, 9u], top.Select(w => w.Feature).Order());
        Assert.True(top.Single(w => w.Feature == 9).Value > 0);
        Assert.True(top.Single(w => w.Feature == 7).Value < 0);
        Assert.Empty(TopWeights.Of(model, 0));
    }

    [Fact]
    public void Contributions_of_one_feature_merge_in_the_order_in_which_they_came()
    {
        var explanation = new Explanation();
        explanation.Reset(ContributionUnit.Score);
        explanation.Baseline = 1;
        explanation.Add(5, 0.5);
        explanation.Add(2, -3);
        explanation.Add(5, 0.25);
        explanation.Merge();
        Assert.Equal([new Contribution(2, -3), new Contribution(5, 0.75)], explanation.Contributions.ToArray());
        Assert.Equal([new Contribution(2, -3)], explanation.Top(1));
        Assert.Equal(-1.25, explanation.Total);
    }
}
