using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Runtime;

/// <summary>What was served, and what the fold itself answered, compared with the labels: as the files of predictions and the journal have it.</summary>
public sealed partial class LabelTopicSpecs
{
    [Fact]
    public async Task What_was_served_is_measured_by_version_and_age_as_the_predictions_and_the_journal_have_it()
    {
        Write(new Stream(3_000, seed: 23));
        await using var node = await Start(_folder, onDisk: true, chunk: 50, maxLead: 300);
        var status = await node.Until(s => s.Finished);
        var pairs = await Pairs(node);
        Assert.Equal(status.Learner.Labels[0].Learned, pairs.Count);
        Check(status.Served, node.Predictions(), pairs);
        Assert.Equal(AnswerTable.MostVersions, status.Served.Versions.Count);

        // The replica has applied every event since the first: its progressive metrics are the learner's.
        Assert.Equal(status.Learner.Metrics, status.Progressive.Metrics);
        var last = status.Progressive.Versions[^1];
        Assert.Equal(pairs.Where(p => p.Sequence == last.Version).LongCount(), last.Counts.Rows);
        Assert.Equal(status.Served.Ages.Select(a => a.Counts.Rows), status.Progressive.Ages.Select(a => a.Counts.Rows));
        Assert.Equal(status.Learner.Metrics.Single(m => m.Name == "error").Value, status.Progressive.Ages.Where(a => a.Counts.Rows > 0).Sum(a => a.Counts.Error * a.Counts.Rows) / pairs.Count, 1e-12);
    }

    [Fact]
    public async Task What_was_served_by_an_unsupervised_kind_is_measured_by_the_labels_that_come()
    {
        Write(new Stream(1_500, seed: 29));
        await using var node = await Start(_folder, onDisk: false, chunk: 50, model: Detector, maxLead: 300);
        var status = await node.Until(s => s.Finished);
        var pairs = await Pairs(node);
        Assert.Equal(status.Learner.Labels[0].Learned, pairs.Count);
        Check(status.Served, node.Predictions(), pairs);
        Assert.Equal(pairs.Count, status.Progressive.Ages.Sum(a => a.Counts.Rows));
    }

    private static void Check(AnswerReport served, IReadOnlyList<Prediction> predictions, IReadOnlyList<(long Offset, double Label, long Age, long Sequence)> pairs)
    {
        var answers = predictions.ToDictionary(p => p.Offset);
        var expected = pairs.Select(p => (Prediction: answers[p.Offset], p.Label, Age: p.Age < 0 ? 0 : p.Age)).ToList();
        Assert.Equal(expected.Count, served.Ages.Sum(a => a.Counts.Rows));
        Assert.Equal(expected.Select(e => e.Prediction.Version.Sequence).Distinct().Order().TakeLast(AnswerTable.MostVersions), served.Versions.Select(v => v.Version));
        foreach (var (version, counts) in served.Versions) Compare(expected.Where(e => e.Prediction.Version.Sequence == version), counts);
        var above = long.MinValue;
        foreach (var (below, counts) in served.Ages)
        {
            Compare(expected.Where(e => e.Age >= above && e.Age < below), counts);
            above = below;
        }

        static void Compare(IEnumerable<(Prediction Prediction, double Label, long Age)> answers, AnswerCounts counts)
        {
            var list = answers.ToList();
            Assert.Equal(list.Count, counts.Rows);
            if (list.Count > 0) Assert.Equal(list.Average(a => a.Prediction.Score > 0.5 == a.Label > 0 ? 0.0 : 1), counts.Error, 1e-12);
        }
    }

    // Every label that found its row, from the journal; the row's time is that of the file.
    private async Task<List<(long Offset, double Label, long Age, long Sequence)>> Pairs(TestNode node)
    {
        using var rows = Decode("rows.jsonl", new JsonDecoder());
        var times = Enumerable.Range(0, rows.Count).ToDictionary(rows.OffsetOf, rows.TimeOf);
        var pairs = new List<(long, double, long, long)>();
        using var row = new RowBatch(4, 4096);
        await foreach (var (sequence, e) in node.Journal.Read(node.Definition.PersistenceId, 1))
        {
            if (e is not Joined joined) continue;
            var (at, stamp) = (joined.EntriesAt, joined.From);
            for (var i = 0; i < joined.Entries; i++)
            {
                row.Clear();
                var entry = joined.ReadEntry(ref at, ref stamp, row);
                if (entry.Kind is JoinedKind.Learned or JoinedKind.Evaluated) pairs.Add((entry.Pair.Offset, entry.Pair.Label, stamp - times[entry.Pair.Offset], sequence));
            }
        }
        return pairs;
    }
}
