using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The examples of docs/messages.md are what the program reads and writes.</summary>
public sealed class MessagesDocumentTests
{
    private static string Text([CallerFilePath] string here = "") => File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/messages.md"));

    private static string Block(string kind)
    {
        var text = Text().ReplaceLineEndings("\n");
        var from = text.IndexOf($"\n```{kind}\n", StringComparison.Ordinal);
        Assert.True(from >= 0, $"no example of {kind}");
        from += kind.Length + 5;
        return text[from..text.IndexOf("\n```", from, StringComparison.Ordinal)];
    }

    private static string Sorted(Chunk chunk, int row = 0)
    {
        Assert.Empty(chunk.DeadLetters);
        return string.Join(' ', Decoding.RowText(chunk.Rows, row).Split(' ').Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Svmlight()
    {
        using var chunk = new SvmLightDecoder().Decode(Decoding.Raw(Block("svmlight")));
        Assert.Equal("17:1 3:0.5 4294967295:0.002", Sorted(chunk));
    }

    [Fact]
    public void Json()
    {
        using var chunk = new JsonDecoder().Decode(Decoding.Raw(Block("json")));
        Assert.Equal("17:1 host:0.5 https:1", Sorted(chunk));
        Assert.Equal(("url-1", 1.0, 1_709_208_000_000), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.Rows.Labels[0], chunk.TimeOf(0)));
        using var nested = new JsonDecoder(new JsonMapping(Features: "*") { Nested = true }).Decode(Decoding.Raw(Block("json nested")));
        Assert.Equal("geo.lat:48.1 tags=new:1 tags=paid:1 v.0:0.5 v.1:2", Sorted(nested));
    }

    [Fact]
    public void Csv()
    {
        var lines = Block("csv").Split('\n');
        var schema = new SchemaSettings(ImmutableSortedDictionary<string, FieldType>.Empty.Add("country", FieldType.String), Required: true);
        var decoder = new CsvDecoder(new CsvMapping([], Id: "id", Label: "label"), () => Encoding.UTF8.GetBytes(lines[0]), schema);
        using var chunk = decoder.Decode(Decoding.Raw([.. lines.Select(Encoding.UTF8.GetBytes)], from: 0));
        Assert.Equal("amount:12.5 country=DE:1", Sorted(chunk));
        Assert.Equal("country=Trinidad, Tobago:1", Decoding.RowText(chunk.Rows, 1));
        Assert.Equal((2, 1L), (chunk.Count, chunk.Skipped));
    }

    [Fact]
    public void RawText()
    {
        using var chunk = new TextDecoder(new TextMapping(Label: TextLabel.Tab)).Decode(Decoding.Raw(Block("text")));
        Assert.Contains("login:1", Sorted(chunk));
        Assert.Equal(1, chunk.Rows.Labels[0]);
    }

    [Fact]
    public void Protobuf()
    {
        var bytes = Convert.FromHexString(string.Concat(Block("hex").Where(char.IsAsciiHexDigit)));
        using var chunk = new ProtobufDecoder().Decode(Decoding.Raw([bytes]));
        Assert.Equal("17:1 3:0.5 host:2", Sorted(chunk));
        Assert.Equal(("u1", 1.0, 1_000), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.Rows.Labels[0], chunk.TimeOf(0)));
        Assert.Equal(bytes, ProtobufDecoderTests.Encode("u1", [3, 17], [0.5, 1], [("host", 2)], 1, 1_000));
    }

    [Fact]
    public void Labels()
    {
        Assert.True(LabelMessage.TryParse(Encoding.UTF8.GetBytes(Block("json label")), new LabelMapping(), out var label, out var reason), reason);
        Assert.Equal(new LabelMessage("url-1", 1, 1_709_208_000_000, true, 2), label);
    }

    [Theory]
    [InlineData("{}", "no id")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{\"id\":\"a\"}", "no label (field y)")]
    [InlineData("{\"id\":\"a\",\"y\":\"NaN\"}", "not a finite number")]
    [InlineData("{\"id\":\"a\",\"y\":null}", "not a finite number")]
    [InlineData("{\"id\":\"a\",\"y\":1,\"st\":\"noon\"}", "event time")]
    [InlineData("{\"id\":", "not a label")]
    public void What_is_no_label_says_why(string message, string why)
    {
        Assert.False(LabelMessage.TryParse(Encoding.UTF8.GetBytes(message), new LabelMapping(), out _, out var reason));
        Assert.Contains(why, reason);
    }

    [Fact]
    public void Predictions()
    {
        Assert.True(PredictionReader.TryParse(Encoding.UTF8.GetBytes(Block("json prediction")), out var prediction, out var reason), reason);
        Assert.Equal(("url-1", 123, new ModelVersion("main", 0, 17)), (prediction.Id, prediction.Offset, prediction.Version));
        Assert.True(PredictionReader.TryParse(Encoding.UTF8.GetBytes(Block("json prediction-classes")), out prediction, out reason), reason);
        Assert.Equal((0.5, 1.0), (prediction.Score, prediction.Label));
        Assert.Equal([0.25, 0.5, 0.25], prediction.Scores!);
    }

    [Theory]
    [InlineData("json drift", "drift", AlertState.Noted)]
    [InlineData("json alert", "frozen", AlertState.Raised)]
    [InlineData("json alert-node", "dead-letter-share", AlertState.Raised)]
    public void Alerts(string block, string kind, AlertState state)
    {
        var line = Block(block);
        Assert.True(AlertMessage.TryParse(Encoding.UTF8.GetBytes(line), out var alert, out var reason), reason);
        Assert.Equal((kind, state), (alert.Kind, alert.State));
        using var written = AlertMessage.Encode([alert]);
        Assert.Equal(line, Encoding.UTF8.GetString(written[0]));
        if (alert.History is { } history) Assert.Equal(history.IdOf(alert.Sequence, kind, 0), alert.Id);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"family\":\"news\"}")]
    public void What_is_no_alert_is_said(string message)
    {
        Assert.False(AlertMessage.TryParse(Encoding.UTF8.GetBytes(message), out _, out var reason));
        Assert.Contains("not an alert", reason);
    }

    [Fact]
    public void DeadLetters()
    {
        var line = Block("json dead-letter");
        Assert.True(DeadLetterReader.TryParse(Encoding.UTF8.GetBytes(line), out var letter, out var reason), reason);
        using var written = new DeadLetterWriter("malicious-url").Encode([letter])!;
        Assert.Equal(line, Encoding.UTF8.GetString(written[0]));
        using var chunk = new SvmLightDecoder().Decode(Decoding.Raw([letter.Bytes]));
        Assert.Equal((letter.Fault, letter.Reason), (chunk.DeadLetters[0].Fault, chunk.DeadLetters[0].Reason));
        Assert.All(Enum.GetNames<Learning.RowFault>().Except(["None", "Blank"]), name => Assert.Contains($"`{name}`", Text()));
    }
}
