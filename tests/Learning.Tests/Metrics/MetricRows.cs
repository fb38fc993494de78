namespace StreamMLOps.Learning.Tests.Metrics;

/// <summary>Labels and scores that every machine makes alike, of a model that is often right, and the definitions of all metrics over them, written plainly.</summary>
internal static class MetricRows
{
    public static TheoryData<string, LearningTask> KindsAndTasks
    {
        get
        {
            var data = new TheoryData<string, LearningTask>();
            foreach (var kind in MetricRegistry.Kinds)
                foreach (var task in kind.Tasks) data.Add(kind.Name, task);
            return data;
        }
    }

    public static bool IsOfWindow(string kind) => MetricRegistry.Kinds.First(k => k.Name == kind).Parameters.OfType<Parameter.Choice>().First(p => p.Name == "span").Default == "window";

    public static (double Label, double[] Scores)[] Of(LearningTask task, int from, int to)
    {
        var rows = new (double, double[])[to - from];
        for (var i = from; i < to; i++)
        {
            var random = new Random(1000 + i);
            var label = task switch
            {
                LearningTask.MultiClass => (double)random.Next(1 + Math.Min(i / 20, 3)),
                LearningTask.Regression => 10 * random.NextDouble() - 2,
                LearningTask.Binary => i / 7 % 3 == 0 ? 1 : random.Next(2) - 1,
                _ => random.Next(5) == 0 ? 1 : 0,
            };
            // Scores with ties, and a class more as time goes on.
            var scores = task switch
            {
                LearningTask.MultiClass => Shares([.. Enumerable.Range(0, Math.Min(i / 15, 4)).Select(c => random.NextDouble() + (c == (int)label ? 0.5 : 0))]),
                LearningTask.Regression => [label + random.NextDouble() - 0.3],
                _ => [Math.Round(Math.Clamp(0.6 * random.NextDouble() + (label > 0 ? 0.35 : 0.1), 0, 1), 2)],
            };
            rows[i - from] = (label, scores);
        }
        return rows;
    }

    public static double Definition(string kind, LearningTask task, (double Label, double[] Scores)[] rows)
    {
        if (task == LearningTask.Regression)
        {
            var errors = rows.Select(r => r.Scores[0] - r.Label).ToArray();
            var mean = rows.Average(r => r.Label);
            return kind switch
            {
                "mae" => errors.Average(Math.Abs),
                "rmse" => Math.Sqrt(errors.Average(e => e * e)),
                "smape" => rows.Average(r => 2 * Math.Abs(r.Scores[0] - r.Label) / (Math.Abs(r.Scores[0]) + Math.Abs(r.Label))),
                "r2" => 1 - errors.Sum(e => e * e) / rows.Sum(r => (r.Label - mean) * (r.Label - mean)),
                _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no definition in the tests: write one"),
            };
        }
        var many = task == LearningTask.MultiClass;
        var answers = rows.Select(r => (Label: many ? (int)r.Label : r.Label > 0 ? 1 : 0,
            Answer: many ? r.Scores.Length == 0 ? -1 : Array.IndexOf(r.Scores, r.Scores.Max()) : r.Scores[0] > 0.5 ? 1 : 0)).ToArray();
        var accuracy = answers.Average(a => a.Label == a.Answer ? 1.0 : 0);
        var classes = answers.SelectMany(a => new[] { a.Label, a.Answer }).Where(c => c >= 0).Distinct().ToArray();
        double Ratio(double part, double whole) => whole == 0 ? 0 : part / whole;
        double Precision(int c) => Ratio(answers.Count(a => a.Label == c && a.Answer == c), answers.Count(a => a.Answer == c));
        double Recall(int c) => Ratio(answers.Count(a => a.Label == c && a.Answer == c), answers.Count(a => a.Label == c));
        double F(int c) => Ratio(2 * Precision(c) * Recall(c), Precision(c) + Recall(c));
        double Averaged(Func<int, double> of) => many ? classes.Average(of) : of(1);
        double Probability((double Label, double[] Scores) r, int c) => many ? c < r.Scores.Length ? r.Scores[c] : 0 : c == 1 ? r.Scores[0] : 1 - r.Scores[0];
        var pairs = rows.Zip(answers).ToArray();
        switch (kind)
        {
            case "accuracy" or "confusion-matrix": return accuracy;
            case "balanced-accuracy": return answers.Select(a => a.Label).Distinct().Average(Recall);
            case "precision": return Averaged(Precision);
            case "recall": return Averaged(Recall);
            case "f-beta": return Averaged(F);
            case "kappa":
                var chance = classes.Sum(c => answers.Average(a => a.Label == c ? 1.0 : 0) * answers.Average(a => a.Answer == c ? 1.0 : 0));
                return (accuracy - chance) / (1 - chance);
            case "temporal-kappa":
                var later = answers.Skip(1).Average(a => a.Label == a.Answer ? 1.0 : 0);
                var same = answers.Skip(1).Zip(answers).Average(a => a.First.Label == a.Second.Label ? 1.0 : 0);
                return (later - same) / (1 - same);
            case "log-loss": return pairs.Average(p => -Math.Log(Math.Clamp(Probability(p.First, p.Second.Label), 1e-15, 1 - 1e-15)));
            case "brier":
                return many
                    ? pairs.Average(p => Enumerable.Range(0, 10).Sum(c => Math.Pow(Probability(p.First, c) - (c == p.Second.Label ? 1 : 0), 2)))
                    : pairs.Average(p => Math.Pow(p.First.Scores[0] - p.Second.Label, 2));
            case "roc-auc" or "exact-roc-auc":
                var (negatives, positives) = (Scores(0), Scores(1));
                return positives.Sum(p => negatives.Sum(n => p > n ? 1.0 : p == n ? 0.5 : 0)) / negatives.Length / positives.Length;
            case "pr-auc":
                return Scores(1).Average(t => (double)pairs.Count(p => p.First.Scores[0] >= t && p.Second.Label == 1) / pairs.Count(p => p.First.Scores[0] >= t));
            case "calibration-error":
                var confidences = pairs.Select(p => many ? (P: p.First.Scores.Length == 0 ? 0 : p.First.Scores.Max(), Hit: p.Second.Label == p.Second.Answer ? 1.0 : 0) : (P: p.First.Scores[0], Hit: p.Second.Label));
                return confidences.GroupBy(c => Math.Min((int)(c.P * 10), 9)).Sum(g => Math.Abs(g.Sum(c => c.P - c.Hit))) / pairs.Length;
            default: throw new ArgumentOutOfRangeException(nameof(kind), kind, "no definition in the tests: write one");
        }

        double[] Scores(int label) => [.. pairs.Where(p => p.Second.Label == label).Select(p => p.First.Scores[0])];
    }

    private static double[] Shares(double[] weights) => [.. weights.Select(w => w / weights.Sum())];
}
