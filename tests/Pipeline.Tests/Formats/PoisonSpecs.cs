using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using StreamMLOps.Learning;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>
/// Records made to break a decoder: none crashes or stalls it, each injected one is one dead letter, and the good ones among them are rows as
/// if they were alone. <c>STREAMMLOPS_POISON_RECORDS=1000000</c> runs it in full.
/// </summary>
public sealed class PoisonSpecs(ITestOutputHelper output)
{
    private static readonly int Records = int.TryParse(Environment.GetEnvironmentVariable("STREAMMLOPS_POISON_RECORDS"), CultureInfo.InvariantCulture, out var n) ? n : 20_000;
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("STREAMMLOPS_POISON_SEED"), CultureInfo.InvariantCulture, out var s) ? s : Environment.TickCount;

    private static readonly SchemaSettings Schema = new(ImmutableSortedDictionary<string, FieldType>.Empty.Add("n", FieldType.Number), Required: false);

    public static TheoryData<string> Formats => ["svmlight", "json", "json-nested", "csv", "text", "protobuf"];

    private static (IDecoder Decoder, byte[] Good, byte[][] Poison) Of(string format) => format switch
    {
        "svmlight" => (new SvmLightDecoder(), Utf8("+1 1:0.5 7:1"),
        [
            .. Common, Utf8("+1 1:nan"), Utf8("+1 1:1e309"), Utf8("inf 1:1"), Utf8("+1 1:1e308 1:1e308"), Utf8("+1 4294967296:1"), Utf8("+1 :1"), Utf8("+1 1:"),
            Features(i => $" {i}:1", "+1"), Utf8("+1 " + new string('9', 1 << 20) + ":1"), Utf8("+1 -1:1"), Utf8("+1 1:0x10"), Utf8("+1 1:1\0"),
        ]),
        "json" or "json-nested" => (new JsonDecoder(new JsonMapping { Nested = format == "json-nested" }, schema: Schema), Utf8("""{"id":"a","f":{"1":0.5,"7":1},"y":1}"""),
        [
            .. Common, .. NotTexts, Utf8("{}"), Utf8("null"), Utf8("[]"), Utf8("{\"f\":null}"), Utf8("{\"f\":{\"a\":NaN}}"), Utf8("{\"f\":{\"a\":1e309}}"), Utf8("{\"f\":{\"a\":\"Infinity\"}}"),
            Utf8("{\"f\":{\"a\":1e308,\"a\":1e308}}"), Utf8("{\"f\":{\"\":1}}"), Utf8("{null:1}"), Utf8("{\"f\":{null:1}}"), Utf8("{\"f\":{\"n\":\"x\"}}"), Utf8("{\"f\":{},\"f\":{}}"),
            Utf8("{\"f\":{\"a\":\"\\ud800\"}}"), Utf8("{\"f\":{\"\\ud800\":1}}"), Utf8("{\"f\":{\"a\":1},\"y\":1e309}"), Utf8("{\"f\":{},\"st\":1e308}"),
            Utf8(string.Concat(Enumerable.Repeat("{\"f\":", 100_000))), Utf8(string.Concat(Enumerable.Repeat("[", 100_000))), Utf8("{\"f\":" + string.Concat(Enumerable.Repeat("{\"a\":", 1000)) + "1" + new string('}', 1001)),
            Features(i => $"{(i == 0 ? "" : ",")}\"{i}\":1", "{\"f\":{", "}}"), Utf8("{\"f\":{\"" + new string('n', 1 << 20) + "\":1}}"), Utf8("{\"f\":{\"a\":" + new string('9', 1 << 20) + "}}"),
        ]),
        "csv" => (new CsvDecoder(new CsvMapping(["id", "x", "n", "y"], Id: "id", Label: "y"), schema: Schema), Utf8("a,0.5,1,1"),
        [
            .. Common, .. NotTexts, Utf8("a,nan,1,1"), Utf8("a,1e309,1,1"), Utf8("a,1,x,1"), Utf8("a,1,true,1"), Utf8("a,1,1,yes"), Utf8("a,\"1,1,1"), Utf8("a,1"), Utf8(new string(',', 1 << 20)),
            Utf8("a,1,1,1e309"), Features(i => $"{i},", ""), Utf8($"{new string('i', 1 << 20)},1,1,1"),
        ]),
        "text" => (new TextDecoder(new TextMapping(Label: TextLabel.Tab)), Utf8("1\tgood words"),
        [
            .. Common, .. NotTexts, Utf8("no label"), Utf8("nan\tx"), Utf8("1e309\tx"), Utf8("\tx"), Utf8("1\t" + new string('x', 1 << 20)), Features(i => $"w{i} ", "1\t"),
        ]),
        _ => (new ProtobufDecoder(), ProtobufDecoderTests.Encode("a", [1, 7], [0.5, 1], label: 1),
        [
            [0xff], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], [0x0b], [0x07], [0x00], [0x1a, 0x07, 0, 0, 0, 0, 0, 0, 0], [0x12, 0x01, 0x80], [0x12, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x0a, 0x01, 0xff],
            ProtobufDecoderTests.Encode(indices: [1], values: [double.NaN]), ProtobufDecoderTests.Encode(indices: [1], values: [double.NegativeInfinity]), ProtobufDecoderTests.Encode(indices: [1, 1], values: [1e308, 1e308]),
            ProtobufDecoderTests.Encode(label: double.NaN), ProtobufDecoderTests.Encode(named: [("", 1)]), ProtobufDecoderTests.Encode(indices: [.. Enumerable.Range(0, 1_000_000).Select(i => (uint)i)]),
            ProtobufDecoderTests.Encode(named: [(new string('n', 1 << 20), 1)]), [.. Enumerable.Repeat((byte)0x80, 1 << 20)],
        ]),
    };

    // Poison in every format.
    private static byte[][] Common => [[0xff, 0xfe], [0], Utf8("\0\0\0"), [0xc3, 0x28], [.. Enumerable.Repeat((byte)'(', 1 << 20)], Utf8("}{"), Utf8("\ufeff")];

    // Poison where the record must be UTF-8.
    private static byte[][] NotTexts => [[0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80]];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Each_injected_record_is_one_dead_letter_and_the_good_ones_are_rows(string format)
    {
        output.WriteLine($"{format}: {Records} records, seed {Seed} (STREAMMLOPS_POISON_RECORDS, STREAMMLOPS_POISON_SEED)");
        var (decoder, good, poison) = Of(format);
        using var alone = decoder.Decode(Decoding.Raw([good]));
        var expected = Decoding.RowText(alone.Rows, 0);
        foreach (var record in poison)
        {
            using var chunk = decoder.Decode(Decoding.Raw([record]));
            Assert.True(chunk.DeadLetters.Count == 1, $"no dead letter: {Encoding.UTF8.GetString(record.AsSpan(0, Math.Min(60, record.Length)))}");
        }

        // The large ones are seldom, so that a million records are not a terabyte.
        var small = poison.Where(p => p.Length < 1_000).ToArray();
        var random = new Random(Seed);
        var (injected, rows, letters, slowest) = (0, 0, 0, TimeSpan.Zero);
        for (var done = 0; done < Records;)
        {
            var records = new byte[Math.Min(256, Records - done)][];
            var bad = 0;
            for (var i = 0; i < records.Length; i++)
            {
                var isBad = random.Next(3) == 0;
                records[i] = !isBad ? good : random.Next(5_000) == 0 ? poison[random.Next(poison.Length)] : small[random.Next(small.Length)];
                if (isBad) bad++;
            }
            done += records.Length;
            injected += bad;
            using var raw = Decoding.Raw(records);
            var started = Stopwatch.GetTimestamp();
            using var chunk = decoder.Decode(raw);
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(started).Ticks));
            rows += chunk.Count;
            letters += chunk.DeadLetters.Count;
            Assert.Equal(0, chunk.Skipped);
            if (chunk.Count > 0) Assert.Equal(expected, Decoding.RowText(chunk.Rows, chunk.Count - 1));
        }
        output.WriteLine($"{injected} injected = {letters} dead letters, {rows} rows, slowest chunk {slowest.TotalMilliseconds:0.0} ms");
        Assert.Equal((injected, Records - injected), (letters, rows));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Bytes_changed_at_random_never_throw_and_every_record_is_accounted_for(string format)
    {
        output.WriteLine($"{format}: {Records} records, seed {Seed}");
        var (decoder, good, poison) = Of(format);
        byte[][] seeds = [good, .. poison.Where(p => p.Length is > 0 and < 200)];
        var random = new Random(Seed);
        for (var done = 0; done < Records; done += 256)
        {
            var records = new byte[256][];
            for (var i = 0; i < records.Length; i++)
            {
                var record = seeds[random.Next(seeds.Length)].ToArray();
                for (var k = random.Next(4); k > 0; k--) record[random.Next(record.Length)] = (byte)random.Next(256);
                records[i] = random.Next(4) == 0 ? record[..random.Next(record.Length + 1)] : record;
            }
            using var raw = Decoding.Raw(records);
            using var chunk = decoder.Decode(raw);
            Assert.Equal(256, chunk.Count + chunk.DeadLetters.Count + chunk.Skipped);
            foreach (var value in chunk.Rows.Values) Assert.True(double.IsFinite(value) && value != 0);
            foreach (var letter in chunk.DeadLetters) Assert.Equal(records[letter.Offset - 100], letter.Bytes);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_value_of_fifty_megabytes_is_refused_with_no_more_of_it_kept_than_the_limit(string format)
    {
        var (decoder, good, _) = Of(format);
        var huge = new byte[50 << 20];
        huge.AsSpan().Fill((byte)'9');
        good.CopyTo(huge, 0);
        using var whole = decoder.Decode(Decoding.Raw([huge, good]));
        var letter = Assert.Single(whole.DeadLetters);
        Assert.Equal((64 << 10, (long)huge.Length), (letter.Bytes.Length, letter.OriginalLength));
        Assert.Equal(1, whole.Count);

        // As a source hands it over: cut at limits.record-bytes.
        using var raw = Decoding.Raw([huge[..(1 << 20)]]);
        raw.MarkCut(huge.Length);
        using var cut = decoder.Decode(raw);
        Assert.Equal((RowFault.TooLarge, (long)huge.Length), (cut.DeadLetters.Single().Fault, cut.DeadLetters[0].OriginalLength));
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    // A record of a million features.
    private static byte[] Features(Func<int, string> feature, string before, string after = "")
    {
        var text = new StringBuilder(before);
        for (var i = 0; i < 1_000_000; i++) text.Append(feature(i));
        return Utf8(text.Append(after).ToString());
    }
}
