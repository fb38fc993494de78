using System.Globalization;
using System.Text;

namespace StreamMLOps.Pipeline;

/// <summary>What stands in a file before substitutions are resolved.</summary>
internal abstract record RawNode(int Line)
{
    public sealed record Text(int Line, string Value, bool Quoted) : RawNode(Line);

    public sealed record List(int Line, List<RawNode> Items) : RawNode(Line);

    public sealed record Map(int Line, Dictionary<string, RawNode> Fields) : RawNode(Line);

    public sealed record Substitution(int Line, string Path, bool Optional) : RawNode(Line);

    public sealed record Concatenation(int Line, List<RawNode> Pieces) : RawNode(Line);
}

/// <summary>
/// Reads HOCON (https://github.com/lightbend/config/blob/main/HOCON.md) without <c>include</c> and <c>+=</c>. Akka.NET's own parser is not
/// used for files that people write: it takes unclosed braces in silence, knows no line numbers and overflows the stack on a
/// substitution that refers to itself. Stricter than the specification where that finds mistakes: a key is one word, a value
/// starts on its key's line, and '=' within a value must be quoted.
/// </summary>
internal sealed class HoconParser(string text, string name)
{
    private const int MaxDepth = 64;
    private int _at;
    private int _line = 1;
    private int _depth;

    public RawNode.Map ParseDocument()
    {
        if (text.StartsWith('\uFEFF')) _at = 1;
        SkipBlank(newlines: true);
        RawNode.Map root;
        if (Peek() == '{')
        {
            root = ParseMap();
            SkipBlank(newlines: true);
        }
        else
        {
            root = new RawNode.Map(1, new(StringComparer.Ordinal));
            ParseFields(root, end: '\0');
        }
        if (_at < text.Length) throw Fault($"'{Peek()}' closes nothing that was opened");
        return root;
    }

    private RawNode.Map ParseMap()
    {
        var map = new RawNode.Map(_line, new(StringComparer.Ordinal));
        Enter();
        _at++;
        ParseFields(map, end: '}');
        _at++;
        _depth--;
        return map;
    }

    private void ParseFields(RawNode.Map map, char end)
    {
        while (true)
        {
            SkipBlank(newlines: true, commas: true);
            if (_at == text.Length)
            {
                if (end == '\0') return;
                throw Fault("'{' is never closed", map.Line);
            }
            if (Peek() is '}' or ']')
            {
                if (Peek() == end || end == '\0') return;
                throw Fault($"'{Peek()}' where '}}' is due, for the '{{' of line {map.Line}");
            }
            ParseField(map);
        }
    }

    private void ParseField(RawNode.Map map)
    {
        var line = _line;
        var path = ParseKey();
        var key = string.Join('.', path);
        if (key == "include") throw Fault("include is not supported; put all settings into one file");
        SkipBlank(newlines: false);
        switch (Peek())
        {
            case '{':
                break;
            case '=' or ':':
                _at++;
                SkipBlank(newlines: false);
                SkipToOpenBracketBelow();
                break;
            case '+':
                throw Fault($"'{key} +=' is not supported; write the whole list");
            default:
                throw Fault($"'{key}' has no value; '=' or '{{' must follow it on its line", line);
        }
        Set(map, path, ParseValue(key, line));
    }

    // A brace or bracket may stand below its key; anything else there is another key's line.
    private void SkipToOpenBracketBelow()
    {
        var (at, line) = (_at, _line);
        SkipBlank(newlines: true);
        if (Peek() is not ('{' or '[')) (_at, _line) = (at, line);
    }

    private static void Set(RawNode.Map map, List<string> path, RawNode value)
    {
        foreach (var key in path[..^1])
        {
            if (!map.Fields.TryGetValue(key, out var inner) || inner is not RawNode.Map)
                map.Fields[key] = inner = new RawNode.Map(value.Line, new(StringComparer.Ordinal));
            map = (RawNode.Map)inner;
        }
        if (value is RawNode.Map later && map.Fields.TryGetValue(path[^1], out var earlier) && earlier is RawNode.Map into)
            foreach (var (key, inner) in later.Fields) Set(into, [key], inner);
        else
            map.Fields[path[^1]] = value;
    }

    private List<string> ParseKey()
    {
        var path = new List<string>();
        do
        {
            if (path.Count > 0) _at++; // the dot
            if (Peek() == '"')
            {
                path.Add(ParseQuoted());
                continue;
            }
            var from = _at;
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '-' or '_' or '/')) _at++;
            if (_at == from) throw Fault(Peek() == '\0' ? "a key is due here" : $"'{Peek()}' cannot start a key");
            path.Add(text[from.._at]);
        }
        while (Peek() == '.');
        return path;
    }

    private RawNode ParseValue(string key, int line)
    {
        var pieces = new List<RawNode>();
        var gap = new StringBuilder();
        while (true)
        {
            gap.Clear();
            while (Peek() is ' ' or '\t' or '\r') gap.Append(text[_at++]);
            if (AtEndOfValue(afterSpace: pieces.Count == 0 || gap.Length > 0)) break;
            // White space between two texts belongs to the value: "1 MiB".
            if (gap.Length > 0 && pieces.Count > 0) pieces.Add(new RawNode.Text(_line, gap.ToString(), Quoted: false));
            pieces.Add(Peek() switch
            {
                '{' => ParseMap(),
                '[' => ParseList(),
                '"' => new RawNode.Text(_line, ParseQuoted(), Quoted: true),
                '$' when Peek(1) == '{' => ParseSubstitution(),
                _ => ParseUnquoted(key),
            });
        }
        return pieces.Count switch
        {
            0 => throw Fault($"'{key}' has no value", line),
            1 => pieces[0],
            _ => new RawNode.Concatenation(line, pieces),
        };
    }

    private bool AtEndOfValue(bool afterSpace) => Peek() switch
    {
        '\0' or '\n' or ',' or '}' or ']' or '#' => true,
        '/' => afterSpace && Peek(1) == '/', // http://host is a value
        _ => false,
    };

    private RawNode.List ParseList()
    {
        var list = new RawNode.List(_line, []);
        Enter();
        _at++;
        while (true)
        {
            SkipBlank(newlines: true, commas: true);
            if (_at == text.Length) throw Fault("'[' is never closed", list.Line);
            if (Peek() == ']') break;
            if (Peek() == '}') throw Fault($"'}}' where ']' is due, for the '[' of line {list.Line}");
            list.Items.Add(ParseValue("the list's item", _line));
        }
        _at++;
        _depth--;
        return list;
    }

    private RawNode.Substitution ParseSubstitution()
    {
        var line = _line;
        _at += 2;
        var optional = Peek() == '?';
        if (optional) _at++;
        var end = text.IndexOfAny(['}', '\n'], _at);
        if (end < 0 || text[end] != '}') throw Fault("'${' is never closed");
        var path = text[_at..end].Trim();
        if (path.Length == 0) throw Fault("'${}' names nothing");
        _at = end + 1;
        return new RawNode.Substitution(line, path, optional);
    }

    private RawNode.Text ParseUnquoted(string key)
    {
        var from = _at;
        while (_at < text.Length && text[_at] is not ('\n' or ',' or '}' or ']' or '{' or '[' or '#' or '"' or '=' or ' ' or '\t' or '\r')
               && !(text[_at] == '$' && Peek(1) == '{')) _at++;
        if (Peek() == '=') throw Fault($"'=' in the value of '{key}': quote the value, or start the next key on a line of its own");
        return new RawNode.Text(_line, text[from.._at], Quoted: false);
    }

    private string ParseQuoted()
    {
        var line = _line;
        if (text.AsSpan(_at).StartsWith("\"\"\""))
        {
            var end = text.IndexOf("\"\"\"", _at + 3, StringComparison.Ordinal);
            if (end < 0) throw Fault("'\"\"\"' is never closed", line);
            while (end + 3 < text.Length && text[end + 3] == '"') end++; // quotes before the closing three belong to the text
            var value = text[(_at + 3)..end];
            _line += value.Count(c => c == '\n');
            _at = end + 3;
            return value;
        }
        _at++;
        var result = new StringBuilder();
        while (true)
        {
            switch (Peek())
            {
                case '\0' or '\n':
                    throw Fault("'\"' is never closed", line);
                case '"':
                    _at++;
                    return result.ToString();
                case '\\':
                    result.Append(ParseEscape());
                    break;
                default:
                    result.Append(text[_at++]);
                    break;
            }
        }
    }

    private char ParseEscape()
    {
        var c = Peek(1);
        _at += 2;
        switch (c)
        {
            case '"' or '\\' or '/': return c;
            case 'n': return '\n';
            case 't': return '\t';
            case 'r': return '\r';
            case 'b': return '\b';
            case 'f': return '\f';
            case 'u' when _at + 4 <= text.Length && ushort.TryParse(text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                _at += 4;
                return (char)code;
            default: throw Fault($"unknown escape '\\{c}'; a backslash is written '\\\\'");
        }
    }

    private void SkipBlank(bool newlines, bool commas = false)
    {
        while (_at < text.Length)
        {
            var c = text[_at];
            if (c == '\n' && newlines)
            {
                _line++;
                _at++;
            }
            else if ((c != '\n' && char.IsWhiteSpace(c)) || (c == ',' && commas))
            {
                _at++;
            }
            else if (c == '#' || (c == '/' && Peek(1) == '/'))
            {
                while (_at < text.Length && text[_at] != '\n') _at++;
            }
            else
            {
                return;
            }
        }
    }

    private void Enter()
    {
        if (++_depth > MaxDepth) throw Fault($"nested more than {MaxDepth} deep");
    }

    private char Peek(int ahead = 0) => _at + ahead < text.Length ? text[_at + ahead] : '\0';

    private HoconException Fault(string message, int line = 0) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{name}, line {(line == 0 ? _line : line)}: {message}"));
}
