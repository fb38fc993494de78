using System.Globalization;
using System.Text;
using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Trees;

public class RegressionTreeTests
{
    // Friedman, "Multivariate Adaptive Regression Splines", Annals of Statistics 1991: 10 features, of which 5 matter, and normal noise of deviation 1.
    private static double Friedman(ReadOnlySpan<double> x, double noise) =>
        10 * Math.Sin(Math.PI * x[0] * x[1]) + 20 * (x[2] - 0.5) * (x[2] - 0.5) + 10 * x[3] + 5 * x[4] + noise;

    [Theory]
    [InlineData("hoeffding-regression-tree", 2.0)]
    [InlineData("adaptive-random-forest-regression", 1.6)]
    [InlineData("linear-regression", 2.6)]
    public void A_known_function_with_noise_is_learned(string kind, double most)
    {
        var errors = Errors(kind, row => row, 30_000);
        Assert.InRange(errors[20_000..].Average(), 0.8, most);
    }

    [Fact]
    public void A_forest_recovers_from_a_change_better_than_a_single_tree()
    {
        var tree = Errors("hoeffding-regression-tree", row => row < 10_000 ? 0 : 1, 20_000, changes: true)[15_000..].Average();
        var forest = Errors("adaptive-random-forest-regression", row => row < 10_000 ? 0 : 1, 20_000, changes: true)[15_000..].Average();
        Assert.True(forest < 0.9 * tree, $"forest {forest}, tree {tree}");
    }

    [Fact]
    public void A_feature_first_seen_late_is_split_on()
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "hoeffding-regression-tree"), ("leaf", "mean"))).Create();
        var score = new double[1];
        var error = 0.0;
        for (var i = 0; i < 12_000; i++)
        {
            var high = (i * 7919 % 104_729 & 1) == 1;
            uint[] indices = i >= 6_000 && high ? [(uint)(i % 50), 1_000_000] : [(uint)(i % 50)];
            model.PredictThenLearn(new Row(indices, indices.Length == 2 ? [1, 1] : [1]), high ? 5 : -5, 1, score);
            if (i >= 10_000) error += Math.Abs(score[0] - (high ? 5 : -5)) / 2_000;
        }
        Assert.InRange(error, 0, 0.5);
    }

    // The published figures are of River's benchmark track: standardized features, defaults.
    [SharedDataTheory("river_datasets/trump_approval.csv.gz", "river_datasets/chick-weights.csv")]
    [InlineData("adaptive-random-forest-regression", "trump", 0.800)]
    [InlineData("adaptive-random-forest-regression", "chicks", 26.10)]
    [InlineData("standardized hoeffding-regression-tree", "trump", 0.956)]
    [InlineData("standardized hoeffding-regression-tree", "chicks", 23.162)]
    public void The_mean_absolute_error_is_at_most_the_published_one(string kind, string data, double published)
    {
        using var rows = data == "trump" ? Trump() : Chicks();
        var error = Enumerable.Range(1, 5).Average(seed =>
        {
            var learner = ConfigNode.Of(("algorithm", kind.Split(' ')[^1]), ("seed", seed.ToString(CultureInfo.InvariantCulture)));
            var scaled = ConfigNode.Of(("algorithm", "pipeline-regression")).With("steps", new ConfigNode.List([new ConfigNode.Text("standard-scaler")])).With("model", learner);
            var model = ModelSpec.Parse(kind.StartsWith("standardized", StringComparison.Ordinal) ? scaled : learner).Create();
            var score = new double[1];
            var sum = 0.0;
            for (var i = 0; i < rows.Count; i++)
            {
                model.PredictThenLearn(rows[i], rows.Labels[i], 1, score);
                sum += Math.Abs(rows.Labels[i] - score[0]);
            }
            return sum / rows.Count;
        });
        Assert.True(error <= published, $"{kind} on {data}: {error:f4}, published {published:f4}");
    }

    [Theory]
    [InlineData("hoeffding-regression-tree")]
    [InlineData("adaptive-random-forest-regression")]
    public void Contributions_and_baseline_add_up_to_the_prediction(string kind)
    {
        var model = (IExplainable)Learned(kind, 5_000);
        var random = new Random(3);
        var score = new double[1];
        var explanation = new Explanation();
        var baselines = new HashSet<double>();
        var largest = new Dictionary<uint, int>();
        for (var i = 0; i < 200; i++)
        {
            var x = Enumerable.Range(0, 10).Select(_ => random.NextDouble()).ToArray();
            var row = new Row([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], x);
            model.Predict(row, score);
            model.Explain(row, 0, explanation);
            Assert.Equal(score[0], explanation.Total, 1e-9 * Math.Max(1, Math.Abs(score[0])));
            baselines.Add(explanation.Baseline);
            largest[explanation.Top(1)[0].Feature] = largest.GetValueOrDefault(explanation.Top(1)[0].Feature) + 1;
        }
        // The baseline is the root's, whatever the row; features that do not matter are seldom said to matter most.
        Assert.InRange(baselines.Max() - baselines.Min(), 0, 1e-9);
        Assert.InRange(largest.Where(f => f.Key >= 5).Sum(f => f.Value), 0, 10);
    }

    private static IModel Learned(string kind, int rows)
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", "1"))).Create();
        Stream(rows, _ => 0, (in Row row, double label, int _) => model.Learn(row, label));
        return model;
    }

    private static double[] Errors(string kind, Func<int, int> concept, int rows, bool changes = false)
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", "1"))).Create();
        var score = new double[1];
        var errors = new double[rows];
        Stream(rows, changes ? concept : _ => 0, (in Row row, double label, int i) =>
        {
            model.PredictThenLearn(row, label, 1, score);
            errors[i] = Math.Abs(score[0] - label);
        });
        return errors;
    }

    private delegate void Take(in Row row, double label, int i);

    private static void Stream(int rows, Func<int, int> concept, Take take)
    {
        var random = new Random(5);
        uint[] indices = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        var x = new double[10];
        for (var i = 0; i < rows; i++)
        {
            for (var k = 0; k < x.Length; k++) x[k] = random.NextDouble();
            var noise = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            // The other concept has the same features in another order.
            var seen = concept(i) == 0 ? x : [x[4], x[3], x[0], x[1], x[2], .. x[5..]];
            take(new Row(indices, x), Friedman(seen, noise), i);
        }
    }

    private static RowBatch Trump() => Read(SharedData.Read("river_datasets/trump_approval.csv.gz"), c => [Number(c[0]), .. c[2..7].Select(Number)], c => Number(c[1]));

    private static RowBatch Chicks() => Read(SharedData.Read("river_datasets/chick-weights.csv"), c => [Number(c[1]), Number(c[2]), Number(c[3])], c => Number(c[0]));

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static RowBatch Read(byte[] csv, Func<string[], double[]> features, Func<string[], double> label)
    {
        var batch = new RowBatch();
        foreach (var line in Encoding.UTF8.GetString(csv).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1))
        {
            var cells = line.Split(',');
            var values = features(cells);
            batch.BeginRow();
            for (var k = 0; k < values.Length; k++) batch.Add((uint)k, values[k]);
            Assert.Equal(RowFault.None, batch.TryEndRow(label(cells)));
        }
        return batch;
    }
}
