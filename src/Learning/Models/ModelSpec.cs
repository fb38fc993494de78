using System.Globalization;

namespace StreamMLOps.Learning;

/// <summary>A kind, its resolved parameters and the seed of its randomness: all that is needed to make the same model again.</summary>
public sealed class ModelSpec
{
    private ModelSpec(ModelKind kind, ParameterValues values, ulong seed)
    {
        Kind = kind;
        Values = values;
        Seed = seed;
    }

    /// <summary>The kind of model.</summary>
    public ModelKind Kind { get; }

    /// <summary>Its parameters, defaults included.</summary>
    public ParameterValues Values { get; }

    /// <summary>Seed of all of the model's randomness.</summary>
    public ulong Seed { get; }

    /// <summary>
    /// Reads <c>model { algorithm = NAME, seed = 0, ...parameters }</c>, or a bare NAME. Every fault found is added to
    /// <paramref name="faults"/>; the result is null only where the algorithm is unknown.
    /// </summary>
    public static ModelSpec? Read(ConfigNode node, string path, ICollection<ConfigFault> faults)
    {
        var map = node switch
        {
            ConfigNode.Map m => m,
            ConfigNode.Text t => ConfigNode.Of(("algorithm", t.Value)),
            _ => ConfigNode.Map.Empty,
        };
        if (!map.Fields.TryGetValue("algorithm", out var name) || name is not ConfigNode.Text { Value: var algorithm })
        {
            faults.Add(new($"{path}.algorithm", $"missing; name one of {string.Join(", ", ModelRegistry.Kinds.Select(k => k.Name))}"));
            return null;
        }
        var revision = 0;
        if (map.Fields.TryGetValue("revision", out var r) && !(r is ConfigNode.Text revisionText && int.TryParse(revisionText.Value, NumberStyles.None, CultureInfo.InvariantCulture, out revision)))
            faults.Add(new($"{path}.revision", "must be a whole number"));
        if (revision > 0 && ModelRegistry.TryFind(algorithm, out var newest) && !ModelRegistry.TryFind(algorithm, revision, out _))
        {
            faults.Add(new($"{path}.revision", revision > newest.Revision
                ? $"this program does not have revision {revision} of '{algorithm}': it belongs to a newer version"
                : $"this program no longer computes revision {revision} of '{algorithm}': its saved states load as revision {newest.Revision}, which goes on from them (docs/models.md)"));
            return null;
        }
        if (!(revision > 0 ? ModelRegistry.TryFind(algorithm, revision, out var kind) : ModelRegistry.TryFind(algorithm, out kind)))
        {
            faults.Add(new($"{path}.algorithm", $"unknown algorithm '{algorithm}'; known: {string.Join(", ", ModelRegistry.Kinds.Select(k => k.Name))}"));
            return null;
        }
        var seed = 0UL;
        if (map.Fields.TryGetValue("seed", out var s)
            && !(s is ConfigNode.Text seedText && ulong.TryParse(seedText.Value, NumberStyles.None, CultureInfo.InvariantCulture, out seed)))
            faults.Add(new($"{path}.seed", "must be a whole number from 0 to 18446744073709551615"));
        var values = ParameterValues.Read(kind.Parameters, map, path, faults, "algorithm", "revision", "seed");
        return new ModelSpec(kind, values, seed);
    }

    /// <summary>Reads a specification that must be right, as code writes them.</summary>
    /// <exception cref="ArgumentException">There are faults; the message lists them all.</exception>
    public static ModelSpec Parse(ConfigNode node)
    {
        var faults = new List<ConfigFault>();
        var spec = Read(node, "model", faults);
        return faults.Count == 0 ? spec! : throw new ArgumentException(string.Join("; ", faults), nameof(node));
    }

    /// <summary>The number that labels of a model of many classes are below, as it and the models in it limit them; null: labels are any number.</summary>
    public long? Classes
    {
        get
        {
            if (Kind.Task != LearningTask.MultiClass) return null;
            long? least = null;
            foreach (var parameter in Kind.Parameters)
            {
                var limit = parameter switch
                {
                    Parameter.Integer when parameter.Name == ClassLabels.Limit.Name => Values.Integer(parameter.Name),
                    Parameter.Model => Values.Model(parameter.Name).Classes,
                    _ => null,
                };
                if (limit is { } found) least = Math.Min(least ?? found, found);
            }
            return least;
        }
    }

    /// <summary>The same specification with another seed, for the members of an ensemble.</summary>
    public ModelSpec WithSeed(ulong seed) => new(Kind, Values, seed);

    /// <summary>Makes an untrained model.</summary>
    public IModel Create() => Kind.Create(this);

    /// <summary>The specification as settings again, defaults included; reading them gives an equal specification.</summary>
    public ConfigNode.Map ToConfig() => Values.ToConfig()
        .With("algorithm", Kind.Name)
        .With("revision", Kind.Revision.ToString(CultureInfo.InvariantCulture))
        .With("seed", Seed.ToString(CultureInfo.InvariantCulture));

    /// <summary>One line, equal for equal specifications; part of a lineage's genesis.</summary>
    public string ToCanonicalString() => string.Create(CultureInfo.InvariantCulture, $"{Kind.Name}/{Kind.Revision}#{Seed}{Values.ToCanonicalString()}");

    /// <inheritdoc/>
    public override string ToString() => ToCanonicalString();
}
