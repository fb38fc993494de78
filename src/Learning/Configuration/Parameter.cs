using System.Collections.Immutable;
using System.Globalization;

namespace StreamMLOps.Learning;

/// <summary>
/// One setting of a kind (of model, optimizer, ...): its name, default, legal values and documentation, in one place. The
/// reader of settings, the reference documentation and the error messages are all made from it.
/// </summary>
public abstract record Parameter(string Name, string Doc)
{
    /// <summary>
    /// Whether its kind was there before it: at its default it is left out of canonical texts, so that these, and with them the journals that were begun before, stay as they are.
    /// </summary>
    public bool Later { get; init; }

    /// <summary>A real number from <paramref name="Min"/> to <paramref name="Max"/>, inclusive unless <paramref name="Open"/>.</summary>
    public sealed record Number(string Name, double Default, double Min, double Max, string Doc, bool Open = false) : Parameter(Name, Doc);

    /// <summary>A whole number from <paramref name="Min"/> to <paramref name="Max"/>.</summary>
    public sealed record Integer(string Name, long Default, long Min, long Max, string Doc) : Parameter(Name, Doc);

    /// <summary>on/off, true/false, yes/no.</summary>
    public sealed record Flag(string Name, bool Default, string Doc) : Parameter(Name, Doc);

    /// <summary>A text.</summary>
    public sealed record Words(string Name, string Default, string Doc) : Parameter(Name, Doc);

    /// <summary>
    /// One of several options, each with parameters of its own: <c>optimizer = adagrad</c> or
    /// <c>optimizer { adagrad { rate = 0.1 } }</c>.
    /// </summary>
    public sealed record Choice(string Name, string Default, ImmutableArray<Option> Options, string Doc) : Parameter(Name, Doc);

    /// <summary>A model of its own (for ensembles and pipelines): a map with an <c>algorithm</c>, of one <paramref name="Task"/> where that is given.</summary>
    public sealed record Model(string Name, ConfigNode.Map Default, string Doc, LearningTask? Task = null) : Parameter(Name, Doc);

    /// <summary>Several of the options in order, each with parameters of its own: <c>steps = [ tf-idf, { hash { bits = 20 } } ]</c>.</summary>
    public sealed record Choices(string Name, ConfigNode.List Default, ImmutableArray<Option> Options, string Doc) : Parameter(Name, Doc);

    /// <summary>Several models in order.</summary>
    public sealed record Models(string Name, ConfigNode.List Default, string Doc) : Parameter(Name, Doc);
}

/// <summary>An option of a <see cref="Parameter.Choice"/>.</summary>
public sealed record Option(string Name, string Doc, params ImmutableArray<Parameter> Parameters);

/// <summary>Resolved parameters: every parameter has a value, defaults included. Equal settings give equal canonical text.</summary>
public sealed class ParameterValues
{
    private readonly ImmutableSortedDictionary<string, object> _values;
    private readonly ImmutableSortedDictionary<string, object> _written;     // without later parameters at their defaults

    private ParameterValues(ImmutableSortedDictionary<string, object> values, IEnumerable<string> leftOut) => (_values, _written) = (values, values.RemoveRange(leftOut));

    /// <summary>Reads <paramref name="node"/> against <paramref name="parameters"/>; unknown keys and bad values are added to <paramref name="faults"/>, all of them.</summary>
    public static ParameterValues Read(IEnumerable<Parameter> parameters, ConfigNode.Map node, string path, ICollection<ConfigFault> faults, params ReadOnlySpan<string> alsoKnown)
    {
        var values = ImmutableSortedDictionary.CreateBuilder<string, object>(StringComparer.Ordinal);
        var known = new SortedSet<string>(StringComparer.Ordinal);
        var leftOut = new List<string>();
        foreach (var name in alsoKnown) known.Add(name);
        foreach (var parameter in parameters)
        {
            known.Add(parameter.Name);
            node.Fields.TryGetValue(parameter.Name, out var given);
            values[parameter.Name] = ReadOne(parameter, given, $"{path}.{parameter.Name}", faults);
            if (parameter.Later && Equals(values[parameter.Name], ReadOne(parameter, null, path, faults))) leftOut.Add(parameter.Name);
        }
        foreach (var key in node.Fields.Keys)
            if (!known.Contains(key))
                faults.Add(new($"{path}.{key}", $"unknown key; known here: {(known.Count == 0 ? "none" : string.Join(", ", known))}"));
        return new ParameterValues(values.ToImmutable(), leftOut);
    }

    /// <summary>The value of a <see cref="Parameter.Number"/>.</summary>
    public double Number(string name) => (double)_values[name];

    /// <summary>The value of a <see cref="Parameter.Integer"/>.</summary>
    public long Integer(string name) => (long)_values[name];

    /// <summary>The value of a <see cref="Parameter.Flag"/>.</summary>
    public bool Flag(string name) => (bool)_values[name];

    /// <summary>The value of a <see cref="Parameter.Words"/>.</summary>
    public string Words(string name) => (string)_values[name];

    /// <summary>The chosen option of a <see cref="Parameter.Choice"/> and its own parameters.</summary>
    public (string Option, ParameterValues Values) Choice(string name) => ((string, ParameterValues))_values[name];

    /// <summary>The options of a <see cref="Parameter.Choices"/> in order, each with its own parameters.</summary>
    public ImmutableArray<(string Option, ParameterValues Values)> Choices(string name) => (ImmutableArray<(string, ParameterValues)>)_values[name];

    /// <summary>The resolved specification of a <see cref="Parameter.Model"/>.</summary>
    public ModelSpec Model(string name) => (ModelSpec)_values[name];

    /// <summary>The resolved specifications of a <see cref="Parameter.Models"/>.</summary>
    public ImmutableArray<ModelSpec> Models(string name) => (ImmutableArray<ModelSpec>)_values[name];

    /// <summary>One line for equal settings wherever they were written: sorted keys, round-trip numbers, no defaults left out but those of <see cref="Parameter.Later"/> parameters.</summary>
    public string ToCanonicalString() => "{" + string.Join(",", _written.Select(v => $"{v.Key}={Canonical(v.Value)}")) + "}";

    /// <summary>All values as settings again; reading them gives equal values.</summary>
    public ConfigNode.Map ToConfig()
    {
        var map = ConfigNode.Map.Empty;
        foreach (var (name, value) in _written)
            map = map.With(name, value switch
            {
                (string option, ParameterValues inner) => ToConfig(option, inner),
                ImmutableArray<(string Option, ParameterValues Values)> list => new ConfigNode.List([.. list.Select(c => ToConfig(c.Option, c.Values))]),
                string text => new ConfigNode.Text(text),
                ModelSpec model => model.ToConfig(),
                ImmutableArray<ModelSpec> list => new ConfigNode.List([.. list.Select(m => (ConfigNode)m.ToConfig())]),
                _ => new ConfigNode.Text(Canonical(value)),
            });
        return map;
    }

    /// <inheritdoc/>
    public override string ToString() => ToCanonicalString();

    private static ConfigNode ToConfig(string option, ParameterValues values) =>
        values._written.IsEmpty ? new ConfigNode.Text(option) : ConfigNode.Map.Empty.With(option, values.ToConfig());

    private static string Canonical(object value) => value switch
    {
        double d => d.ToString("R", CultureInfo.InvariantCulture),
        long l => l.ToString(CultureInfo.InvariantCulture),
        bool b => b ? "on" : "off",
        // Quoted, so that no text can look like the settings after it.
        string s => $"\"{s.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
        (string option, ParameterValues inner) => $"{option}{inner.ToCanonicalString()}",
        ImmutableArray<(string Option, ParameterValues Values)> list => "[" + string.Join(",", list.Select(c => c.Option + c.Values.ToCanonicalString())) + "]",
        ModelSpec m => m.ToCanonicalString(),
        ImmutableArray<ModelSpec> list => "[" + string.Join(",", list.Select(m => m.ToCanonicalString())) + "]",
        _ => throw new InvalidOperationException($"no canonical form for {value.GetType()}"),
    };

    private static object ReadOne(Parameter parameter, ConfigNode? given, string path, ICollection<ConfigFault> faults)
    {
        switch (parameter)
        {
            case Parameter.Number p:
                if (given is null) return p.Default;
                if (given is ConfigNode.Text t && double.TryParse(t.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var d)
                    && (p.Open ? d > p.Min && d < p.Max : d >= p.Min && d <= p.Max)) return d;
                faults.Add(new(path, $"must be a number {Range(p.Min, p.Max, p.Open)}, not {Show(given)}"));
                return p.Default;
            case Parameter.Integer p:
                if (given is null) return p.Default;
                if (given is ConfigNode.Text i && long.TryParse(i.Value.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n)
                    && n >= p.Min && n <= p.Max) return n;
                faults.Add(new(path, $"must be a whole number {Range(p.Min, p.Max, false)}, not {Show(given)}"));
                return p.Default;
            case Parameter.Flag p:
                if (given is null) return p.Default;
                if (given is ConfigNode.Text { Value: "on" or "true" or "yes" }) return true;
                if (given is ConfigNode.Text { Value: "off" or "false" or "no" }) return false;
                faults.Add(new(path, $"must be on or off, not {Show(given)}"));
                return p.Default;
            case Parameter.Words p:
                if (given is null) return p.Default;
                if (given is ConfigNode.Text words) return words.Value;
                faults.Add(new(path, $"must be a text, not {Show(given)}"));
                return p.Default;
            case Parameter.Choice p:
                return ReadChoice(p, given, path, faults);
            case Parameter.Model p:
                var model = ModelSpec.Read(given ?? p.Default, path, faults) ?? ModelSpec.Read(p.Default, path, [])!;
                if (p.Task is null || model.Kind.Task == p.Task) return model;
                faults.Add(new($"{path}.algorithm", $"'{model.Kind.Name}' does not answer what is needed here; these do: {string.Join(", ", ModelRegistry.Kinds.Where(k => k.Task == p.Task).Select(k => k.Name))}"));
                return ModelSpec.Read(p.Default, path, [])!;
            case Parameter.Choices p:
                if (given is not (null or ConfigNode.List)) faults.Add(new(path, $"must be a list of {string.Join(", ", p.Options.Select(o => o.Name))}, not {Show(given)}"));
                var first = p.Options[0].Name;
                return (given as ConfigNode.List ?? p.Default).Items
                    .Select((item, i) => ((string, ParameterValues))ReadChoice(new Parameter.Choice(p.Name, first, p.Options, p.Doc), item, $"{path}[{i}]", faults)).ToImmutableArray();
            case Parameter.Models p:
                if (given is not (null or ConfigNode.List)) faults.Add(new(path, $"must be a list of models, not {Show(given)}"));
                var items = (given as ConfigNode.List ?? p.Default).Items;
                return items.Select((item, i) => ModelSpec.Read(item, $"{path}[{i}]", faults)).OfType<ModelSpec>().ToImmutableArray();
            default:
                throw new InvalidOperationException($"unknown kind of parameter {parameter.GetType()}");
        }
    }

    private static object ReadChoice(Parameter.Choice p, ConfigNode? given, string path, ICollection<ConfigFault> faults)
    {
        var (name, inner) = given switch
        {
            null => (p.Default, ConfigNode.Map.Empty),
            ConfigNode.Text t => (t.Value, ConfigNode.Map.Empty),
            ConfigNode.Map { Fields.Count: 1 } m when m.Fields.First() is { Value: ConfigNode.Map settings } only => (only.Key, settings),
            _ => ("", ConfigNode.Map.Empty),
        };
        var option = p.Options.FirstOrDefault(o => o.Name == name);
        if (option is null)
        {
            faults.Add(new(path, $"must be one of {string.Join(", ", p.Options.Select(o => o.Name))}, not {Show(given!)}"));
            option = p.Options.First(o => o.Name == p.Default);
            inner = ConfigNode.Map.Empty;
        }
        return (option.Name, Read(option.Parameters, inner, $"{path}.{option.Name}", faults));
    }

    private static string Range(double min, double max, bool open) => string.Create(CultureInfo.InvariantCulture,
        $"{(open ? "above" : "from")} {min} {(open ? "and below" : "to")} {max}");

    private static string Show(ConfigNode node) => node switch
    {
        ConfigNode.Text t => $"'{t.Value}'",
        ConfigNode.List => "a list",
        ConfigNode.Map m => $"{{ {string.Join(", ", m.Fields.Keys)} }}",
        _ => "that",
    };
}
