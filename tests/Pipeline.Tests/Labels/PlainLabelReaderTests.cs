using System.Text;

namespace StreamMLOps.Pipeline.Tests;

public sealed class PlainLabelReaderTests
{
    private const int MaxId = 64;
    private static readonly string[] Names = ["id", "y", "st", "weight", "corrects", "other", "\\u0069d"];
    private static readonly string[] Values =
    [
        "\"a-17\"", "\"\"", "\"\\u0061\"", "\"\uFFFD\"", "17", "0", "-1.5", "1e400", "1e3", "1709294400000", "9223372036854775808", "null", "true", "false",
        "{\"id\":\"x\",\"y\":3}", "[1,2]", "\"2024-03-01T12:00:00Z\"", "\"0.5\"", "01", "nan", $"\"{new string('x', MaxId + 1)}\"",
    ];

    [Fact]
    public void What_it_reads_is_what_the_reader_of_all_messages_reads_and_plain_labels_it_does_read()
    {
        var random = new Random(7);
        var (mapping, id, read) = (new LabelMapping(), new byte[MaxId], 0);
        var reader = new PlainLabelReader(mapping);
        for (var round = 0; round < 200_000; round++)
        {
            var fields = Enumerable.Range(0, random.Next(1, 7)).Select(i => $"\"{(random.Next(3) > 0 ? Names[i % 5] : Names[random.Next(Names.Length)])}\":{Usual(random, i) ?? Values[random.Next(Values.Length)]}");
            var message = Encoding.UTF8.GetBytes($"{(random.Next(20) == 0 ? " " : "")}{{{string.Join(',', fields)}{(random.Next(50) == 0 ? "" : "}")}{(random.Next(20) == 0 ? " rest" : "")}");
            if (random.Next(20) == 0) message[random.Next(message.Length)] = (byte)random.Next(256);
            if (!reader.TryRead(message, id, out var plain)) continue;
            read++;
            Assert.True(LabelMessage.TryParse(message, mapping, out var label, out var reason), $"{Encoding.UTF8.GetString(message)}: {reason}");
            Assert.Equal(label, new LabelMessage(Encoding.UTF8.GetString(id, 0, plain.IdLength), plain.Label, plain.Time, plain.Corrects, plain.Weight));
        }
        Assert.InRange(read, 10_000, 190_000);
        Assert.True(reader.TryRead("""{"id":"url-1","y":1,"st":1700000000000,"weight":2,"corrects":true}"""u8, id, out var all));
        Assert.Equal(new PlainLabel(5, 1, 1_700_000_000_000, 2, true), all);
        // Two fields of one name in the mapping: each is read, by the other one.
        Assert.False(new PlainLabelReader(new LabelMapping(EventTime: "y")).TryRead("""{"id":"a","y":1}"""u8, id, out _));
    }

    // Mostly what belongs to the field.
    private static string? Usual(Random random, int field) => random.Next(4) == 0 ? null : (field % 5) switch { 0 => "\"a-1\"", 1 => "-1", 2 => "5", 3 => "2", _ => "true" };
}
