using System.Text;
using Google.Protobuf;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>The hand-written decoder against what Google's own encoder writes.</summary>
public sealed class ProtobufDecoderTests
{
    private static readonly ProtobufDecoder Decoder = new();

    internal static byte[] Encode(string? id = null, uint[]? indices = null, double[]? values = null, (string Name, double Value)[]? named = null, double? label = null, long? time = null, bool packed = true)
    {
        using var bytes = new MemoryStream();
        using var output = new CodedOutputStream(bytes);
        if (id is not null)
        {
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(id);
        }
        if (packed && indices is not null)
        {
            output.WriteTag(2, WireFormat.WireType.LengthDelimited);
            output.WriteLength(indices.Sum(CodedOutputStream.ComputeUInt32Size));
            foreach (var i in indices) output.WriteUInt32(i);
        }
        foreach (var i in packed ? [] : indices ?? [])
        {
            output.WriteTag(2, WireFormat.WireType.Varint);
            output.WriteUInt32(i);
        }
        if (packed && values is not null)
        {
            output.WriteTag(3, WireFormat.WireType.LengthDelimited);
            output.WriteLength(8 * values.Length);
            foreach (var v in values) output.WriteDouble(v);
        }
        foreach (var v in packed ? [] : values ?? [])
        {
            output.WriteTag(3, WireFormat.WireType.Fixed64);
            output.WriteDouble(v);
        }
        foreach (var (name, value) in named ?? [])
        {
            output.WriteTag(4, WireFormat.WireType.LengthDelimited);
            output.WriteLength(1 + CodedOutputStream.ComputeStringSize(name) + 9);
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(name);
            output.WriteTag(2, WireFormat.WireType.Fixed64);
            output.WriteDouble(value);
        }
        if (label is { } y)
        {
            output.WriteTag(5, WireFormat.WireType.Fixed64);
            output.WriteDouble(y);
        }
        if (time is { } t)
        {
            output.WriteTag(6, WireFormat.WireType.Varint);
            output.WriteSInt64(t);
        }
        output.Flush();
        return bytes.ToArray();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_field_is_read_packed_or_not(bool packed)
    {
        using var chunk = Decoder.Decode(Decoding.Raw([Encode("höst-1", [7, uint.MaxValue, 3], [1, -0.25, 2e-3], [("colour", 0.5)], label: -1, time: -1_500, packed)]));
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(["3:0.002", "4294967295:-0.25", "7:1", "colour:0.5"], Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        Assert.Equal(("höst-1", -1.0, -1_500), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.Rows.Labels[0], chunk.TimeOf(0)));
    }

    [Fact]
    public void Indices_without_values_are_ones_and_what_is_absent_is_absent()
    {
        using var chunk = Decoder.Decode(Decoding.Raw([Encode(indices: [2, 1]), []]));
        Assert.Equal("1:1 2:1", Decoding.RowText(chunk.Rows, 0));
        Assert.True(double.IsNaN(chunk.Rows.Labels[0]));
        Assert.Equal((Chunk.NoTime, 1L), (chunk.TimeOf(0), chunk.Skipped));
    }

    [Fact]
    public void Fields_of_a_later_version_are_passed_over()
    {
        using var chunk = Decoder.Decode(Decoding.Raw([[.. Encode(indices: [1], label: 1), 0x9a, 0x06, 3, 1, 2, 3, 0xa5, 0x06, 1, 2, 3, 4]]));
        Assert.Equal(1, chunk.Count);
    }

    [Fact]
    public void A_bad_message_is_a_dead_letter_with_its_fault()
    {
        (byte[] Message, RowFault Fault)[] bad =
        [
            ([0xff], RowFault.Malformed),
            ([0x0a, 0x05, 1], RowFault.Malformed),
            ([0x0b], RowFault.Malformed),
            ([0x08, 0x01], RowFault.Malformed),
            ([0x0a, 0x02, 0xc3, 0x28], RowFault.Malformed),
            (Encode(indices: [1, 2], values: [1]), RowFault.Malformed),
            (Encode(indices: [1], values: [double.NaN]), RowFault.NotFinite),
            (Encode(indices: [1, 1], values: [1.7e308, 1.7e308]), RowFault.NotFinite),
            (Encode(named: [("a", double.PositiveInfinity)]), RowFault.NotFinite),
            (Encode(named: [("", 1)]), RowFault.BadIndex),
            ([0x10, 0xff, 0xff, 0xff, 0xff, 0x1f], RowFault.BadIndex),
            (Encode(label: double.NaN), RowFault.NotFinite),
            (Encode(id: new string('i', 1025)), RowFault.TooLarge),
            (Encode(indices: [.. Enumerable.Range(0, 65_537).Select(i => (uint)i)]), RowFault.TooManyFeatures),
        ];
        using var chunk = Decoder.Decode(Decoding.Raw([.. bad.Select(b => b.Message)]));
        Assert.Equal(bad.Select(b => b.Fault), chunk.DeadLetters.Select(l => l.Fault));
        Assert.Equal(0, chunk.Count);
    }

    [Fact]
    public void No_bytes_make_it_throw()
    {
        var seed = Encode("id", [1, 2, 3], [1, 2, 3], [("name", 1)], 1, 5);
        var random = new Random(11);
        var records = Enumerable.Range(0, 20_000).Select(_ =>
        {
            var record = seed.ToArray();
            for (var k = random.Next(3); k >= 0; k--) record[random.Next(record.Length)] = (byte)random.Next(256);
            return record[..random.Next(record.Length + 1)];
        }).ToArray();
        using var chunk = Decoder.Decode(Decoding.Raw(records));
        Assert.Equal(records.Length, chunk.Count + chunk.DeadLetters.Count + chunk.Skipped);
        foreach (var value in chunk.Rows.Values) Assert.True(double.IsFinite(value) && value != 0);
    }
}
