namespace StreamMLOps.Learning.Tests.Anomaly;

/// <summary>What every detector of anomalies is for: rare rows unlike the rest score higher, and what becomes usual stops being unusual.</summary>
public class AnomalyDetectionTests
{
    public static TheoryData<string> Kinds => [.. ModelRegistry.Kinds.Where(k => k.Task == LearningTask.Anomaly).Select(k => k.Name)];

    [Theory, MemberData(nameof(Kinds))]
    public void Rows_of_other_features_rank_above_the_rest(string kind)
    {
        var learner = new ProgressiveLearner(Spec(kind));
        using var batch = new RowBatch();
        var random = new Random(5);
        for (var i = 0; i < 6_000; i++)
        {
            var odd = i > 3_000 && random.Next(50) == 0;
            Add(batch, random, odd ? 1_000u + (uint)random.Next(100_000) : 0, odd ? 1 : 0);
            learner.Learn(batch[0], 0, i > 3_000 ? batch.Labels[0] : double.NaN);
        }
        // A scaler in front maps a feature's first value to 0: to the detector behind it such a row is empty, which is unusual but less so.
        Assert.InRange(((AnomalyMetrics)learner.Metrics).RocAuc, kind == "pipeline-anomaly" ? 0.85 : 0.9, 1);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Features_seen_late_become_usual(string kind)
    {
        var model = Spec(kind).Create();
        using var batch = new RowBatch();
        var random = new Random(6);
        for (var i = 0; i < 5_000; i++) Learn(0);
        var first = Enumerable.Range(0, 50).Average(_ => Score(500));
        // The old features go, new ones come.
        for (var i = 0; i < 5_000; i++) Learn(500);
        var later = Enumerable.Range(0, 50).Average(_ => Score(500));
        Assert.True(later < first, $"new features scored {first} at first and {later} after 5,000 rows");

        void Learn(uint from)
        {
            Add(batch, random, from, 0);
            model.Learn(batch[0], double.NaN);
        }

        double Score(uint from)
        {
            Add(batch, random, from, 0);
            var score = new double[1];
            model.Predict(batch[0], score);
            Assert.InRange(score[0], 0, 1);
            return score[0];
        }
    }

    [Fact]
    public void A_quantile_threshold_flags_about_its_share_of_the_rows()
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "quantile-threshold"), ("quantile", "0.95"))).Create();
        using var batch = new RowBatch();
        var random = new Random(7);
        var flags = 0;
        var score = new double[1];
        for (var i = 0; i < 20_000; i++)
        {
            Add(batch, random, 0, 0);
            model.PredictThenLearn(batch[0], double.NaN, 1, score);
            if (i >= 1_000 && score[0] > 0.5) flags++;
        }
        Assert.InRange(flags / 19_000.0, 0.04, 0.06);
    }

    [Fact]
    public void A_quantile_threshold_around_a_model_that_detects_nothing_is_refused_by_name()
    {
        var faults = new List<ConfigFault>();
        ModelSpec.Read(ConfigNode.Of(("algorithm", "quantile-threshold"), ("model", "arow")), "model", faults);
        var fault = Assert.Single(faults);
        Assert.Equal("model.model.algorithm", fault.Path);
        Assert.Contains("loda", fault.Message);
    }

    [Fact]
    public void A_one_class_machine_leaves_about_nu_of_the_rows_outside()
    {
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "one-class-svm"), ("nu", "0.2"))).Create();
        using var batch = new RowBatch();
        var random = new Random(8);
        var outside = 0;
        var score = new double[1];
        for (var i = 0; i < 20_000; i++)
        {
            Add(batch, random, 0, 0);
            model.PredictThenLearn(batch[0], double.NaN, 1, score);
            if (i >= 5_000 && score[0] > 0.5) outside++;
        }
        Assert.InRange(outside / 15_000.0, 0.15, 0.25);
    }

    // Twelve of twenty common features with values around 1, and for odd rows a few others.
    private static void Add(RowBatch batch, Random random, uint from, double label)
    {
        batch.Clear();
        batch.BeginRow();
        for (var k = 0u; k < 20; k++)
            if (random.Next(5) < 3) batch.Add(from + k * (label > 0 ? 7u : 1u), 1 + 0.2 * random.NextDouble());
        Assert.Equal(RowFault.None, batch.TryEndRow(label));
    }

    private static ModelSpec Spec(string kind) => ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", "3")));
}
