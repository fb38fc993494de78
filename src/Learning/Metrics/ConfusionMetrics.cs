using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>The metrics that follow from the confusion matrix. A score above 0.5 answers positive; of many classes the largest answers, the lowest of equal ones.</summary>
internal static class ConfusionMetrics
{
    private static readonly ImmutableArray<LearningTask> Tasks = [LearningTask.Binary, LearningTask.MultiClass, LearningTask.Anomaly];

    private static readonly Parameter Average = new Parameter.Choice("average", "auto",
    [
        new Option("auto", "binary of two classes, macro of many."),
        new Option("binary", "Of class 1."),
        new Option("micro", "Of all rows together: one row, one vote."),
        new Option("macro", "The mean over classes, each alike."),
        new Option("weighted", "The mean over classes, each by its labels."),
    ], "How the values of classes become one; classes that were a label or an answer count.");

    public static ImmutableArray<MetricKind> Kinds { get; } =
    [
        Kind("accuracy", "Share of right answers; says little where one class is rare.", "Sokolova and Lapalme, Information Processing and Management 45 (2009), 427-437",
            c => c.Right / c.Total),
        Kind("balanced-accuracy", "Mean over classes of the share that was found: a rare class counts as much as a common one.", "Brodersen, Ong, Stephan and Buhmann, ICPR 2010, 3121-3124",
            c => c.Classes().Where(k => k.Labels > 0).Average(k => k.Recall)),
        Averaged("precision", "Share of the answers of a class that were right.", [], (_, k) => k.Precision),
        Averaged("recall", "Share of the rows of a class that were found.", [], (_, k) => k.Recall),
        Averaged("f-beta", "Harmonic mean of precision and recall, recall counting beta times as much.",
            [new Parameter.Number("beta", 1, 0, 1_000, "1: both alike; 2: finding matters more; 0.5: being right matters more.", Open: true)], (p, k) => k.F(p.Number("beta"))),
        Kind("kappa", "Accuracy beyond what answers of the same frequencies would reach by chance: 1 is all right, 0 is chance.",
            "Cohen, Educational and Psychological Measurement 20 (1960), 37-46", Kappa),
        new("confusion-matrix", Tasks, higherIsBetter: true, "Rows by label and answer, in the details; the value is the accuracy.",
            "Sokolova and Lapalme, Information Processing and Management 45 (2009), 427-437", [], (_, _) => new ConfusionCounts(c => c.Right / c.Total, withCells: true)),
    ];

    private static MetricKind Kind(string name, string summary, string paper, Func<ConfusionCounts, double> of) =>
        new(name, Tasks, higherIsBetter: true, summary, paper, [], (_, _) => new ConfusionCounts(of));

    private static MetricKind Averaged(string name, string summary, ImmutableArray<Parameter> parameters, Func<ParameterValues, ConfusionCounts.ClassSums, double> of) => new(
        name, Tasks, higherIsBetter: true, summary, "Sokolova and Lapalme, Information Processing and Management 45 (2009), 427-437", [Average, .. parameters],
        (task, p) =>
        {
            var average = p.Choice("average").Option;
            if (average == "auto") average = task == LearningTask.MultiClass ? "macro" : "binary";
            return new ConfusionCounts(c => average switch
            {
                "binary" => c.Classes().Where(k => k.Class == 1).Select(k => of(p, k)).FirstOrDefault(),
                "micro" => of(p, new(0, c.Total, c.Classes().Sum(k => k.Answers), c.Right)),
                "macro" => c.Classes().Average(k => of(p, k)),
                _ => c.Classes().Sum(k => k.Labels * of(p, k)) / c.Total,
            });
        });

    private static double Kappa(ConfusionCounts counts)
    {
        var chance = counts.Classes().Sum(k => k.Labels / counts.Total * (k.Answers / counts.Total));
        return chance < 1 ? (counts.Right / counts.Total - chance) / (1 - chance) : 0;
    }
}
