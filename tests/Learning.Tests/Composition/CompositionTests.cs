using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Composition;

public class CompositionTests
{
    [Fact]
    public void Settings_of_a_pipeline_read_again_give_the_same_pipeline()
    {
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "pipeline")).With("steps", new ConfigNode.List(
            [new ConfigNode.Text("tf-idf"), ConfigNode.Map.Empty.With("hash", ConfigNode.Of(("bits", "10"), ("salt", "3")))])));
        Assert.Equal(spec.ToCanonicalString(), ModelSpec.Parse(spec.ToConfig()).ToCanonicalString());
        var faults = new List<ConfigFault>();
        ModelSpec.Read(ConfigNode.Of(("algorithm", "pipeline")).With("steps", new ConfigNode.List([new ConfigNode.Text("nonsense")])), "model", faults);
        Assert.Contains("standard-scaler", Assert.Single(faults).Message);
    }

    [Theory]
    [InlineData("pipeline")]
    [InlineData("pipeline.steps-hash")]
    [InlineData("pipeline.steps-one-hot")]
    [InlineData("pipeline.steps-interactions")]
    [InlineData("pipeline.interactions.squares-on")]
    [InlineData("pipeline.steps-tf-idf")]
    public void A_pipeline_explains_its_score_by_the_features_as_they_came(string name)
    {
        var model = Assert.IsAssignableFrom<IExplainable>(ModelVariants.Find(name).LearnerAfter(300).Model);
        using var rows = ProbeStream.Rows(LearningTask.Binary, 300, 360);
        var explanation = new Explanation();
        var score = new double[1];
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], score);
            model.Explain(rows[i], 0, explanation);
            Assert.Equal(score[0], DeterministicMath.Sigmoid(explanation.Total), 3);
            if (name == "pipeline") continue;   // a scaler answers for absent features too
            var features = rows[i].Indices.ToArray();
            Assert.All(explanation.Contributions.ToArray(), c => Assert.Contains(c.Feature, features));
        }
    }

    [Fact]
    public void One_against_the_rest_tells_three_classes_apart()
    {
        var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", "one-vs-rest"))));
        using var batch = new RowBatch();
        for (var i = 0; i < 600; i++)
        {
            batch.Clear();
            batch.BeginRow();
            batch.Add((uint)(i % 3), 1);
            Assert.Equal(RowFault.None, batch.TryEndRow(i % 3));
            var scores = learner.Learn(batch[0], 0, i % 3);
            if (i < 300) continue;
            Assert.Equal(i % 3, scores.ToArray().Index().MaxBy(s => s.Item).Index);
            Assert.Equal(1, scores.ToArray().Sum(), 12);
        }
    }

    [Fact]
    public void A_key_has_a_model_of_its_own_and_the_one_learned_longest_ago_gives_way()
    {
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "per-key"), ("key", "5"), ("most", "2"), ("warm-up", "3")));
        var model = spec.Create();
        double[] score = [0];
        // Keys 1 and 2 want opposite labels of the same feature.
        for (var i = 0; i < 200; i++)
        {
            var key = 1.0 + i % 2;
            model.Learn(new Row([1, 5], [1, key]), i % 2);
        }
        model.Predict(new Row([1, 5], [1, 1]), score);
        Assert.InRange(score[0], 0, 0.25);
        model.Predict(new Row([1, 5], [1, 2]), score);
        Assert.InRange(score[0], 0.75, 1);

        // Key 2 was learned last: a third key takes the place of key 1, whose rows are answered by the shared model again.
        model.Learn(new Row([5], [3]), 1);
        model.Predict(new Row([1, 5], [1, 1]), score);
        Assert.InRange(score[0], 0.3, 1);
        model.Predict(new Row([1, 5], [1, 2]), score);
        Assert.InRange(score[0], 0.75, 1);
    }

    [Fact]
    public void After_an_abrupt_change_a_new_model_is_right_sooner_than_one_that_goes_on()
    {
        // Naive Bayes does not forget: ten thousand rows of the old concept outweigh the new one.
        var model = ConfigNode.Of(("algorithm", "bernoulli-naive-bayes"));
        var (alone, replaced) = (ModelSpec.Parse(model), ModelSpec.Parse(ConfigNode.Of(("algorithm", "drift-retraining")).With("model", model)));
        Assert.True(ErrorsAfterChange(replaced) * 2 < ErrorsAfterChange(alone), $"{ErrorsAfterChange(replaced)} and {ErrorsAfterChange(alone)} errors");

        static int ErrorsAfterChange(ModelSpec spec)
        {
            var learner = new ProgressiveLearner(spec);
            var errors = 0;
            for (var i = 0; i < 6_000; i++)
            {
                var label = i < 4_000 ? i % 2 : 1 - i % 2;
                var right = learner.Learn(new Row([(uint)(i % 2), 9], [1, 1]), 0, label)[0] > 0.5 == label > 0;
                if (i >= 4_000 && !right) errors++;
            }
            return errors;
        }
    }

    [Fact]
    public void Pseudo_labels_teach_and_are_taken_back_as_a_group()
    {
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "self-training"), ("confidence", "0.6")));
        var labelled = (ISelfTraining)spec.Create();
        var model = (ISelfTraining)spec.Create();
        foreach (var m in new[] { labelled, model })
            for (var i = 0; i < 200; i++) m.Learn(new Row([(uint)(i % 2)], [1]), i % 2);
        double[] before = [0], after = [0];
        var beside = new Row([7], [1]);
        model.Predict(beside, before);
        // Feature 7 comes with feature 1, and only without labels.
        for (var i = 0; i < 100; i++) model.Learn(new Row([1, 7], [1, 1]), double.NaN);
        model.Predict(beside, after);
        Assert.True(after[0] > before[0] + 0.01, $"{before[0]} became {after[0]}");
        Assert.Equal((1, 0, (0, 100)), (model.Group, model.GroupStart, model.PseudoLabels));

        model.Revoke();
        model.Predict(beside, after);
        Assert.Equal(before[0], after[0]);
        Assert.Equal((2, 300, (0, 0)), (model.Group, model.GroupStart, model.PseudoLabels));
    }

    [Fact]
    public void Pseudo_labels_that_harm_are_revoked_by_themselves()
    {
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "self-training"), ("confidence", "0.5"), ("weight", "1"), ("fading", "0.9"), ("margin", "0.05")));
        var model = (ISelfTraining)spec.Create();
        for (var i = 0; i < 40; i++) model.Learn(new Row([0], [1]), i % 2);
        for (var i = 0; i < 4_000; i++) model.Learn(new Row([0, 1], [1, 1]), double.NaN);
        var wrong = new double[1];
        model.Predict(new Row([1], [1]), wrong);
        // The true label of feature 1 is the other one.
        for (var i = 0; i < 400; i++) model.Learn(new Row([1], [1]), wrong[0] > 0.5 ? 0 : 1);
        Assert.True(model.Group > 1, $"group {model.Group}, pseudo-labels {model.PseudoLabels}");
    }
}
