using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Resolves substitutions, from the same file or else from the environment, and notes the line of each path.</summary>
internal sealed class HoconResolver(RawNode.Map root, string name)
{
    private readonly ImmutableDictionary<string, int>.Builder _lines = ImmutableDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
    private readonly HashSet<RawNode> _open = new(ReferenceEqualityComparer.Instance);

    public HoconDocument Resolve() => new(name, ResolveMap(root, ""), _lines.ToImmutable());

    private ConfigNode.Map ResolveMap(RawNode.Map map, string path)
    {
        var fields = ConfigNode.Map.Empty.Fields.ToBuilder();
        foreach (var (key, raw) in map.Fields)
        {
            var at = path.Length == 0 ? key : $"{path}.{key}";
            _lines.TryAdd(at, raw.Line);
            if (Resolve(raw, at) is { } node) fields[key] = node;
        }
        return new ConfigNode.Map(fields.ToImmutable());
    }

    // Null: not there (null, or an optional substitution of something undefined).
    private ConfigNode? Resolve(RawNode raw, string path) => raw switch
    {
        RawNode.Text { Quoted: false, Value: "null" } => null,
        RawNode.Text t => new ConfigNode.Text(t.Value),
        RawNode.Map m => ResolveMap(m, path),
        RawNode.List l => new ConfigNode.List([.. l.Items.Select((item, i) => ResolveItem(item, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"))).OfType<ConfigNode>()]),
        RawNode.Substitution s => Substitute(s),
        RawNode.Concatenation c => Concatenate(c, path),
        _ => throw new InvalidOperationException($"unknown node {raw}"),
    };

    private ConfigNode? ResolveItem(RawNode raw, string path)
    {
        _lines.TryAdd(path, raw.Line);
        return Resolve(raw, path);
    }

    private ConfigNode? Substitute(RawNode.Substitution substitution)
    {
        if (!_open.Add(substitution)) throw Fault(substitution.Line, $"${{{substitution.Path}}} refers to itself");
        var node = Lookup(substitution.Path);
        _open.Remove(substitution);
        if (node is null && Environment.GetEnvironmentVariable(substitution.Path) is { } variable) node = new ConfigNode.Text(variable);
        if (node is null && !substitution.Optional)
            throw Fault(substitution.Line, $"${{{substitution.Path}}} is defined neither in this file nor in the environment");
        return node;
    }

    private ConfigNode? Lookup(string path)
    {
        RawNode? raw = root;
        var keys = path.Split('.');
        for (var i = 0; i < keys.Length; i++)
        {
            if (raw is not RawNode.Map map)
            {
                var node = Resolve(raw, "");
                for (; i < keys.Length && node is not null; i++)
                    node = node is ConfigNode.Map m && m.Fields.TryGetValue(keys[i], out var inner) ? inner : null;
                return node;
            }
            if (!map.Fields.TryGetValue(keys[i], out raw)) return null;
        }
        if (!_open.Add(raw)) throw Fault(raw.Line, $"'{path}' contains itself");
        var found = Resolve(raw, path);
        _open.Remove(raw);
        return found;
    }

    private ConfigNode? Concatenate(RawNode.Concatenation concatenation, string path)
    {
        var parts = new List<ConfigNode>();
        var text = new System.Text.StringBuilder();
        foreach (var piece in concatenation.Pieces)
        {
            if (Resolve(piece, path) is not { } node) continue;
            if (node is ConfigNode.Text t) text.Append(t.Value);
            else parts.Add(node);
        }
        if (parts.Count == 0) return text.Length == 0 ? null : new ConfigNode.Text(text.ToString());
        if (text.ToString().Trim().Length > 0) throw Fault(concatenation.Line, $"'{path}' mixes text with a list or a block");
        if (parts.All(p => p is ConfigNode.Map)) return parts.Cast<ConfigNode.Map>().Aggregate((lower, upper) => lower.Overlay(upper));
        if (parts.All(p => p is ConfigNode.List)) return new ConfigNode.List([.. parts.Cast<ConfigNode.List>().SelectMany(l => l.Items)]);
        throw Fault(concatenation.Line, $"'{path}' mixes lists and blocks");
    }

    private HoconException Fault(int line, string message) => new(string.Create(CultureInfo.InvariantCulture, $"{name}, line {line}: {message}"));
}
