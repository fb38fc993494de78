using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>The one list of drift detectors. Settings, documentation and their contract suite all read it.</summary>
public static class DriftDetectorRegistry
{
    /// <summary>All kinds, in the order of the documentation.</summary>
    public static ImmutableArray<DriftDetectorKind> Kinds { get; } =
    [
        Adwin.Kind,
        Ddm.Kind,
        Eddm.Kind,
        HddmA.Kind,
        HddmW.Kind,
        PageHinkley.Kind,
        Kswin.Kind,
        Ewma.Kind,
        PopulationStability.Kind,
        KolmogorovSmirnov.Kind,
    ];

    /// <summary>A setting that chooses a detector, for models that carry one.</summary>
    public static Parameter.Choice Parameter(string name, string @default, string doc) =>
        new(name, @default, [.. Kinds.Select(k => new Option(k.Name, k.Summary, k.Parameters))], doc);

    /// <summary>Makes the detector that a setting of <see cref="Parameter"/> chose.</summary>
    public static IDriftDetector Create((string Kind, ParameterValues Values) chosen) =>
        Kinds.First(k => k.Name == chosen.Kind).Create(chosen.Values);

    /// <summary>Makes a detector from settings, <c>adwin</c> or <c>adwin { delta = 0.002 }</c>; every fault is added to <paramref name="faults"/>.</summary>
    /// <param name="node">The settings.</param>
    /// <param name="path">Dotted path of the node, for messages; at least two keys long.</param>
    /// <param name="faults">Receives the faults.</param>
    /// <returns>The detector, or null where there are faults.</returns>
    public static IDriftDetector? Create(ConfigNode node, string path, ICollection<ConfigFault> faults)
    {
        var dot = path.LastIndexOf('.');
        var name = path[(dot + 1)..];
        var before = faults.Count;
        var values = ParameterValues.Read([Parameter(name, Kinds[0].Name, "")], ConfigNode.Map.Empty.With(name, node), path[..Math.Max(dot, 0)], faults);
        return faults.Count == before ? Create(values.Choice(name)) : null;
    }
}
