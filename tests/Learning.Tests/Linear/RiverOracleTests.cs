using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>
/// Progressive counts and log loss under River's update rule: every confusion count exact, the log loss to ten digits.
/// </summary>
public class RiverOracleTests
{
    private const string Spam = "spamassassin_stream/spam.svm.gz";
    private const string Adult = "a9a/a9a";
    private const string Heart = "liblinear/heart_scale";
    private const string Sms = "spam_sms/spam-sms.gz";

    [SharedDataTheory(Spam, Adult, Heart, Sms)]
    [InlineData(Spam, "sgd", 2316, 67, 6870, 71, 0.0601958937)]
    [InlineData(Spam, "adagrad", 2327, 52, 6885, 60, 0.0665304476)]
    [InlineData(Spam, "ftrl", 2248, 94, 6843, 139, 0.0984646130)]
    [InlineData(Adult, "sgd", 4575, 2262, 22457, 3266, 0.3688145133)]
    [InlineData(Adult, "adagrad", 4505, 1740, 22979, 3336, 0.3328462928)]
    [InlineData(Adult, "ftrl", 4146, 1534, 23185, 3695, 0.3423004298)]
    [InlineData(Heart, "sgd", 84, 21, 129, 36, 0.4247549116)]
    [InlineData(Heart, "adagrad", 81, 20, 130, 39, 0.4527501530)]
    [InlineData(Heart, "ftrl", 74, 16, 134, 46, 0.5312805776)]
    [InlineData(Sms, "sgd", 575, 11, 4816, 172, 0.1517372688)]
    [InlineData(Sms, "adagrad", 578, 6, 4821, 169, 0.1461885451)]
    [InlineData(Sms, "ftrl", 242, 0, 4827, 505, 0.2531248309)]
    public void Progressive_counts_and_log_loss_are_rivers(string file, string optimizer, long tp, long fp, long tn, long fn, double logLoss)
    {
        using var rows = SvmLightFile.Read(SharedData.Read(file));
        var metrics = Progressive(River(optimizer, "double"), rows);

        Assert.Equal((tp, fp, tn, fn), (metrics.TruePositives, metrics.FalsePositives, metrics.TrueNegatives, metrics.FalseNegatives));
        Assert.Equal(logLoss, metrics.LogLoss, 10);
    }

    internal static ModelSpec River(string optimizer, string precision) => ModelSpec.Parse(
        ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", precision)).With("optimizer", ConfigNode.Map.Empty.With(optimizer, optimizer switch
        {
            "ftrl" => ConfigNode.Of(("alpha", "0.05"), ("beta", "1"), ("l1", "0"), ("l2", "1"), ("delayed", "on")),
            _ => ConfigNode.Of(("rate", "0.1")),
        })));

    internal static BinaryMetrics Progressive(ModelSpec spec, RowBatch rows)
    {
        var learner = new ProgressiveLearner(spec);
        for (var i = 0; i < rows.Count; i++) learner.Learn(rows[i], ProgressiveLearner.ContentOf(rows, i), rows.Labels[i]);
        return (BinaryMetrics)learner.Metrics;
    }
}
