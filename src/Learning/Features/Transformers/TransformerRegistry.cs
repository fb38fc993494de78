using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>A kind of transformer: its name in settings, its parameters and how to make one.</summary>
/// <param name="Name">Name in settings, lower case with hyphens.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="Paper">The source it follows.</param>
/// <param name="Parameters">Its settings.</param>
/// <param name="Create">Makes one that has seen nothing.</param>
public sealed record TransformerKind(string Name, string Summary, string Paper, ImmutableArray<Parameter> Parameters, Func<ParameterValues, ITransformer> Create);

/// <summary>The one list of transformers. Settings, documentation and the contract suite all read it.</summary>
public static class TransformerRegistry
{
    /// <summary>All kinds, in the order of the documentation.</summary>
    public static ImmutableArray<TransformerKind> Kinds { get; } =
    [
        StandardScaler.Kind,
        MinMaxScaler.Kind,
        MaxAbsScaler.Kind,
        RobustScaler.Kind,
        OneHotEncoder.Kind,
        FeatureHasher.Kind,
        TfIdf.Kind,
        PolynomialInteractions.Kind,
    ];

    /// <summary>A setting that lists transformers in order: <c>steps = [ tf-idf, { hash { bits = 20 } } ]</c>.</summary>
    public static Parameter.Choices Parameter(string name, ConfigNode.List @default, string doc) =>
        new(name, @default, [.. Kinds.Select(k => new Option(k.Name, k.Summary, k.Parameters))], doc);

    /// <summary>Makes the transformer that an item of <see cref="Parameter"/> chose.</summary>
    public static ITransformer Create((string Kind, ParameterValues Values) chosen) =>
        Kinds.First(k => k.Name == chosen.Kind).Create(chosen.Values);
}
