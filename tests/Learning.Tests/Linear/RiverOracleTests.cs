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
    private const string Smtp = "adbench_csv/34_smtp.csv.gz";
    private const string Weather = "noaa_weather/weather.csv";
    private const string Sea = "sea/sea_stream.csv";
    private const string Elec = "elec2/elec.csv";
    private const string Elec2Track = "elec2";
    private const string Tiny = "capymoa_data/electricity_tiny.csv";
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

    [SharedDataTheory(Phishing, Smtp, Weather, Sea, Elec, Tiny, "elec2/elec2_data.dat")]
    [InlineData(Phishing, "sgd", 1250, 0.8896, 0.8785211267605635)]
    [InlineData(Phishing, "sgd-slow", 1250, 0.8872, 0.8712328767123287)]
    [InlineData(Phishing, "adagrad", 1250, double.NaN, 0.8801431127012522)]
    [InlineData(Phishing, "ftrl", 1250, double.NaN, 0.8755676657584015)]
    [InlineData(Elec2Track, "sgd-slow", 45312, 0.8221442443502824, 0.7770862722319033)]
    [InlineData(Smtp, "sgd-slow", 95156, 0.9997688007062088, 0.4210526315789474)]
    [InlineData(Weather, "sgd", 18159, 0.7822567321989097, 0.6283834586466165)]
    [InlineData(Sea, "sgd", 40000, 0.8627, 0.8827047114604246)]
    [InlineData(Elec, "sgd", 45312, 0.8511652542372882, 0.8211045678815853)]
    [InlineData(Tiny, "sgd", 2000, 0.855, 0.815989847715736)]
    public void With_a_standard_scaler_the_scores_are_rivers(string file, string optimizer, int count, double accuracy, double f1)
    {
        using var rows = CsvRows.Read(file == Elec2Track ? Elec2.AsCsv() : SharedData.Read(file));
        var pipeline = ModelSpec.Parse(ConfigNode.Of(("algorithm", "pipeline"))
            .With("steps", new ConfigNode.List([new ConfigNode.Text("standard-scaler")]))
            .With("model", River(optimizer, "double").ToConfig()));
        var metrics = Progressive(pipeline, rows);

        Assert.Equal(count, metrics.Count);
        if (!double.IsNaN(accuracy)) Assert.Equal(accuracy, metrics.Accuracy, 15);
        Assert.Equal(f1, metrics.F1, 14);
    }

    [SharedDataTheory(Tiny, Elec, "elec2/elec2_data.dat")]
    [InlineData(Tiny, 0.8595)]
    [InlineData(Elec, 0.85328)]
    public void Answering_the_label_before_is_as_right_as_published(string file, double published)
    {
        var accuracy = MetricRegistry.Create("accuracy", LearningTask.Binary);
        var kappa = MetricRegistry.Create("temporal-kappa", LearningTask.Binary);
        var before = 0.0;
        foreach (var line in System.Text.Encoding.UTF8.GetString(SharedData.Read(file)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var label = double.Parse(line[(line.LastIndexOf(',') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            accuracy.Update(label, [before]);
            kappa.Update(label, [before]);
            before = label;
        }
        Assert.Equal(published, accuracy.Value, 3);
        Assert.Equal(0, kappa.Value);
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
