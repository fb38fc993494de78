using System.Globalization;
using System.Text;
using StreamMLOps.Tests;

namespace StreamMLOps.Learning.Tests.Anomaly;

/// <summary>Ranking of real anomalies, progressively, with defaults, as docs/accuracy.md has it.</summary>
public class AnomalyAccuracyTests
{
    [SharedDataTheory("adbench_csv/23_mammography.csv.gz")]
    [InlineData("loda", 0.85)]
    [InlineData("half-space-trees", 0.77)]
    [InlineData("online-isolation-forest", 0.78)]
    public void Cancers_in_mammograms_rank_above_the_rest(string kind, double least)
    {
        var aucs = new List<double>();
        foreach (var seed in new[] { "1", "2", "3" })
        {
            var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", kind), ("seed", seed))));
            using var batch = new RowBatch();
            foreach (var line in Encoding.UTF8.GetString(SharedData.Read("adbench_csv/23_mammography.csv.gz")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
            {
                var cells = line.Split(',').Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray();
                batch.Clear();
                batch.BeginRow();
                for (var i = 0; i < cells.Length - 1; i++) batch.Add((uint)i, cells[i]);
                Assert.Equal(RowFault.None, batch.TryEndRow(cells[^1]));
                learner.Learn(batch[0], 0, batch.Labels[0]);
            }
            aucs.Add(((AnomalyMetrics)learner.Metrics).RocAuc);
        }
        Assert.InRange(aucs.Average(), least, 1);
    }
}
