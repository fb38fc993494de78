namespace StreamMLOps.Learning.Tests.Trees;

public class EvolvingFeatureTests
{
    [Theory]
    [InlineData("hoeffding-tree")]
    [InlineData("hoeffding-adaptive-tree")]
    public void A_feature_first_seen_late_is_split_on(string kind)
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("leaf", "majority"))).Create();
        var score = new double[1];
        var right = 0;
        for (var i = 0; i < 12_000; i++)
        {
            // Until row 6,000 nothing says anything of the label; then a feature never seen before does.
            var positive = (i * 7919 % 104_729 & 1) == 1;
            uint[] indices = i >= 6_000 && positive ? [(uint)(i % 50), 1_000_000] : [(uint)(i % 50)];
            var row = new Row(indices, indices.Length == 2 ? [1, 1] : [1]);
            model.PredictThenLearn(row, positive ? 1 : 0, 1, score);
            if (i >= 10_000 && score[0] > 0.5 == positive) right++;
        }
        // Small branches, split off before, have seen few such rows yet.
        Assert.InRange(right, 1_900, 2_000);
    }

    [Fact]
    public void A_feature_first_seen_at_row_one_million_is_split_on()
    {
        const int first = 1_000_000, rows = 1_200_000;
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "hoeffding-tree"), ("leaf", "majority"))).Create();
        var score = new double[1];
        var right = 0;
        var indices = new uint[2];
        double[] ones = [1, 1];
        for (var i = 0; i < rows; i++)
        {
            var positive = (i * 7919L % 104_729 & 1) == 1;
            (indices[0], indices[1]) = ((uint)(i % 10), 4_000_000_000);
            var count = i >= first && positive ? 2 : 1;
            model.PredictThenLearn(new Row(indices.AsSpan(0, count), ones.AsSpan(0, count)), positive ? 1 : 0, 1, score);
            if (i >= rows - 10_000 && score[0] > 0.5 == positive) right++;
        }
        Assert.InRange(right, 9_900, 10_000);
    }
}
