using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using Xunit.Abstractions;

namespace StreamMLOps.Actors.Tests.Quality;

public sealed class AnswerTableSpecs(ITestOutputHelper output)
{
    [Theory]
    [InlineData(LearningTask.Binary)]
    [InlineData(LearningTask.MultiClass)]
    [InlineData(LearningTask.Regression)]
    [InlineData(LearningTask.Anomaly)]
    [InlineData(LearningTask.Clustering)]
    public void Answers_are_counted_by_age_and_by_the_newest_versions_each_of_them_completely(LearningTask task)
    {
        var random = new Random(11);
        var table = new AnswerTable(task);
        var all = new List<(long Version, long Age, double Label, double[] Scores)>();
        for (var i = 0; i < 2_000; i++)
        {
            // Labels of old versions come between those of new ones.
            var version = Math.Max(0, i / 100 - random.Next(12));
            var age = random.Next(4) == 0 ? 0 : (long)Math.Pow(10, random.NextDouble() * 10);
            double[] scores = task == LearningTask.MultiClass ? [0.2, 0.2, 0.6 * random.NextDouble()] : [task == LearningTask.Clustering ? random.Next(3) : random.NextDouble()];
            var label = task == LearningTask.Regression ? random.NextDouble() * 3 : (double)random.Next(task == LearningTask.MultiClass ? 4 : 2);
            all.Add((version, age, label, scores));
            table.Add(version, age, label, scores);
        }
        var report = table.Report();
        Assert.Equal(all.Select(a => a.Version).Distinct().Order().TakeLast(AnswerTable.MostVersions), report.Versions.Select(v => v.Version));
        foreach (var (version, counts) in report.Versions) Check(all.Where(a => a.Version == version), counts);
        var above = 0L;
        foreach (var (below, counts) in report.Ages)
        {
            Check(all.Where(a => a.Age >= above && a.Age < below), counts);
            above = below;
        }
        Assert.Equal(2_000, report.Ages.Sum(a => a.Counts.Rows));
        Assert.Equal(2_000, report.Metrics.Single(m => m.Name == "rows").Value);

        void Check(IEnumerable<(long Version, long Age, double Label, double[] Scores)> answers, AnswerCounts counts)
        {
            var list = answers.ToList();
            Assert.Equal(list.Count, counts.Rows);
            if (list.Count == 0 || task == LearningTask.Clustering)
            {
                Assert.True(double.IsNaN(counts.Error));
                return;
            }
            var errors = list.Select(a => task switch
            {
                LearningTask.Regression => Math.Abs(a.Scores[0] - a.Label),
                LearningTask.MultiClass => (a.Scores[2] > 0.2 ? 2 : 0) == (int)a.Label ? 0.0 : 1,
                _ => a.Scores[0] > 0.5 == a.Label > 0 ? 0.0 : 1,
            });
            Assert.Equal(errors.Average(), counts.Error, 1e-12);
            if (task == LearningTask.Regression) Assert.Equal(list.Average(a => Math.Pow(a.Scores[0] - a.Label, 2)), counts.Loss, 1e-9);
            else if (task == LearningTask.Binary) Assert.Equal(list.Average(a => -Math.Log(a.Label > 0 ? a.Scores[0] : 1 - a.Scores[0])), counts.Loss, 1e-9);
            else if (task == LearningTask.MultiClass) Assert.Equal(list.Average(a => -Math.Log(a.Label > 2 ? 1e-15 : Math.Max(1e-15, a.Scores[(int)a.Label]))), counts.Loss, 1e-9);
            else Assert.True(double.IsNaN(counts.Loss));
        }
    }

    [Fact]
    public void The_newest_answers_are_found_by_position_and_older_ones_are_gone()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            output.WriteLine($"seed {seed}");
            var random = new Random(seed);
            var most = random.Next(1, 200);
            var answers = new ServedAnswers(most);
            var (kept, next) = (new List<(int Partition, long From, long To, List<(long Offset, double Score)> Rows)>(), new long[3]);
            for (var n = 0; n < 60; n++)
            {
                var partition = random.Next(3);
                // A stream that failed begins again where it had committed.
                var from = Math.Max(0, next[partition] - (random.Next(5) == 0 ? random.Next(30) : 0));
                var to = next[partition] = from + random.Next(1, 40);
                using var chunk = new Chunk(new OffsetRange(partition, 1, from, to));
                var rows = new List<(long, double)>();
                for (var offset = from; offset < to; offset++)
                {
                    if (random.Next(4) == 0) continue;
                    chunk.Rows.BeginRow();
                    chunk.Rows.TryEndRow();
                    chunk.EndRow(offset);
                    rows.Add((offset, random.NextDouble()));
                }
                chunk.BeginScores(new ModelVersion("main", 0, n), 1, 0);
                for (var i = 0; i < rows.Count; i++) chunk.ScoresOf(i)[0] = rows[i].Item2;
                answers.Add(ServedChunk.Of(chunk, apart: true));
                kept.RemoveAll(k => k.Partition == partition && k.To > from);
                kept.Add((partition, from, to, rows));
                while (kept.Sum(k => k.Rows.Count) > most) kept.RemoveAt(0);

                Assert.Equal(kept.Sum(k => k.Rows.Count), answers.Rows);
                var known = kept.SelectMany(k => k.Rows.Select(r => (Key: (k.Partition, r.Offset), r.Score))).ToDictionary(r => r.Key, r => r.Score);
                for (var p = 0; p < 3; p++)
                    for (long offset = 0; offset < next[p] + 2; offset++)
                        if ((answers.Find(p, offset) is var (found, row) ? found.ScoresOf(row)[0] : (double?)null) != (known.TryGetValue((p, offset), out var score) ? score : null)) Assert.Fail($"row {p}-{offset} after chunk {n}");
            }
        }
    }
}
