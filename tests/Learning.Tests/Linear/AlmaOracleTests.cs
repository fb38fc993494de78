using System.Globalization;
using System.Text;
using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>ALMA as River 0.19 has it: every confusion count, the log loss to ten digits.</summary>
public class AlmaOracleTests
{
    private const string Spam = "spamassassin_stream/spam.svm.gz", Adult = "a9a/a9a", Heart = "liblinear/heart_scale", Sms = "spam_sms/spam-sms.gz";
    private const string Phishing = "river_datasets/phishing.csv.gz", Smtp = "adbench_csv/34_smtp.csv.gz", Elec = "elec2/elec2_data.dat", ElecLabels = "elec2/elec2_label.dat";

    [SharedDataTheory(Spam, Adult, Heart, Sms)]
    [InlineData(Spam, 2213, 149, 6788, 174, 0.3572925070)]
    [InlineData(Adult, 4389, 3445, 21274, 3452, 0.5834743305)]
    [InlineData(Heart, 79, 37, 113, 41, 0.5667234256)]
    [InlineData(Sms, 637, 236, 4591, 110, 0.5978019960)]
    public void Progressive_counts_and_log_loss_are_rivers(string file, long tp, long fp, long tn, long fn, double logLoss)
    {
        using var rows = SvmLightFile.Read(SharedData.Read(file));
        var metrics = RiverOracleTests.Progressive(Alma(), rows);

        Assert.Equal((tp, fp, tn, fn), (metrics.TruePositives, metrics.FalsePositives, metrics.TrueNegatives, metrics.FalseNegatives));
        Assert.Equal(logLoss, metrics.LogLoss, 10);
    }

    [SharedDataFact(Phishing)]
    public void Phishing_gives_the_published_scores() => Check(SharedData.Read(Phishing), 0.8256, 0.810763888888889);

    [SharedDataFact(Smtp)]
    public void Smtp_gives_the_published_scores() => Check(SharedData.Read(Smtp), 0.7649859178611963, 0.0017854751595768425);

    [SharedDataFact(Elec, ElecLabels)]
    public void Elec2_gives_the_published_scores() => Check(Elec2.AsCsv(), 0.9064265536723164, 0.8897670549084858);

    // River's rows have every feature, zeros included, and its ALMA scales back the weights of all that a row has.
    private static void Check(byte[] csv, double accuracy, double f1)
    {
        var lines = Encoding.UTF8.GetString(csv).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var features = lines[0].Count(c => c == ',');
        var indices = Enumerable.Range(0, features).Select(i => (uint)i).ToArray();
        var scaler = new RunningScaler(features);
        var model = Alma().Create();
        var metrics = new BinaryMetrics();
        var (score, scaled) = (new double[1], new double[features]);
        foreach (var line in lines.Skip(1))
        {
            var cells = line.Split(',').Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray();
            scaler.Scale(cells, scaled);
            model.Predict(new Row(indices, scaled), score);
            metrics.Update(cells[^1], score);
            scaler.Add(cells);
            scaler.Scale(cells, scaled);
            model.Learn(new Row(indices, scaled), cells[^1]);
        }
        Assert.Equal(accuracy, metrics.Accuracy, 15);
        Assert.Equal(f1, metrics.F1, 15);
    }

    private static ModelSpec Alma() => ModelSpec.Parse(ConfigNode.Of(("algorithm", "alma"), ("precision", "double")));
}

/// <summary>Running mean and population variance (Welford).</summary>
internal sealed class RunningScaler(int features)
{
    private readonly double[] _mean = new double[features];
    private readonly double[] _squares = new double[features];
    private long _count;

    public void Scale(double[] row, double[] scaled)
    {
        for (var i = 0; i < scaled.Length; i++)
            scaled[i] = _squares[i] > 0 ? (row[i] - _mean[i]) / Math.Sqrt(_squares[i] / _count) : 0;
    }

    public void Add(double[] row)
    {
        _count++;
        for (var i = 0; i < _mean.Length; i++)
        {
            var delta = row[i] - _mean[i];
            _mean[i] += delta / _count;
            _squares[i] += delta * (row[i] - _mean[i]);
        }
    }
}

/// <summary>The electricity market stream: eight features, positive where the price went up.</summary>
internal static class Elec2
{
    public static byte[] AsCsv()
    {
        var rows = Lines("elec2/elec2_data.dat").Zip(Lines("elec2/elec2_label.dat"), (x, y) => $"{x.Trim().Replace(' ', ',')},{(y.Trim() == "0" ? 1 : 0)}");
        return Encoding.UTF8.GetBytes("date,day,period,nswprice,nswdemand,vicprice,vicdemand,transfer,up\n" + string.Join('\n', rows));
    }

    private static string[] Lines(string file) => Encoding.UTF8.GetString(SharedData.Read(file)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
