using CsCheck;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Tests.Settings;

public sealed class HoconTests
{
    [Theory]
    [InlineData("a { b = 1 }")]
    [InlineData("a.b = 1")]
    [InlineData("{ \"a\": { \"b\": 1 } }")]
    [InlineData("a { b = 2 }\na { b = 1 }")]
    [InlineData("a\n{ b = 1 }", false)]
    [InlineData("a =\n{\n  b = 1,\n}")]
    [InlineData("# a comment\na { b = 1 } // another\n")]
    [InlineData("x = 1\na { b = ${x} }\nx = null\nx = 1\n", true, "a", "x")]
    [InlineData("\uFEFFa.b: 1")]
    [InlineData("a.b = 1\r\n")]
    public void Equal_settings_may_be_written_in_many_ways(string text, bool valid = true, params string[] keys)
    {
        if (!valid)
        {
            Assert.Throws<HoconException>(() => Parse(text));
            return;
        }
        Assert.Equal("1", TextAt(text, "a.b"));
        Assert.Equal(keys.Length == 0 ? ["a"] : keys, Parse(text).Root.Fields.Keys);
    }

    [Theory]
    [InlineData("a = 1 MiB", "1 MiB")]
    [InlineData("a = 1 MiB # comment", "1 MiB")]
    [InlineData("a = http://host:80/x", "http://host:80/x")]
    [InlineData("a = x // comment", "x")]
    [InlineData("a = \"x # y = {z}\"", "x # y = {z}")]
    [InlineData("a = \"tab\\t\\\"quote\\\" \\u0041\"", "tab\t\"quote\" A")]
    [InlineData("a = \"\"\"two\nlines \"quoted\" \"\"\"", "two\nlines \"quoted\" ")]
    [InlineData("a = \"\"", "")]
    [InlineData("b = x, a = pre-${b}-post", "pre-x-post")]
    [InlineData("b = x, a = ${b} y", "x y")]
    [InlineData("a = -1.5e-3", "-1.5e-3")]
    public void Values_are_read_as_written(string text, string value) => Assert.Equal(value, TextAt(text, "a"));

    [Fact]
    public void Lists_hold_texts_blocks_and_lists()
    {
        var list = Assert.IsType<ConfigNode.List>(Parse("a = [ x, { hash { bits = 24 } }\n  [1, 2]\n 3, ]").At("a"));
        Assert.Equal(4, list.Items.Length);
        Assert.Equal(new ConfigNode.Text("x"), list.Items[0]);
        Assert.IsType<ConfigNode.Map>(list.Items[1]);
        Assert.Equal(2, Assert.IsType<ConfigNode.List>(list.Items[2]).Items.Length);
        Assert.Empty(Assert.IsType<ConfigNode.List>(Parse("a = []").At("a")).Items);
    }

    [Fact]
    public void Substitutions_come_from_the_file_or_else_from_the_environment()
    {
        Environment.SetEnvironmentVariable("STREAM_MLOPS_HOCON_TEST", "from outside");
        Assert.Equal("from outside", TextAt("a = ${STREAM_MLOPS_HOCON_TEST}", "a"));
        Assert.Equal("from inside", TextAt("a = ${STREAM_MLOPS_HOCON_TEST}, STREAM_MLOPS_HOCON_TEST = from inside", "a"));
        Assert.Null(Parse("a = ${?STREAM_MLOPS_NOT_SET}").At("a"));
        Assert.Equal("2", TextAt("base { x = 1, y = 1 }\na = ${base} { y = 2 }", "a.y"));
        Assert.Equal("1", TextAt("base { x = 1, y = 1 }\na = ${base} { y = 2 }", "a.x"));
        Assert.Equal(3, Assert.IsType<ConfigNode.List>(Parse("b = [1], a = ${b} [2, 3]").At("a")).Items.Length);
    }

    [Theory]
    [InlineData("a {\n b = 1\n", "file.conf, line 1: '{' is never closed")]
    [InlineData("a { b = 1 }\n}\nc = 1", "file.conf, line 2: '}' closes nothing that was opened")]
    [InlineData("a {\n b\n c = 1 }", "file.conf, line 2: 'b' has no value; '=' or '{' must follow it on its line")]
    [InlineData("a {\n b = \n c = 1 }", "file.conf, line 2: 'b' has no value")]
    [InlineData("a {\n b = \"x\n c = 1 }", "file.conf, line 2: '\"' is never closed")]
    [InlineData("a {\n b = [1, 2\n c = 1 }", "file.conf, line 3: '=' in the value of 'the list's item': quote the value, or start the next key on a line of its own")]
    [InlineData("a = [1, 2", "file.conf, line 1: '[' is never closed")]
    [InlineData("a = [1, 2\n}", "file.conf, line 2: '}' where ']' is due, for the '[' of line 1")]
    [InlineData("a {\n b = 1\n]", "file.conf, line 3: ']' where '}' is due, for the '{' of line 1")]
    [InlineData("a = 1 b = 2", "file.conf, line 1: '=' in the value of 'a': quote the value, or start the next key on a line of its own")]
    [InlineData("\n= 1", "file.conf, line 2: '=' cannot start a key")]
    [InlineData("hello world", "file.conf, line 1: 'hello' has no value; '=' or '{' must follow it on its line")]
    [InlineData("include \"other.conf\"", "file.conf, line 1: include is not supported; put all settings into one file")]
    [InlineData("a += 1", "file.conf, line 1: 'a +=' is not supported; write the whole list")]
    [InlineData("a = 1\nb = ${nowhere.to.be.found}", "file.conf, line 2: ${nowhere.to.be.found} is defined neither in this file nor in the environment")]
    [InlineData("a = ${a}", "file.conf, line 1: 'a' contains itself")]
    [InlineData("a = 1, b = ${a}, c = ${d}, d = ${c}", "file.conf, line 1: ${c} refers to itself")]
    [InlineData("a { b = ${a} }", "file.conf, line 1: ${a} refers to itself")]
    [InlineData("a = ${b", "file.conf, line 1: '${' is never closed")]
    [InlineData("a = x { b = 1 }", "file.conf, line 1: 'a' mixes text with a list or a block")]
    [InlineData("a = \"\\q\"", "file.conf, line 1: unknown escape '\\q'; a backslash is written '\\\\'")]
    public void What_is_no_hocon_is_told_with_file_and_line(string text, string message) =>
        Assert.Equal(message, Assert.Throws<HoconException>(() => Parse(text)).Message);

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        var e = Assert.Throws<HoconException>(() => Parse(string.Concat(Enumerable.Repeat("a {", 100_000))));
        Assert.Equal("file.conf, line 1: nested more than 64 deep", e.Message);
        Assert.Throws<HoconException>(() => Parse("a = " + new string('[', 100_000)));
    }

    [Fact]
    public void Any_text_is_read_or_refused_and_never_breaks_the_reader() =>
        Gen.Char["ab.={}[],\"\\$?#/\n 1:+"].Array[0, 60].Select(c => new string(c)).Sample(text =>
        {
            try
            {
                Parse(text);
            }
            catch (HoconException)
            {
                // Refused, with a line.
            }
        });

    [Fact]
    public void What_is_written_is_read_again_the_same()
    {
        var key = Gen.String[Gen.Char["ab-_. \"\\\nü"], 1, 5].Where(k => k != "include");
        var text = Gen.String[Gen.Char["ab1 \"\\\n\t#=${}[],ü"], 0, 8].Select(s => (ConfigNode)new ConfigNode.Text(s));
        var node = Gen.Recursive<ConfigNode>((depth, inner) => depth > 3 ? text : Gen.OneOf(
            text,
            inner.Array[0, 3].Select(items => (ConfigNode)new ConfigNode.List([.. items])),
            Gen.Select(key, inner).Array[0, 3].Select(fields => (ConfigNode)fields.Aggregate(ConfigNode.Map.Empty, (m, f) => m.With(f.Item1, f.Item2)))));
        Gen.Select(key, node).Array[0, 3].Select(fields => fields.Aggregate(ConfigNode.Map.Empty, (m, f) => m.With(f.Item1, f.Item2)))
            .Sample(map => Assert.Equal(map.ToHocon(), Parse(map.ToHocon()).Root.ToHocon()));
    }

    private static HoconDocument Parse(string text) => HoconDocument.Parse(text, "file.conf");

    private static string? TextAt(string text, string path) => (Parse(text).At(path) as ConfigNode.Text)?.Value;
}
