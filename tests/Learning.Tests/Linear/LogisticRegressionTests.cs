using System.Diagnostics;
using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Linear;

public class LogisticRegressionTests
{
    [Fact]
    public void A_step_of_gradient_descent_is_the_gradient_of_the_log_loss_by_finite_differences()
    {
        const double rate = 0.05;
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 60);
        for (var i = 20; i < 60; i++)
        {
            // Weights from the rows before, read back by asking for one feature at a time; then one step on row i.
            var model = Sgd(rate);
            for (var j = 0; j < i; j++)
                if (!rows[j].Values.ContainsAnyExceptInRange(-10, 10)) model.Learn(rows[j], rows.Labels[j]);
            var row = rows[i];
            if (row.Values.ContainsAnyExceptInRange(-10, 10)) continue;
            var before = Weights(model, row);
            model.Learn(row, rows.Labels[i]);
            var after = Weights(model, row);
            for (var k = 0; k < row.Count; k++)
            {
                const double h = 1e-6;
                var (up, down) = ((double[])before.Clone(), (double[])before.Clone());
                up[k] += h;
                down[k] -= h;
                var slope = (Loss(up, row, rows.Labels[i]) - Loss(down, row, rows.Labels[i])) / (2 * h);
                Assert.Equal(slope, (before[k] - after[k]) / rate, 6);
            }
        }
    }

    [Fact]
    public void A_row_of_twice_the_weight_pulls_twice_as_far_and_one_of_no_weight_not_at_all()
    {
        var (once, twice, none) = (Sgd(0.1), Sgd(0.1), Sgd(0.1));
        using var rows = ProbeStream.Rows(LearningTask.Binary, 3, 4);
        once.Learn(rows[0], 1, 1);
        twice.Learn(rows[0], 1, 2);
        none.Learn(rows[0], 1, 0);
        Assert.All(Weights(once, rows[0]).Zip(Weights(twice, rows[0])), w => Assert.Equal(2 * w.First, w.Second, 12));
        Assert.All(Weights(none, rows[0]), w => Assert.Equal(0, w));
    }

    [Fact]
    public void An_l2_penalty_shrinks_the_weights_of_the_rows_features()
    {
        var (free, held) = (Spec(("l2", "0")).Create(), Spec(("l2", "0.1")).Create());
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 300);
        for (var i = 0; i < rows.Count; i++)
        {
            free.Learn(rows[i], rows.Labels[i]);
            held.Learn(rows[i], rows.Labels[i]);
        }
        Assert.True(Weights(held, rows[299]).Sum(Math.Abs) < Weights(free, rows[299]).Sum(Math.Abs));
    }

    [Fact]
    public void L1_keeps_weights_that_explain_little_at_exactly_zero()
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))
            .With("optimizer", ConfigNode.Map.Empty.With("ftrl", ConfigNode.Of(("l1", "2"), ("alpha", "0.5"))))).Create();
        using var batch = new RowBatch();
        for (var i = 0; i < 400; i++)
        {
            batch.BeginRow();
            batch.Add(i % 2 == 0 ? 1u : 2u, 1);
            batch.Add(100 + (uint)(i % 97), 1);
            batch.TryEndRow(i % 2 == 0 ? 1 : 0);
            model.Learn(batch[i], batch.Labels[i]);
        }
        uint[] features = [1, 2, .. Enumerable.Range(100, 97).Select(i => (uint)i)];
        var weights = Weights(model, new Row(features, features.Select(_ => 1.0).ToArray()));
        Assert.True(weights[0] > 1 && weights[1] < -1, $"{weights[0]} {weights[1]}");
        Assert.All(weights.Skip(2), w => Assert.Equal(0, w));
    }

    [Theory]
    [InlineData("single", 24)]
    [InlineData("double", 34)]
    public void A_feature_of_adagrad_costs_at_most(string precision, double bytes)
    {
        var model = Spec(("precision", precision)).Create();
        var (features, values) = (new uint[128], Enumerable.Repeat(1.0, 128).ToArray());
        var worst = 0.0;
        for (var i = 0u; i < 3_000_000; i += 128)
        {
            for (var k = 0u; k < 128; k++) features[k] = (i + k) * 5;
            model.Learn(new Row(features, values), i % 2);
            if (model.Features > 100_000) worst = Math.Max(worst, (double)((ILinearModel)model).Bytes / model.Features);
        }
        Assert.InRange(worst, 12, bytes);
        Assert.True(model.Features >= 3_000_000);
    }

    [Fact]
    public void A_state_of_700_000_features_loads_within_a_blink()
    {
        var model = Spec().Create();
        var (features, values) = (new uint[1000], Enumerable.Repeat(1.0, 1000).ToArray());
        for (var i = 0u; i < 700_000; i += 1000)
        {
            for (var k = 0u; k < 1000; k++) features[k] = (i + k) * 3;
            model.Learn(new Row(features, values), i % 2);
        }
        var bytes = ProbeStream.Bytes(model.Save);
        var loaded = Spec().Create();
        loaded.Load(new StateReader(bytes));
        var clock = Stopwatch.StartNew();
        loaded.Load(new StateReader(bytes));
        Assert.True(clock.ElapsedMilliseconds < 1000, $"{clock.ElapsedMilliseconds} ms");   // 50 to 90 ms on a busy machine
        Assert.Equal(StateHash.Of(model), StateHash.Of(loaded));
    }

    [Fact]
    public void A_state_of_another_optimizer_or_precision_is_refused_by_name()
    {
        var bytes = ProbeStream.Bytes(Sgd(0.1).Save);
        var error = Assert.Throws<StateFormatException>(() => Spec().Create().Load(new StateReader(bytes)));
        Assert.Contains("sgd", error.Message);
        bytes = ProbeStream.Bytes(Spec(("precision", "double")).Create().Save);
        error = Assert.Throws<StateFormatException>(() => Spec().Create().Load(new StateReader(bytes)));
        Assert.Contains("8-byte", error.Message);
    }

    [Fact]
    public void All_faults_of_the_settings_are_told_at_once_with_their_paths()
    {
        var faults = new List<ConfigFault>();
        ModelSpec.Read(ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", "half"), ("l2", "-1"))
            .With("optimizer", ConfigNode.Map.Empty.With("adagrad", ConfigNode.Of(("rate", "0"), ("epsilon", "x"), ("rat", "1")))), "model", faults);
        Assert.Equal(["model.l2", "model.optimizer.adagrad.epsilon", "model.optimizer.adagrad.rat", "model.optimizer.adagrad.rate", "model.precision"],
            faults.Select(f => f.Path).Order(StringComparer.Ordinal));
    }

    private static ModelSpec Spec(params (string, string)[] settings) => ModelSpec.Parse(ConfigNode.Of([("algorithm", "logistic-regression"), .. settings]));

    private static IModel Sgd(double rate) => ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", "double"), ("intercept", "none"))
        .With("optimizer", ConfigNode.Map.Empty.With("sgd", ConfigNode.Of(("rate", rate.ToString("R", System.Globalization.CultureInfo.InvariantCulture)))))).Create();

    // The log-odds of a row with the one feature at 1 is its weight (there is no intercept, or it is taken off).
    private static double[] Weights(IModel model, in Row row)
    {
        var weights = new double[row.Count];
        var score = new double[1];
        model.Predict(new Row([], []), score);
        var intercept = Math.Log(score[0] / (1 - score[0]));
        for (var k = 0; k < weights.Length; k++)
        {
            model.Predict(new Row([row.Indices[k]], [1.0]), score);
            weights[k] = Math.Log(score[0] / (1 - score[0])) - intercept;
        }
        return weights;
    }

    private static double Loss(double[] weights, in Row row, double label)
    {
        var margin = 0.0;
        for (var k = 0; k < weights.Length; k++) margin += weights[k] * row.Values[k];
        return Math.Log(1 + Math.Exp(label > 0 ? -margin : margin));
    }
}
