using System.Text;
using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Metrics;

/// <summary><c>docs/metrics.md</c>, made from the registry.</summary>
public class MetricsDocumentTests
{
    private const string Head = """
        # Metrics

        Made from the registry by `MetricsDocumentTests`; `STREAMMLOPS_WRITE_DOCS=1 dotnet test tests/Learning.Tests --filter MetricsDocument` writes it anew.

        A metric is chosen by its name, in code by `MetricRegistry.Create("f-beta", LearningTask.Binary, ("beta", "2"))` and from settings by `MetricRegistry.Create(node, ...)`.
        Each counts all rows, exactly the newest (`span = window`), or lets old ones fade (`span = fading`); rows may weigh. Over all rows, metrics of parts merge to the
        metric of the whole, but for `temporal-kappa`, which depends on the order of rows. Before it is defined a metric is NaN.

        | name | two classes | many classes | numbers | anomalies | better | merges |
        |---|---|---|---|---|---|---|

        """;

    [Fact]
    public void The_list_of_metrics_in_the_documentation_is_the_registry() => Documents.Check("metrics.md", Make(), "MetricsDocument");

    private static string Make()
    {
        var text = new StringBuilder(Head);
        foreach (var kind in MetricRegistry.Kinds)
        {
            string Has(LearningTask task) => kind.Tasks.Contains(task) ? "×" : "";
            var merges = MetricRegistry.Create(kind.Name, kind.Tasks[0]).CanMerge;
            text.Append($"| `{kind.Name}` | {Has(LearningTask.Binary)} | {Has(LearningTask.MultiClass)} | {Has(LearningTask.Regression)} | {Has(LearningTask.Anomaly)} | {(kind.HigherIsBetter ? "higher" : "lower")} | {(merges ? "yes" : "no")} |\n");
        }
        foreach (var kind in MetricRegistry.Kinds) ModelsDocument.Append(text, kind.Name, kind.Summary, kind.Paper, $"{kind.Name} {{ span = {Span(kind)} }}", kind.Parameters);
        return text.ToString();
    }

    private static string Span(MetricKind kind) => kind.Parameters.OfType<Parameter.Choice>().First(p => p.Name == "span").Default;
}
