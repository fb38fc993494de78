using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>The stateless featurizers, in order.</summary>
/// <param name="Steps">Each step's name and parameters.</param>
public sealed record FeaturizeSettings(ImmutableArray<FeaturizerSpec> Steps)
{
    /// <summary>Reads a list of featurizers; every fault is added to <paramref name="faults"/>.</summary>
    public static FeaturizeSettings Read(ConfigNode? node, string path, ICollection<ConfigFault> faults)
    {
        var steps = ImmutableArray.CreateBuilder<FeaturizerSpec>();
        if (node is not (ConfigNode.List or null)) faults.Add(new(path, $"must be a list of featurizers, not {SettingsReader.Show(node)}"));
        var items = (node as ConfigNode.List)?.Items ?? [];
        for (var i = 0; i < items.Length; i++)
            if (FeaturizerSpec.Read(items[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), faults) is { } step) steps.Add(step);
        return new FeaturizeSettings(steps.ToImmutable());
    }

    /// <summary>The steps as settings again, defaults included.</summary>
    public ConfigNode.List ToConfig() => new([.. Steps.Select(s => (ConfigNode)ConfigNode.Map.Empty.With(s.Name, s.Values.ToConfig()))]);

    /// <summary>One line, equal for equal featurization.</summary>
    public string ToCanonicalString() => $"[{string.Join(',', Steps)}]";

    /// <inheritdoc/>
    public bool Equals(FeaturizeSettings? other) => other is not null && ToCanonicalString() == other.ToCanonicalString();

    /// <inheritdoc/>
    public override int GetHashCode() => ToCanonicalString().GetHashCode(StringComparison.Ordinal);
}

/// <summary>One featurizer and its resolved parameters.</summary>
/// <param name="Name">Its name in settings.</param>
/// <param name="Values">Its parameters, defaults included.</param>
public sealed record FeaturizerSpec(string Name, ParameterValues Values)
{
    /// <summary>The featurizers there are, and their parameters.</summary>
    public static ImmutableArray<Option> Options { get; } =
    [
        new("hash", "Folds names and indices into 2^bits indices; features that meet are summed.",
            new Parameter.Integer("bits", 24, 1, 32, "Bits of the index."),
            new Parameter.Integer("salt", 0, 0, long.MaxValue, "Other salts let other features meet.")),
        new("url", "Takes URLs apart: tokens of host, path and query, lengths, entropies, and what looks odd.", Field),
        new("ngrams", "Counts n characters or n words in a row.",
            Field,
            new Parameter.Choice("unit", "chars", [new Option("chars", "Characters."), new Option("words", "Words.")], "What is in a row."),
            new Parameter.Integer("min", 3, 1, 8, "Smallest n."),
            new Parameter.Integer("max", 3, 1, 8, "Largest n; no less than min.")),
        new("date", "Parts of a moment in milliseconds since 1970: hour, weekday, day, month, weekend; in UTC.", Field),
    ];

    private static Parameter Field => new Parameter.Words("field", "", "The field whose texts are taken apart, where texts are features FIELD=TEXT; empty: every feature with a name is a text.");

    /// <summary>Reads <c>NAME</c> or <c>{ NAME { ...parameters } }</c>.</summary>
    public static FeaturizerSpec? Read(ConfigNode node, string path, ICollection<ConfigFault> faults)
    {
        var (name, parameters) = node switch
        {
            ConfigNode.Text t => (t.Value, ConfigNode.Map.Empty),
            ConfigNode.Map { Fields.Count: 1 } m when m.Fields.First() is { Value: ConfigNode.Map inner } only => (only.Key, inner),
            _ => ("", ConfigNode.Map.Empty),
        };
        var option = Options.FirstOrDefault(o => o.Name == name);
        if (option is not null)
        {
            var values = ParameterValues.Read(option.Parameters, parameters, $"{path}.{name}", faults);
            if (name == "ngrams" && values.Integer("max") < values.Integer("min")) faults.Add(new($"{path}.{name}.max", "must be no less than min"));
            return new FeaturizerSpec(name, values);
        }
        faults.Add(new(path, $"must be one of {string.Join(", ", Options.Select(o => o.Name))}, not {SettingsReader.Show(node)}"));
        return null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name}{Values.ToCanonicalString()}";
}
