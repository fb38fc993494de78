using System.Globalization;
using System.Text;
using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>Average losses of Vowpal Wabbit's own regression tests of <c>--ftrl</c>, to all six decimals that it prints, and its stored predictions.</summary>
public class VowpalWabbitOracleTests
{
    private const string Data = "vw/train-sets/0001.dat";

    [SharedDataTheory(Data)]
    [InlineData(1, 0.379717, 0.340300, "0001_ftrl.predict")]               // tests 70 and 71
    [InlineData(10, 0.255959, 0.190269, "0001_ftrl_holdout_off.predict")]  // tests 105 and 106
    public void Losses_and_predictions_of_ftrl_are_vowpal_wabbits(int passes, double training, double testing, string predictions)
    {
        using var rows = Parse(SharedData.Read(Data));
        var model = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-regression"), ("precision", "double"))
            .With("optimizer", ConfigNode.Map.Empty.With("ftrl", ConfigNode.Of(("alpha", "0.01"), ("beta", "0"), ("l1", "2"), ("l2", "0"))))).Create();
        var score = new double[1];
        var loss = 0.0;
        for (var pass = 0; pass < passes; pass++)
        {
            for (var i = 0; i < rows.Count; i++)
            {
                model.PredictThenLearn(rows[i], rows.Labels[i], 1, score);
                loss += (score[0] - rows.Labels[i]) * (score[0] - rows.Labels[i]);
            }
        }
        Assert.Equal(training, loss / (passes * rows.Count), 6);

        loss = 0;
        var expected = Encoding.ASCII.GetString(SharedData.Read("vw/pred-sets/ref/" + predictions)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < rows.Count; i++)
        {
            model.Predict(rows[i], score);
            loss += (score[0] - rows.Labels[i]) * (score[0] - rows.Labels[i]);
            Assert.Equal(double.Parse(expected[i], CultureInfo.InvariantCulture), score[0], 0.000003);
        }
        Assert.Equal(testing, loss / rows.Count, 6);
    }

    // Every feature that is written differently is a feature; the intercept is the model's own.
    private static RowBatch Parse(byte[] text)
    {
        var features = new Dictionary<string, uint>();
        var batch = new RowBatch();
        foreach (var line in Encoding.ASCII.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var bar = line.IndexOf('|');
            batch.BeginRow();
            foreach (var token in line[(bar + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1))
            {
                var parts = token.Split(':');
                if (!features.TryGetValue(parts[0], out var index)) features[parts[0]] = index = (uint)features.Count;
                batch.Add(index, parts.Length > 1 ? double.Parse(parts[1], CultureInfo.InvariantCulture) : 1);
            }
            Assert.Equal(RowFault.None, batch.TryEndRow(double.Parse(line[..bar].Split(' ')[0], CultureInfo.InvariantCulture)));
        }
        return batch;
    }
}
