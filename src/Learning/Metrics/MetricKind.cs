using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>A kind of metric: its name in settings, what it says and of which tasks. All kinds are listed in <see cref="MetricRegistry"/>.</summary>
public sealed record MetricKind
{
    internal MetricKind(string name, ImmutableArray<LearningTask> tasks, bool higherIsBetter, string summary, string paper, ImmutableArray<Parameter> parameters,
        Func<LearningTask, ParameterValues, MetricStatistic> create, bool windowOnly = false)
    {
        (Name, Tasks, HigherIsBetter, Summary, Paper, Create) = (name, tasks, higherIsBetter, summary, paper, create);
        var window = new Option("window", "The newest rows, exactly.", new Parameter.Integer("rows", 1_000, 1, 10_000_000, "How many."));
        Parameters =
        [
            .. parameters,
            windowOnly ? new Parameter.Choice("span", "window", [window], "Which rows count.") : new Parameter.Choice("span", "all",
            [
                new Option("all", "All rows alike."),
                window,
                new Option("fading", "All rows, old ones less and less.", new Parameter.Number("half-life", 1_000, 1, 1e9, "Rows in which a row's weight falls to its half.")),
            ], "Which rows count."),
        ];
    }

    /// <summary>Name in settings, lower case with hyphens.</summary>
    public string Name { get; }

    /// <summary>Tasks whose answers it measures.</summary>
    public ImmutableArray<LearningTask> Tasks { get; }

    /// <summary>Whether a larger value is better.</summary>
    public bool HigherIsBetter { get; }

    /// <summary>One sentence for people: what it says and when to look at it.</summary>
    public string Summary { get; }

    /// <summary>The paper or book that defines it.</summary>
    public string Paper { get; }

    /// <summary>Its settings, the span of rows included.</summary>
    public ImmutableArray<Parameter> Parameters { get; }

    internal Func<LearningTask, ParameterValues, MetricStatistic> Create { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
