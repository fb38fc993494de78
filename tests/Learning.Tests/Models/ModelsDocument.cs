using System.Globalization;
using System.Text;

namespace StreamMLOps.Learning.Tests.Models;

/// <summary><c>docs/models.md</c>, made from the registries: what is written there is what the program reads.</summary>
internal static class ModelsDocument
{
    private const string Head = """
        # Models, transformers and drift detectors

        Made from the registries by `ModelsDocumentTests`; `STREAMMLOPS_WRITE_DOCS=1 dotnet test tests/Learning.Tests --filter ModelsDocument` writes it anew.

        Every kind is chosen by its name in HOCON, in a pipeline's `model` block; every parameter may be left out. A choice is written by the name of an
        option, or with the option's own parameters: `optimizer = coin` or `optimizer { coin { alpha = 10 } }`. All kinds take `seed` too.

        Arithmetic that changes is a new revision of a kind. Revision 2 of the trees, forests and of Gaussian and Bernoulli naive Bayes computes the same statistics in another order and draws the features of a
        forest's leaves another way: bytes saved by revision 1 load and are gone on from (a golden state of each is kept and tested), but do not give the bits that revision 1 would have given. A journal begun with
        revision 1 is therefore not replayed with revision 2: start a new lineage from its last snapshot. Revision 3 of the adaptive trees begins leaves anew whose error rose; their revision 4, and revision 3 of the
        other single trees, splits sooner: the rows that a parent estimated for a leaf count, as in MOA and River, and a leaf with few features tries again after each grace period.
        Revision 5 of the adaptive trees gives an alternate up once it is known to be within 0.01 of the error of what it would replace. Revisions from 2 on of these trees are still
        computed, so that their journals go on as they were; their states load as newer revisions too. So is revision 1 of regression trees and their forest, whose adaptive leaves had one linear model,
        and revision 2 of `adaptive-random-forest` and `streaming-random-patches`: there naive Bayes over all rows remembered 100,000 features by default, and a tree of the patches had none but its own, which is gone when the tree is replaced.
        And their revision 3, whose trees alone answered: revision 4 also has naive Bayes and a linear model over all rows, and answers with the weighted mean of all where that errs less than the votes.

        | you have | try first | then |
        |---|---|---|
        | sparse rows, many features, some new each day (URLs, logs, clicks) | `linear-classifier` (coin betting: nothing to tune) | `logistic-regression`, `soft-confidence-weighted` |
        | texts, little time | `multinomial-naive-bayes` | `complement-naive-bayes` |
        | dense numbers in changing conditions | `leveraging-bagging`, `streaming-random-patches` | `adaptive-random-forest` |
        | one model to look at | `hoeffding-tree` | `hoeffding-adaptive-tree` |
        | many classes | `softmax-regression` | `multinomial-naive-bayes-multi-class`, `nearest-neighbours-multi-class` |
        | pairs that matter together (user and item) | `factorization-machine` | |
        | no labels, rare oddities | `half-space-trees` | `online-isolation-forest`, `loda`; `quantile-threshold` for a flag |
        | no labels, groups | `streaming-k-means` | `den-stream` for groups of any shape |
        | dense numbers of different scales | `pipeline` (standard-scaler, then logistic regression) | `steps = [ robust-scaler ]` where there are outliers |
        | customers or hosts that each behave their own way | `per-key` | |
        | abrupt changes | `drift-retraining` | |
        | few labels, many rows | `self-training` | |
        | a number to predict | `linear-regression` | loss `huber` for outliers, `quantile` for bounds, `poisson` for counts |
        | a number that depends on features acting together | `adaptive-random-forest-regression` | `hoeffding-regression-tree` |

        """;

    public static string Make()
    {
        var text = new StringBuilder(Head);
        foreach (var task in ModelRegistry.Kinds.Select(k => k.Task).Distinct())
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {Title(task)}\n");
            foreach (var kind in ModelRegistry.Kinds.Where(k => k.Task == task))
                Append(text, kind.Name, kind.Summary + (kind.BoundedMemory ? " Bounded memory." : ""), kind.Paper, $"model {{ algorithm = {kind.Name}{Setting(kind.Parameters)} }}", kind.Parameters);
        }
        text.Append("\n## Transformers\n\nIn the `steps` of the pipeline kinds, in order: `steps = [ NAME, { NAME { ... } } ]`. Each learns in the same fold as the model. Zero means absent.\n");
        foreach (var kind in TransformerRegistry.Kinds)
            Append(text, kind.Name, kind.Summary, kind.Paper, $"steps = [ {{ {kind.Name} {{{Setting(kind.Parameters).Replace(",", "")} }} }} ]", kind.Parameters);
        text.Append("\n## Drift detectors\n\nIn a `drift` block: `drift = NAME` or `drift { NAME { ... } }`. Detectors of errors take 0 (right) to 1 (wrong), the others any number.\n");
        foreach (var kind in DriftDetectorRegistry.Kinds)
            Append(text, kind.Name, kind.Summary + (kind.OfErrors ? " Of errors." : " Of any numbers."), kind.Paper, $"drift {{ {kind.Name} {{{Setting(kind.Parameters).Replace(",", "")} }} }}", kind.Parameters);
        return text.ToString();
    }

    /// <summary>A kind: its name, what it is, its paper, its settings.</summary>
    public static void Append(StringBuilder text, string name, string summary, string paper, string hocon, IEnumerable<Parameter> parameters)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n### {name}\n\n{summary}\n\n*{paper}*\n\n```hocon\n{hocon}\n```\n\n| parameter | default | values | |\n|---|---|---|---|\n");
        foreach (var parameter in parameters) Append(text, parameter, "");
    }

    private static void Append(StringBuilder text, Parameter parameter, string indent)
    {
        var (value, values) = parameter switch
        {
            Parameter.Number p => (Show(p.Default), $"{Show(p.Min)} to {Show(p.Max)}{(p.Open ? ", exclusive" : "")}"),
            Parameter.Integer p => (Show(p.Default), $"{Show(p.Min)} to {Show(p.Max)}"),
            Parameter.Flag p => (p.Default ? "on" : "off", "on, off"),
            Parameter.Choice p => (p.Default, string.Join(", ", p.Options.Select(o => o.Name))),
            Parameter.Choices p => (string.Join(", ", p.Default.Items.OfType<ConfigNode.Text>().Select(t => t.Value)), "a list of transformers"),
            Parameter.Model p => (p.Default.Fields["algorithm"] is ConfigNode.Text t ? t.Value : "", p.Task is { } task ? $"a model of *{Title(task)}*" : "a model"),
            _ => ("", ""),
        };
        text.Append(CultureInfo.InvariantCulture, $"| {indent}`{parameter.Name}` | {value} | {values} | {parameter.Doc} |\n");
        if (parameter is not Parameter.Choice choice) return;
        foreach (var option in choice.Options)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {indent}– `{option.Name}` | | | {option.Doc} |\n");
            foreach (var inner in option.Parameters) Append(text, inner, indent + "– – ");
        }
    }

    private static string Setting(IEnumerable<Parameter> parameters) => parameters.FirstOrDefault() switch
    {
        Parameter.Choice p => $", {p.Name} = {p.Default}",
        Parameter.Number p => $", {p.Name} = {Show(p.Default)}",
        Parameter.Integer p => $", {p.Name} = {Show(p.Default)}",
        Parameter.Flag p => $", {p.Name} = {(p.Default ? "on" : "off")}",
        _ => "",
    };

    private static string Title(LearningTask task) => task switch
    {
        LearningTask.Binary => "Two classes",
        LearningTask.MultiClass => "Many classes",
        LearningTask.Regression => "Numbers",
        LearningTask.Anomaly => "Anomalies",
        _ => "Clusters",
    };

    private static string Show(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}

public class ModelsDocumentTests
{
    [Fact]
    public void The_list_of_models_in_the_documentation_is_the_registry()
    {
        Documents.Check("models.md", ModelsDocument.Make(), "ModelsDocument");
    }
}

/// <summary>Documents that are made from the program.</summary>
internal static class Documents
{
    public static void Check(string name, string text, string filter)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "StreamMLOps.sln"))) folder = folder.Parent;
        var file = Path.Combine(folder!.FullName, "docs", name);
        if (Environment.GetEnvironmentVariable("STREAMMLOPS_WRITE_DOCS") is not null) File.WriteAllText(file, text);
        Assert.True(File.Exists(file) && File.ReadAllText(file) == text,
            $"docs/{name} is not what the registries say: STREAMMLOPS_WRITE_DOCS=1 dotnet test tests/Learning.Tests --filter {filter}");
    }
}
