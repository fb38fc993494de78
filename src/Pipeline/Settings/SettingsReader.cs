using System.Collections.Immutable;
using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Reads one block of settings key by key. Every key is read once, a fault is noted and reading goes on, so that all faults are
/// told at once; after the last key <see cref="RefuseUnread"/> finds the keys that nobody knows. A key that is absent is a fault too: defaults
/// come from the lowest layer, never from code.
/// </summary>
public sealed class SettingsReader(ConfigNode.Map block, string path, ICollection<ConfigFault> faults)
{
    private readonly SortedSet<string> _read = new(StringComparer.Ordinal);

    /// <summary>Dotted path of the block.</summary>
    public string Path { get; } = path;

    /// <summary>Keys read so far.</summary>
    public IReadOnlyCollection<string> Read => _read;

    /// <summary>Dotted path of a key.</summary>
    public string PathOf(string key) => $"{Path}.{key}";

    /// <summary>Notes a fault of a key's value.</summary>
    public void Fault(string key, string message) => faults.Add(new(PathOf(key), message));

    /// <summary>Notes a fault of the block as a whole.</summary>
    public void FaultOfBlock(string message) => faults.Add(new(Path, message));

    /// <summary>A block within; an empty one (and a fault) where the key holds no block.</summary>
    public SettingsReader Block(string key)
    {
        var node = Node(key);
        if (node is not (ConfigNode.Map or null)) Fault(key, $"must be a block {{ }}, not {Show(node)}");
        return new SettingsReader(node as ConfigNode.Map ?? ConfigNode.Map.Empty, PathOf(key), node is ConfigNode.Map ? faults : []);
    }

    /// <summary>The node as written.</summary>
    public ConfigNode? Node(string key)
    {
        if (!_read.Add(key)) throw new InvalidOperationException($"{PathOf(key)} is read twice");
        if (block.Fields.TryGetValue(key, out var node)) return node;
        Fault(key, "missing");
        return null;
    }

    /// <summary>A text.</summary>
    public string Text(string key) => Scalar(key, "a text", s => (true, s)) ?? "";

    /// <summary>A text that is not empty.</summary>
    public string Name(string key, string allowed, Func<char, bool> isAllowed) =>
        Scalar(key, allowed, s => (s.Length is > 0 and <= 100 && s.All(isAllowed), s)) ?? "";

    /// <summary>A whole number.</summary>
    public long Integer(string key, long min, long max) =>
        Scalar(key, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"), s =>
            (long.TryParse(s.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) && n >= min && n <= max, n));

    /// <summary>A whole number, or <c>never</c>.</summary>
    public long IntegerOrNever(string key, long min) =>
        Scalar(key, string.Create(CultureInfo.InvariantCulture, $"a whole number from {min}, or never"), s =>
            s == "never" ? (true, SnapshotSettings.Never) : (long.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= min, n));

    /// <summary>A real number.</summary>
    public double Number(string key, double min, double max) =>
        Scalar(key, string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}"), s =>
            (double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) && n >= min && n <= max, n));

    /// <summary>A whole number without sign.</summary>
    public ulong Seed(string key) =>
        Scalar(key, "a whole number from 0 to 18446744073709551615", s => (ulong.TryParse(s, NumberStyles.None, CultureInfo.InvariantCulture, out var n), n));

    /// <summary>A size in bytes.</summary>
    public long Bytes(string key, long min, long max) =>
        Scalar(key, $"a size from {Spelling.Bytes(min)} to {Spelling.Bytes(max)} (such as 64 KiB)", s => (Spelling.TryParseBytes(s, out var n) && n >= min && n <= max, n));

    /// <summary>A size in bytes, or <c>never</c>.</summary>
    public long BytesOrNever(string key, long min) =>
        Scalar(key, $"a size of at least {Spelling.Bytes(min)} (such as 64 MiB), or never", s =>
            s == "never" ? (true, SnapshotSettings.Never) : (Spelling.TryParseBytes(s, out var n) && n >= min, n));

    /// <summary>A duration.</summary>
    public TimeSpan Duration(string key, TimeSpan min, TimeSpan max) =>
        Scalar(key, $"a duration from {Spelling.Duration(min)} to {Spelling.Duration(max)} (such as 20ms)", s => (Spelling.TryParseDuration(s, out var d) && d >= min && d <= max, d));

    /// <summary>on/off, true/false, yes/no.</summary>
    public bool Flag(string key) => Scalar(key, "on or off", s => (s is "on" or "true" or "yes" or "off" or "false" or "no", s is "on" or "true" or "yes"));

    /// <summary>A list of texts.</summary>
    public ImmutableArray<string> Texts(string key)
    {
        var node = Node(key);
        if (node is null) return [];
        if (node is ConfigNode.List list && list.Items.All(i => i is ConfigNode.Text)) return [.. list.Items.Select(i => ((ConfigNode.Text)i).Value)];
        Fault(key, $"must be a list of texts [ ], not {Show(node)}");
        return [];
    }

    /// <summary>A block of properties with dotted names: blocks within are names too.</summary>
    public ImmutableSortedDictionary<string, string> Properties(string key)
    {
        var properties = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        void Take(string prefix, ConfigNode.Map map)
        {
            foreach (var (name, value) in map.Fields)
            {
                var full = prefix.Length == 0 ? name : $"{prefix}.{name}";
                if (value is ConfigNode.Map inner) Take(full, inner);
                else if (value is ConfigNode.Text text) properties[full] = text.Value switch { "on" => "true", "off" => "false", var other => other };
                else Fault($"{key}.{full}", $"must be a text, not {Show(value)}");
            }
        }
        var node = Node(key);
        if (node is ConfigNode.Map root) Take("", root);
        else if (node is not null) Fault(key, $"must be a block {{ }}, not {Show(node)}");
        return properties.Count == 0 ? ImmutableSortedDictionary<string, string>.Empty : properties.ToImmutable();
    }

    /// <summary>One of an enumeration's names.</summary>
    /// <param name="key">The key.</param>
    /// <param name="later">Values that the design names and this version refuses.</param>
    public T OneOf<T>(string key, params ReadOnlySpan<string> later)
        where T : struct, Enum
    {
        var node = Node(key);
        if (node is null) return default;
        if (node is ConfigNode.Text t)
        {
            foreach (var value in Enum.GetValues<T>())
                if (Spelling.Of(value) == t.Value) return value;
            foreach (var name in later)
            {
                if (name != t.Value) continue;
                Fault(key, $"'{name}' is not supported yet; supported: {Names<T>()}");
                return default;
            }
        }
        Fault(key, $"must be one of {Names<T>()}, not {Show(node)}");
        return default;
    }

    /// <summary>Notes a fault for every key that was not read, with the nearest one that would have been.</summary>
    public void RefuseUnread()
    {
        foreach (var key in block.Fields.Keys)
        {
            if (_read.Contains(key)) continue;
            var nearest = Nearest(key);
            Fault(key, nearest is not null ? $"unknown key; did you mean {nearest}?"
                : _read.Count > 0 ? $"unknown key; known here: {string.Join(", ", _read)}" : "unknown key");
        }
    }

    /// <summary>A node for people.</summary>
    public static string Show(ConfigNode node) => node switch
    {
        ConfigNode.Text t => $"'{t.Value}'",
        ConfigNode.List => "a list",
        ConfigNode.Map m => $"{{ {string.Join(", ", m.Fields.Keys)} }}",
        _ => "that",
    };

    private T? Scalar<T>(string key, string wanted, Func<string, (bool Fits, T Value)> read)
    {
        var node = Node(key);
        if (node is null) return default;
        if (node is ConfigNode.Text t && read(t.Value) is (true, var value)) return value;
        Fault(key, $"must be {wanted}, not {Show(node)}");
        return default;
    }

    private static string Names<T>()
        where T : struct, Enum => string.Join(", ", Enum.GetValues<T>().Select(Spelling.Of).Order(StringComparer.Ordinal));

    private string? Nearest(string key) =>
        _read.Select(known => (known, distance: Distance(key, known))).Where(k => k.distance <= Math.Max(2, key.Length / 3))
            .OrderBy(k => k.distance).Select(k => k.known).FirstOrDefault();

    // Levenshtein's.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (row[j], cost);
            }
        }
        return row[b.Length];
    }
}
