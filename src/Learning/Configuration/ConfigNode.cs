using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>Settings as plain data, whatever file format they came from: a text, a list or named nodes. Keys are compared ordinally.</summary>
public abstract record ConfigNode
{
    private ConfigNode() { }

    /// <summary>A scalar, as written.</summary>
    public sealed record Text(string Value) : ConfigNode;

    /// <summary>Nodes in order.</summary>
    public sealed record List(ImmutableArray<ConfigNode> Items) : ConfigNode;

    /// <summary>Named nodes.</summary>
    public sealed record Map(ImmutableSortedDictionary<string, ConfigNode> Fields) : ConfigNode
    {
        /// <summary>No fields.</summary>
        public static Map Empty { get; } = new(ImmutableSortedDictionary.Create<string, ConfigNode>(StringComparer.Ordinal));

        /// <summary>This map with one field more, or replaced.</summary>
        public Map With(string key, ConfigNode value) => new(Fields.SetItem(key, value));

        /// <summary>This map with one scalar more, or replaced.</summary>
        public Map With(string key, string value) => With(key, new Text(value));
    }

    /// <summary>Writes <c>key=value</c> pairs as a map: <c>ConfigNode.Of(("algorithm", "logistic-regression"))</c>.</summary>
    public static Map Of(params ReadOnlySpan<(string Key, string Value)> fields)
    {
        var map = Map.Empty;
        foreach (var (key, value) in fields) map = map.With(key, value);
        return map;
    }
}

/// <summary>A fault in settings: where (dotted path) and what is wrong, for people.</summary>
/// <param name="Path">Dotted path of the key, for instance <c>model.optimizer.adagrad.rate</c>.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ConfigFault(string Path, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path}: {Message}";
}
