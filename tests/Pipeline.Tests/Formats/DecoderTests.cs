using System.Globalization;
using System.Text;
using CsCheck;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>Helpers for the specs of decoders.</summary>
internal static class Decoding
{
    public static RawChunk Raw(params string[] records) => Raw([.. records.Select(Encoding.UTF8.GetBytes)]);

    public static RawChunk Raw(IReadOnlyList<byte[]> records, long from = 100)
    {
        var raw = new RawChunk(2, 0xabc, from);
        foreach (var record in records) raw.Add(record);
        raw.To = from + records.Count;
        return raw;
    }

    public static string RowText(RowBatch rows, int i)
    {
        var text = new StringBuilder();
        for (var k = rows.Starts[i]; k < rows.Starts[i + 1]; k++)
        {
            var name = rows.NameOf(k);
            text.Append(CultureInfo.InvariantCulture, $"{(name.IsEmpty ? rows.Indices[k].ToString(CultureInfo.InvariantCulture) : Encoding.UTF8.GetString(name))}:{rows.Values[k]:R} ");
        }
        return text.ToString().TrimEnd();
    }
}

/// <summary>What holds for every decoder, whatever the bytes.</summary>
public abstract class DecoderSpec
{
    protected abstract IDecoder Decoder { get; }

    /// <summary>Records that are rows, to be mutated.</summary>
    protected abstract string[] Seeds { get; }

    [Fact]
    public void No_bytes_make_it_throw_and_every_record_is_a_row_a_dead_letter_or_skipped()
    {
        var seeds = Seeds.Select(Encoding.UTF8.GetBytes).ToArray();
        var bytes = Gen.OneOf(
            Gen.Byte.Array[0, 40],
            Gen.Char["{}[]\":,.0123456789eE+-truefalsnNI \\udy"].Array[0, 40].Select(c => Encoding.UTF8.GetBytes(c)),
            Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Int[0, 200], Gen.Byte, Gen.Int[0, 3]).Select((seed, at, b, how) => Mutated(seeds[seed], at, b, how)));
        bytes.Array[1_000].Sample(
            records =>
            {
                using var raw = Decoding.Raw(records);
                using var chunk = Decoder.Decode(raw);
                Assert.Equal(raw.Range, chunk.Range);
                Assert.Equal(1_000, chunk.Count + chunk.DeadLetters.Count + chunk.Skipped);
                for (var i = 1; i < chunk.Count; i++) Assert.True(chunk.OffsetOf(i - 1) < chunk.OffsetOf(i));
                foreach (var value in chunk.Rows.Values) Assert.True(double.IsFinite(value) && value != 0);
                foreach (var letter in chunk.DeadLetters)
                {
                    Assert.Equal(records[letter.Offset - 100], letter.Bytes);
                    Assert.NotEqual(RowFault.None, letter.Fault);
                    Assert.NotEmpty(letter.Reason);
                    Assert.DoesNotContain('\n', letter.Reason);
                }
            },
            iter: 100);
    }

    [Fact]
    public void Equal_records_give_equal_rows_whatever_stands_beside_them()
    {
        foreach (var seed in Seeds)
        {
            using var alone = Decoder.Decode(Decoding.Raw(seed));
            using var beside = Decoder.Decode(Decoding.Raw(["#", "nonsense", Seeds[^1], seed, "{\"f\":", seed]));
            Assert.Equal(1, alone.Count);
            // What stands beside them is a row in some formats and none in others: the rows are found by their offsets.
            var rows = Enumerable.Range(0, beside.Count).ToDictionary(beside.OffsetOf);
            Assert.Equal(Decoding.RowText(alone.Rows, 0), Decoding.RowText(beside.Rows, rows[103]));
            Assert.Equal(Decoding.RowText(alone.Rows, 0), Decoding.RowText(beside.Rows, rows[105]));
            Assert.Equal(alone.Rows.Labels[0], beside.Rows.Labels[rows[105]]);
        }
    }

    [Fact]
    public void Blank_records_are_skipped_and_counted()
    {
        using var chunk = Decoder.Decode(Decoding.Raw("", Seeds[0], "  \t", "\r"));
        Assert.Equal(3, chunk.Skipped);
        Assert.Equal(1, chunk.Count);
        Assert.Equal(101, chunk.OffsetOf(0));
        Assert.Empty(chunk.DeadLetters);
    }

    [Fact]
    public void A_record_that_was_cut_is_too_large_and_says_how_large_it_was()
    {
        using var raw = Decoding.Raw(Seeds[0]);
        raw.Add(Encoding.UTF8.GetBytes(Seeds[0]));
        raw.MarkCut(1_000_000_000_000);
        raw.To++;
        using var chunk = Decoder.Decode(raw);

        Assert.Equal(1, chunk.Count);
        var letter = Assert.Single(chunk.DeadLetters);
        Assert.Equal((2, 0xabcul, 101L, "decode", RowFault.TooLarge, 1_000_000_000_000), (letter.Partition, letter.Epoch, letter.Offset, letter.Stage, letter.Fault, letter.OriginalLength));
        Assert.Equal(Seeds[0], Encoding.UTF8.GetString(letter.Bytes));
    }

    [Fact]
    public void Offsets_that_hold_no_record_count_as_skipped()
    {
        using var raw = new RawChunk(0, 1, from: 10);
        raw.Add(Encoding.UTF8.GetBytes(Seeds[0]));
        raw.SetOffset(12);
        raw.Add(Encoding.UTF8.GetBytes(Seeds[0]));
        raw.SetOffset(17);
        raw.To = 20;
        using var chunk = Decoder.Decode(raw);

        Assert.Equal((12, 17), (chunk.OffsetOf(0), chunk.OffsetOf(1)));
        Assert.Equal(8, chunk.Skipped);
    }

    private static byte[] Mutated(byte[] record, int at, byte b, int how)
    {
        at %= record.Length;
        return how switch
        {
            0 => [.. record[..at], b, .. record[(at + 1)..]],
            1 => [.. record[..at], .. record[(at + 1)..]],
            2 => [.. record[..at], b, .. record[at..]],
            _ => record[..at],
        };
    }
}

public sealed class SvmLightDecoderTests : DecoderSpec
{
    protected override IDecoder Decoder { get; } = new SvmLightDecoder();

    protected override string[] Seeds => ["+1 1:0.5 7:1 4294967295:2e-3", "-1 9:1 3:1 9:1 # a comment"];

    [Theory]
    [InlineData("x 1:1", RowFault.BadLabel, "byte 0")]
    [InlineData("+1 1:1 x:1", RowFault.BadIndex, "byte 7")]
    [InlineData("+1 4294967296:1", RowFault.BadIndex, "byte 3")]
    [InlineData("+1 1:x", RowFault.BadValue, "byte 5")]
    [InlineData("+1 1:1e999", RowFault.NotFinite, "byte 5")]
    [InlineData("+1 1:nan", RowFault.NotFinite, "byte 5")]
    public void A_bad_record_is_a_dead_letter_that_says_what_and_where(string record, RowFault fault, string where)
    {
        using var chunk = Decoder.Decode(Decoding.Raw(record));
        var letter = Assert.Single(chunk.DeadLetters);
        Assert.Equal(fault, letter.Fault);
        Assert.Contains(where, letter.Reason);
        Assert.Equal(record, Encoding.UTF8.GetString(letter.Bytes));
    }

    [Fact]
    public void A_dead_letter_keeps_no_more_than_the_limit()
    {
        using var chunk = new SvmLightDecoder(deadLetterBytes: 10).Decode(Decoding.Raw("x" + new string('1', 100)));
        Assert.Equal((10, 101L), (chunk.DeadLetters[0].Bytes.Length, chunk.DeadLetters[0].OriginalLength));
    }
}
