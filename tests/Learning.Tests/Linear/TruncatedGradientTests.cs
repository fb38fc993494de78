namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>L1 of SGD and AdaGrad: <see cref="TruncatedGradient{T,TOptimizer}"/>.</summary>
public class TruncatedGradientTests
{
    private const uint Noise = 100;
    private const int NoiseFeatures = 60;

    public static TheoryData<string, string, string> Kinds
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var kind in new[] { "logistic-regression", "linear-classifier", "linear-regression" })
                foreach (var optimizer in new[] { "sgd", "adagrad" })
                    foreach (var precision in new[] { "single", "double" })
                        data.Add(kind, optimizer, precision);
            data.Add("softmax-regression", "sgd", "");
            data.Add("softmax-regression", "adagrad", "");
            return data;
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Weights_of_features_that_say_nothing_become_exactly_zero_and_the_others_stay(string kind, string optimizer, string precision)
    {
        var (free, sparse) = (Learned(kind, optimizer, precision, 0), Learned(kind, optimizer, precision, 0.1));
        Assert.DoesNotContain(0, free);
        Assert.True(sparse[0] > 0 && sparse[1] < 0, $"{sparse[0]} {sparse[1]}");
        Assert.All(sparse.Skip(2), w => Assert.Equal(0, w));
    }

    [Fact]
    public void A_step_is_the_optimizers_and_then_a_pull_of_l1_times_its_rate_that_ends_at_zero()
    {
        // At weight 0 the gradient of the log loss is -0.5 x: SGD moves by 0.1 * 0.5 x, and is pulled back by 0.1 * 0.2.
        var model = Spec("logistic-regression", "sgd", "double", 0.2, ("rate", "0.1")).Create();
        model.Learn(new Row([1, 2, 3], [1, 2, 0.25]), 1);
        var weights = Weights(model, [1, 2, 3]);
        Assert.Equal(0.03, weights[0], 1e-15);
        Assert.Equal(0.08, weights[1], 1e-15);
        Assert.Equal(0, weights[2]);
    }

    [Fact]
    public void A_row_that_the_loss_is_content_with_pulls_too()
    {
        // The hinge has no slope beyond 1: only the pull is left.
        var model = ModelSpec.Parse(Config("linear-classifier", "sgd", "double", 0.01, ("rate", "1")).With("loss", "hinge").With("intercept", "off")).Create();
        model.Learn(new Row([1], [2]), 1);
        Assert.Equal(1.99, Weights(model, [1])[0], 1e-12);
        model.Learn(new Row([1], [2]), 1);
        Assert.Equal(1.98, Weights(model, [1])[0], 1e-12);
        model.Learn(new Row([1], [2]), 1, 0);
        Assert.Equal(1.98, Weights(model, [1])[0], 1e-12);
    }

    [Fact]
    public void Specifications_without_l1_read_as_they_did_before_there_was_one()
    {
        var spec = Spec("logistic-regression", "sgd", "single", 0);
        Assert.Equal("logistic-regression/1#0{intercept=constant{rate=0.01},l2=0,optimizer=sgd{rate=0.01,schedule=constant{}},precision=single{}}", spec.ToCanonicalString());
        Assert.Equal(spec.ToCanonicalString(), ModelSpec.Parse(spec.ToConfig()).ToCanonicalString());
        Assert.DoesNotContain("l1", ((ConfigNode.Map)((ConfigNode.Map)spec.ToConfig().Fields["optimizer"]).Fields["sgd"]).Fields.Keys);

        var sparse = Spec("logistic-regression", "sgd", "single", 0.5);
        Assert.Contains("sgd{l1=0.5,", sparse.ToCanonicalString(), StringComparison.Ordinal);
        Assert.Equal(sparse.ToCanonicalString(), ModelSpec.Parse(sparse.ToConfig()).ToCanonicalString());
    }

    private static double[] Learned(string kind, string optimizer, string precision, double l1)
    {
        var model = Spec(kind, optimizer, precision, l1, ("rate", "0.1")).Create();
        var random = new Random(11);
        for (var i = 0; i < 5_000; i++)
        {
            var positive = random.Next(2) == 1;
            uint[] indices = [positive ? 1u : 2u, .. Enumerable.Range(0, NoiseFeatures).Where(_ => random.Next(8) == 0).Select(k => Noise + (uint)k)];
            // Half as large as what says something: a weight that l1 holds back leaves a gradient of l1, and noise of the same size would meet just that in single rows.
            model.Learn(new Row(indices, indices.Select(k => k < Noise ? 1.0 : 0.5).ToArray()), positive ? 1 : kind == "linear-regression" ? -1 : 0);
        }
        return Weights(model, [1, 2, .. Enumerable.Range(0, NoiseFeatures).Select(k => Noise + (uint)k)]);
    }

    private static double[] Weights(IModel model, uint[] features)
    {
        var explanation = new Explanation();
        ((IExplainable)model).Explain(new Row(features, features.Select(_ => 1.0).ToArray()), model.Outputs - 1, explanation);
        return [.. features.Select(f => explanation.Contributions.ToArray().Single(c => c.Feature == f).Value)];
    }

    private static ModelSpec Spec(string kind, string optimizer, string precision, double l1, params (string, string)[] settings) => ModelSpec.Parse(Config(kind, optimizer, precision, l1, settings));

    private static ConfigNode.Map Config(string kind, string optimizer, string precision, double l1, params (string, string)[] settings)
    {
        var config = ConfigNode.Of(("algorithm", kind)).With("optimizer", ConfigNode.Map.Empty.With(optimizer,
            ConfigNode.Of([("l1", l1.ToString(System.Globalization.CultureInfo.InvariantCulture)), .. settings])));
        return precision.Length == 0 ? config : config.With("precision", precision);
    }
}
