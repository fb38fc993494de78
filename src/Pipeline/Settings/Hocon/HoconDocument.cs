using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A settings file as plain data, with the line of every key, so that a fault found later can say where it was written.
/// </summary>
/// <param name="Name">File name for people.</param>
/// <param name="Root">All settings, substitutions resolved.</param>
/// <param name="Lines">Line number (from 1) of each dotted path.</param>
public sealed record HoconDocument(string Name, ConfigNode.Map Root, ImmutableDictionary<string, int> Lines)
{
    /// <summary>Reads HOCON text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">Name of the file for messages.</param>
    /// <exception cref="HoconException">The text is not HOCON; the message names file and line.</exception>
    public static HoconDocument Parse(string text, string name)
    {
        var raw = new HoconParser(text, name).ParseDocument();
        return new HoconResolver(raw, name).Resolve();
    }

    /// <summary>Settings that come from code (command line options), as a layer.</summary>
    public static HoconDocument Of(string name, ConfigNode.Map root) => new(name, root, ImmutableDictionary<string, int>.Empty);

    /// <summary>The node at a dotted path, or null.</summary>
    public ConfigNode? At(string path)
    {
        ConfigNode? node = Root;
        foreach (var key in path.Split('.'))
            node = node is ConfigNode.Map map && map.Fields.TryGetValue(key, out var next) ? next : null;
        return node;
    }
}

/// <summary>Text that is not HOCON: says what is wrong, in which file and line.</summary>
public sealed class HoconException(string message) : Exception(message);
