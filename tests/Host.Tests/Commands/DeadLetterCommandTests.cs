using StreamMLOps.Pipeline;

namespace StreamMLOps.Host.Tests.Commands;

public sealed class DeadLetterCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _letters;
    private readonly string _config;

    public DeadLetterCommandTests()
    {
        Directory.CreateDirectory(_folder.File("data"));
        File.WriteAllText(_folder.File("data/journal.db"), "");
        _letters = _folder.File("data/dead-letters.jsonl");
        _config = _folder.File("p.conf");
        Configure("svmlight");
        // What the pipeline itself would have made of these records.
        using var raw = new RawChunk(0, 0xabc, 10);
        foreach (var record in new byte[][] { [.. "+1 1:1"u8], [.. """{"f":{"a":1},"y":1}"""u8], [.. "nonsense"u8], [0xff, 0xfe, 0x00] }) raw.Add(record);
        raw.To = 14;
        using var chunk = new SvmLightDecoder().Decode(raw);
        using var cut = new SvmLightDecoder(deadLetterBytes: 3).Decode(Raw("x y z", 20));
        using var records = new DeadLetterWriter("p").Encode([.. chunk.DeadLetters, .. cut.DeadLetters])!;
        File.WriteAllLines(_letters, Enumerable.Range(0, records.Count).Select(i => System.Text.Encoding.UTF8.GetString(records[i])));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void They_are_listed_by_cause_and_one_by_one()
    {
        var output = Run();
        Assert.Contains("4 dead letters", output);
        Assert.Contains("4  decode  BadLabel: the label is missing or is not a number", output);
        Assert.Contains("1  0-11  BadLabel: the label is missing or is not a number, at byte 0: {\"f\":{\"a\":1},\"y\":1}", output);
    }

    [Fact]
    public void One_is_shown_whole_and_the_terminal_is_spared_its_bytes()
    {
        Assert.Contains("{\"f\":{\"a\":1},\"y\":1}", Run("--show", "1"));
        Assert.Contains("FFFE00", Run("--show", "3"));
        var cut = Run("--show", "4");
        Assert.Contains("record    0-20 of 0000000000000abc", cut);
        Assert.Contains("5, of which 3 are kept", cut);
    }

    [Theory]
    [InlineData("--stage", "featurize", 0)]
    [InlineData("--stage", "decode", 4)]
    [InlineData("--reason", "BadLabel", 4)]
    [InlineData("--reason", "nonsense", 1)]
    public void They_can_be_chosen_by_stage_and_reason(string option, string value, int expected) =>
        Assert.Contains($"{expected} dead letters", Run(option, value));

    [Fact]
    public void After_a_fix_those_that_can_be_read_are_requeued_once_byte_for_byte_and_all_stay()
    {
        var before = File.ReadAllText(_letters);
        Configure("json");
        var target = _folder.File("again.jsonl");
        var output = Run("--requeue", target);
        Assert.Contains("1 requeued to", output);
        Assert.Contains("2 still refused, 1 not whole", output);
        Assert.Equal("{\"f\":{\"a\":1},\"y\":1}\n", File.ReadAllText(target));
        Assert.Contains("0 requeued to", Run("--requeue", target));
        Assert.Equal("{\"f\":{\"a\":1},\"y\":1}\n", File.ReadAllText(target));
        Assert.Equal(before, File.ReadAllText(_letters));
    }

    [Fact]
    public void A_file_that_is_not_there_or_holds_something_else_is_bad_input_by_name()
    {
        Assert.Contains("not there", Assert.Throws<BadInputException>(() => Run("--file", "none.jsonl")).Message);
        File.AppendAllText(_letters, "{}\n");
        Assert.Contains("line 5", Assert.Throws<BadInputException>(() => Run()).Message);
    }

    private static RawChunk Raw(string record, long offset)
    {
        var raw = new RawChunk(0, 0xabc, offset) { To = offset + 1 };
        raw.Add(System.Text.Encoding.UTF8.GetBytes(record));
        return raw;
    }

    private void Configure(string format) =>
        File.WriteAllText(_config, $"stream-mlops {{ data-folder = \"{_folder.File("data")}\", pipelines.p.source {{ path = rows, format = {format} }} }}");

    private string Run(params string[] options)
    {
        string? Of(string name) => Array.IndexOf(options, name) is var i and >= 0 ? options[i + 1] : null;
        var output = new StringWriter();
        var show = Of("--show") is { } n ? long.Parse(n, System.Globalization.CultureInfo.InvariantCulture) : (long?)null;
        var status = new DeadLetterCommands(new Terminal(output, output, TextReader.Null, null))
            .Run(new DeadLetterRequest(null, _config, null, Of("--file"), Of("--stage"), Of("--reason"), show, Of("--requeue")));
        Assert.Equal(ExitStatus.Ok, status);
        return output.ToString();
    }
}
