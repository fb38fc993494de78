using StreamMLOps.Actors.Tests.Runtime;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests.Quality;

public sealed class ServedInlineSpecs : IDisposable
{
    private readonly string _folder = TestNode.NewFolder();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Labels_that_come_with_their_rows_measure_what_was_served_by_the_version_that_served()
    {
        const int n = 2_000;
        var path = Path.Combine(_folder, "rows.svm");
        var labels = new double[n];
        var lines = new string[n];
        for (var i = 0; i < n; i++)
        {
            var (features, label) = Rows.Row(i, unlabelled: false);
            labels[i] = label;
            lines[i] = $"{label} {string.Join(' ', features.Select(f => $"{f.Index}:{f.Value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)}"))}";
        }
        File.WriteAllLines(path, lines);
        var metered = new System.Collections.Concurrent.ConcurrentDictionary<string, double>();
        using var listener = new System.Diagnostics.Metrics.MeterListener
        {
            InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "streammlops.quality") l.EnableMeasurementEvents(instrument);
            },
        };
        // Of this pipeline's lineage alone there is no tag: other specs in this process have none while this one looks at its last values.
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) => metered[string.Join(' ', tags.ToArray().Select(t => t.Value))] = value);
        listener.Start();
        await using var node = await TestNode.Start(
            _folder, path, new LearnerOptions(MaxRows: 150), source: new FileSource(new FileSourceSettings(path) { Limits = new ChunkLimits { Rows = 50 } }, new FileCommitStore(_folder)), maxLead: 200);
        var status = await node.Until(s => s.Finished);
        var served = status.Served;
        Assert.Equal((n, n), (served.Ages[0].Counts.Rows, served.Ages.Sum(a => a.Counts.Rows)));
        var predictions = node.Predictions();
        Assert.Equal(predictions.Average(p => p.Label == (labels[p.Offset] > 0 ? 1 : 0) ? 0.0 : 1), served.Ages[0].Counts.Error, 1e-12);
        Assert.Equal(AnswerTable.MostVersions, served.Versions.Count);
        foreach (var (version, counts) in served.Versions)
        {
            var of = predictions.Where(p => p.Version.Sequence == version).ToList();
            Assert.Equal((long)of.Count, counts.Rows);
            Assert.Equal(of.Average(p => p.Label == (labels[p.Offset] > 0 ? 1 : 0) ? 0.0 : 1), counts.Error, 1e-12);
        }
        Assert.Equal(status.Learner.Metrics, status.Progressive.Metrics);
        // What was served is behind what the fold answers just before it learns the row.
        Assert.True(served.Metrics.Single(m => m.Name == "error").Value >= status.Progressive.Metrics.Single(m => m.Name == "error").Value);
        Assert.Contains("spec served roc-auc", metered.Keys);
        Assert.Contains("spec progressive error", metered.Keys);
    }
}
