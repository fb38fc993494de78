using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>
/// Progressive counts and log loss under River's update rule: every confusion count exact, the log loss to ten digits.
/// </summary>
public class RiverOracleTests
{
    private const string Spam = "spamassassin_stream/spam.svm.gz";
    private const string Phishing = "river_datasets/phishing.csv.gz";
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

    [SharedDataTheory(Phishing)]
    [InlineData("sgd", 0.8896, 0.8785211267605635)]
    [InlineData("sgd-slow", 0.8872, 0.8712328767123287)]
    [InlineData("adagrad", double.NaN, 0.8801431127012522)]
    [InlineData("ftrl", double.NaN, 0.8755676657584015)]
    public void Phishing_with_a_standard_scaler_gives_rivers_published_scores(string optimizer, double accuracy, double f1)
    {
        using var rows = StandardScaler.ScaleCsv(SharedData.Read(Phishing));
        var model = River(optimizer, "double").Create();
        var metrics = new BinaryMetrics();
        var score = new double[1];
        // Each record is there twice: as it is scored, and as it is learned.
        for (var i = 0; i < rows.Count; i += 2)
        {
            model.Predict(rows[i], score);
            metrics.Update(rows.Labels[i], score);
            model.Learn(rows[i + 1], rows.Labels[i + 1]);
        }

        Assert.Equal(1250, metrics.Count);
        if (!double.IsNaN(accuracy)) Assert.Equal(accuracy, metrics.Accuracy);
        Assert.Equal(f1, metrics.F1, 14);
    }

    [SharedDataTheory(Spam)]
    [InlineData("sgd")]
    [InlineData("adagrad")]
    [InlineData("ftrl")]
    public void In_single_precision_at_most_three_predictions_differ(string optimizer)
    {
        using var rows = SvmLightFile.Read(SharedData.Read(Spam));
        var (single, whole) = (new ProgressiveLearner(River(optimizer, "single")), new ProgressiveLearner(River(optimizer, "double")));
        var differ = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            var s = single.Learn(rows[i], 0, rows.Labels[i])[0] > 0.5;
            var d = whole.Learn(rows[i], 0, rows.Labels[i])[0] > 0.5;
            if (s != d) differ++;
        }
        Assert.InRange(differ, 0, 3);
    }

    internal static ModelSpec River(string optimizer, string precision) => ModelSpec.Parse(
        ConfigNode.Of(("algorithm", "logistic-regression"), ("precision", precision)).With("optimizer", ConfigNode.Map.Empty.With(optimizer.Split('-')[0], optimizer switch
        {
            "sgd-slow" => ConfigNode.Of(("rate", "0.005")),
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
