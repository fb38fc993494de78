using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Trees;

public class EnsembleExpertsTests
{
    private const int Tokens = 40;

    // Tokens come in groups of which each says the same again: naive Bayes counts them all, and no tree has splits enough for so many groups.
    [Theory]
    [InlineData("adaptive-random-forest", 0)]
    [InlineData("adaptive-random-forest", 1)]
    [InlineData("streaming-random-patches", 0)]
    [InlineData("streaming-random-patches", 1)]
    public void On_sparse_rows_a_forest_errs_at_least_a_tenth_less_than_one_tree_and_less_than_its_votes_alone(string kind, int stream)
    {
        var (tree, now, votes) = (Error(stream, ("algorithm", "hoeffding-tree")), Error(stream, ("algorithm", kind)), Error(stream, ("algorithm", kind), ("revision", "3")));
        Assert.True(now < 0.9 * tree && now < 0.95 * votes, $"stream {stream}: one tree {tree}, {kind} {now}, its votes alone {votes}");
    }

    // What depends on two features together no model of single features can know; the trees do.
    [Theory]
    [InlineData("adaptive-random-forest")]
    [InlineData("streaming-random-patches")]
    public void Where_the_other_models_know_nothing_the_votes_alone_are_the_answer(string kind)
    {
        double Wrong(string revision)
        {
            var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", "1"), ("share", "1"), ("revision", revision))).Create();
            var random = new Random(11);
            var score = new double[1];
            var wrong = 0;
            for (var i = 0; i < 6_000; i++)
            {
                double[] values = [random.NextDouble(), random.NextDouble()];
                var label = values[0] > 0.5 != values[1] > 0.4 ? 1 : 0;
                model.PredictThenLearn(new Row([0, 1], values), label, 1, score);
                if (score[0] > 0.5 != label > 0) wrong++;
            }
            return wrong;
        }
        var (now, votes) = (Wrong("4"), Wrong("3"));
        Assert.True(votes < 1_500 && now <= 1.02 * votes, $"{now} rows wrong, by votes alone {votes}");
    }

    [Theory]
    [InlineData("adaptive-random-forest")]
    [InlineData("streaming-random-patches")]
    public void The_linear_model_forgets_what_naive_Bayes_forgets(string kind)
    {
        long Size(int rows)
        {
            var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("trees", "1"), ("features", "500"), ("leaf-features", "50"), ("max-leaves", "1"))).Create();
            for (var i = 0; i < rows; i++) model.Learn(new Row([(uint)(3 * i), (uint)(3 * i + 1)], [1, 1]), i % 2);
            // It goes on from its bytes as from itself.
            var again = model.Spec.Create();
            again.Load(new StateReader(ProbeStream.Bytes(model.Save)));
            Assert.Equal(StateHash.Of(model), StateHash.Of(again));
            return ProbeStream.Bytes(model.Save).Length;
        }
        Assert.InRange(Size(20_000), 1, 1.3 * Size(1_000));
    }

    private static double Error(int stream, params ReadOnlySpan<(string, string)> spec)
    {
        const int rows = 8_000, groups = 300, each = 3;
        var model = ModelSpec.Parse(ConfigNode.Of([.. spec, ("seed", "1")])).Create();
        var random = new Random(100 + stream);
        double[] says = [.. Enumerable.Range(0, groups).Select(_ => 2 * random.NextDouble() - 1)];
        var score = new double[1];
        double[] ones = [.. Enumerable.Repeat(1.0, Tokens * each)];
        var wrong = 0;
        for (var i = 0; i < rows; i++)
        {
            var chosen = new SortedSet<int>();
            // Groups differ in how often they come.
            while (chosen.Count < Tokens) chosen.Add((int)(groups * random.NextDouble() * random.NextDouble()));
            var indices = chosen.SelectMany(g => Enumerable.Range(0, 1 + g % each).Select(t => (uint)(each * g + t))).ToArray();
            var label = chosen.Sum(g => says[g]) > 0 ? 1 : 0;
            model.PredictThenLearn(new Row(indices, ones.AsSpan(0, indices.Length)), label, 1, score);
            if (score[0] > 0.5 != label > 0) wrong++;
        }
        return wrong / (double)rows;
    }
}
