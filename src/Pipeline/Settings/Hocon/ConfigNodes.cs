using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Layering and writing of settings as plain data.</summary>
public static class ConfigNodes
{
    /// <summary>The lower layer with everything the upper one says in its place: maps are merged, all else is replaced.</summary>
    public static ConfigNode.Map Overlay(this ConfigNode.Map lower, ConfigNode.Map upper)
    {
        foreach (var (key, value) in upper.Fields)
        {
            lower = value is ConfigNode.Map above && lower.Fields.TryGetValue(key, out var inner) && inner is ConfigNode.Map below
                ? lower.With(key, below.Overlay(above))
                : lower.With(key, value);
        }
        return lower;
    }

    /// <summary>A map with one value at a dotted path.</summary>
    public static ConfigNode.Map At(string path, ConfigNode value)
    {
        var keys = path.Split('.');
        for (var i = keys.Length - 1; i >= 0; i--) value = ConfigNode.Map.Empty.With(keys[i], value);
        return (ConfigNode.Map)value;
    }

    /// <summary>The node as HOCON that any parser reads: everything quoted that could be misread.</summary>
    public static string ToHocon(this ConfigNode node, int indent = 0)
    {
        var text = new StringBuilder();
        Write(text, node, indent, root: true);
        return text.ToString();
    }

    private static void Write(StringBuilder text, ConfigNode node, int indent, bool root)
    {
        switch (node)
        {
            case ConfigNode.Text t:
                text.Append(Quote(t.Value));
                break;
            case ConfigNode.List l:
                text.Append('[');
                for (var i = 0; i < l.Items.Length; i++)
                {
                    if (i > 0) text.Append(", ");
                    Write(text, l.Items[i], indent + 1, root: false);
                }
                text.Append(']');
                break;
            case ConfigNode.Map m:
                if (!root) text.Append("{\n");
                foreach (var (key, value) in m.Fields)
                {
                    text.Append(' ', indent * 2).Append(Quote(key)).Append(value is ConfigNode.Map ? " " : " = ");
                    Write(text, value, indent + 1, root: false);
                    text.Append('\n');
                }
                if (!root) text.Append(' ', (indent - 1) * 2).Append('}');
                break;
        }
    }

    /// <summary>The text in quotes where HOCON needs them, or always.</summary>
    internal static string Quote(string value, bool always = false)
    {
        if (!always && value.Length > 0 && value != "null" && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')) return value;
        var text = new StringBuilder("\"");
        foreach (var c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                _ => text.Append(c),
            };
        }
        return text.Append('"').ToString();
    }
}
