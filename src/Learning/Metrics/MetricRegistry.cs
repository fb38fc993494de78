using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>The one list of metrics. Settings, documentation and their contract suite all read it.</summary>
public static class MetricRegistry
{
    /// <summary>All kinds, in the order of the documentation.</summary>
    public static ImmutableArray<MetricKind> Kinds { get; } =
    [
        .. ConfusionMetrics.Kinds,
        TemporalKappa.Kind,
        .. MeanMetrics.ProbabilityKinds,
        .. ScoreHistogram.Kinds,
        ExactRocAuc.Kind,
        Calibration.Kind,
        .. MeanMetrics.NumberKinds,
        ExplainedVariance.Kind,
    ];

    /// <summary>Makes a metric from settings, <c>accuracy</c> or <c>f-beta { beta = 2, span = fading }</c>; every fault is added to <paramref name="faults"/>.</summary>
    /// <param name="node">The settings: a name, or a map of one name and its parameters.</param>
    /// <param name="task">What the model answers.</param>
    /// <param name="path">Dotted path of the node, for messages.</param>
    /// <param name="faults">Receives the faults.</param>
    /// <returns>The metric, or null where there are faults.</returns>
    public static Metric? Create(ConfigNode node, LearningTask task, string path, ICollection<ConfigFault> faults)
    {
        var (name, settings) = node switch
        {
            ConfigNode.Text t => (t.Value, ConfigNode.Map.Empty),
            ConfigNode.Map { Fields.Count: 1 } m when m.Fields.First() is { Value: ConfigNode.Map inner } only => (only.Key, inner),
            _ => ("", ConfigNode.Map.Empty),
        };
        var kind = Kinds.FirstOrDefault(k => k.Name == name);
        if (kind is null || !kind.Tasks.Contains(task))
        {
            faults.Add(new(path, $"must be one of {string.Join(", ", Kinds.Where(k => k.Tasks.Contains(task)).Select(k => k.Name))}, not '{name}'"));
            return null;
        }
        var before = faults.Count;
        var values = ParameterValues.Read(kind.Parameters, settings, $"{path}.{name}", faults);
        return faults.Count == before ? Metric.Create(kind, task, values) : null;
    }

    /// <summary>Makes a metric from settings that must be right, as code writes them.</summary>
    /// <exception cref="ArgumentException">There are faults; the message lists them all.</exception>
    public static Metric Create(string name, LearningTask task, params ReadOnlySpan<(string Key, string Value)> settings)
    {
        var faults = new List<ConfigFault>();
        return Create(ConfigNode.Map.Empty.With(name, ConfigNode.Of(settings)), task, "metric", faults) ?? throw new ArgumentException(string.Join("; ", faults), nameof(name));
    }
}
