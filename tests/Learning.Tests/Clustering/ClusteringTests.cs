namespace StreamMLOps.Learning.Tests.Clustering;

public class ClusteringTests
{
    [Fact]
    public void Means_settle_on_round_groups_and_follow_them()
    {
        var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", "streaming-k-means"), ("clusters", "4"), ("rate", "0.01"))));
        var random = new Random(1);
        using var batch = new RowBatch();
        for (var i = 0; i < 4_000; i++)
        {
            var group = random.Next(4);
            // Groups wander by twice their distance over the stream.
            Add(batch, group, 10 * (group % 2) + i * 0.005 + random.NextDouble(), 10 * (group / 2) + random.NextDouble());
            learner.Learn(batch[0], 0, i < 200 ? double.NaN : group);
        }
        var metrics = (ClusteringMetrics)learner.Metrics;
        Assert.InRange(metrics.Purity, 0.99, 1);
        Assert.InRange(metrics.NormalizedMutualInformation, 0.97, 1);
    }

    [Fact]
    public void Density_finds_a_ring_around_a_disc_and_leaves_noise_out()
    {
        var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", "den-stream"), ("epsilon", "0.5"))));
        var random = new Random(2);
        using var batch = new RowBatch();
        for (var i = 0; i < 6_000; i++)
        {
            var (angle, ring) = (random.NextDouble() * 2 * Math.PI, random.Next(2));
            var radius = ring == 1 ? 5 + 0.2 * random.NextDouble() : random.NextDouble();
            Add(batch, ring, 10 + radius * Math.Cos(angle), 10 + radius * Math.Sin(angle));
            learner.Learn(batch[0], 0, i < 2_000 ? double.NaN : ring);
        }
        var metrics = (ClusteringMetrics)learner.Metrics;
        Assert.InRange(metrics.Purity, 0.999, 1);
        Assert.InRange(metrics.NormalizedMutualInformation, 0.95, 1);
        Add(batch, 0, 100, 100);
        Assert.Equal(-1, learner.Predict(batch[0])[0]);
    }

    [Fact]
    public void A_group_that_has_gone_is_forgotten()
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "den-stream"), ("half-life", "100"))).Create();
        var random = new Random(3);
        using var batch = new RowBatch();
        for (var i = 0; i < 4_000; i++)
        {
            Add(batch, 0, i < 2_000 ? 10 : 50, random.NextDouble());
            model.Learn(batch[0], double.NaN);
        }
        var score = new double[1];
        Add(batch, 0, 10, 0.5);
        model.Predict(batch[0], score);
        Assert.Equal(-1, score[0]);
        Add(batch, 0, 50, 0.5);
        model.Predict(batch[0], score);
        Assert.True(score[0] >= 0);
    }

    [Fact]
    public void Agreement_with_labels_follows_its_definition()
    {
        var metrics = new ClusteringMetrics();
        foreach (var (cluster, label) in new[] { (0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (1, 1), (-1, 0) }) metrics.Update(label, [cluster]);
        Assert.Equal(5.0 / 6, metrics.Purity, 14);
        double H(params double[] p) => -p.Sum(x => x * Math.Log(x));
        var information = H(0.5, 0.5) + H(1.0 / 3, 2.0 / 3) - H(2.0 / 6, 1.0 / 6, 3.0 / 6);
        Assert.Equal(2 * information / (H(0.5, 0.5) + H(1.0 / 3, 2.0 / 3)), metrics.NormalizedMutualInformation, 12);
    }

    private static void Add(RowBatch batch, double label, double x, double y)
    {
        batch.Clear();
        batch.BeginRow();
        batch.Add(1, x);
        batch.Add(2, y);
        Assert.Equal(RowFault.None, batch.TryEndRow(label));
    }
}
