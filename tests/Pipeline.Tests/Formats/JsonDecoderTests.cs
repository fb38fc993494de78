using System.Globalization;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class JsonDecoderTests : DecoderSpec
{
    protected override IDecoder Decoder { get; } = new JsonDecoder();

    protected override string[] Seeds =>
    [
        """{"id":"a","f":{"1":0.5,"7":1,"host":2e-3},"y":1,"st":1700000000000}""",
        """{"y":"-1","f":{"h\u00f6st":true,"\u0031":"3.5","x":null},"id":17,"other":[1,{"f":2}],"st":"2024-02-29T12:00:00Z"}""",
    ];

    private Chunk Decode(string record, JsonMapping? mapping = null) => new JsonDecoder(mapping).Decode(Decoding.Raw(record));

    [Fact]
    public void The_fields_of_the_published_producers_are_read()
    {
        using var chunk = Decode("""{"id":"url-1","f":{"7":1,"1":0.5},"y":1,"st":1700000000123}""");
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal("1:0.5 7:1", Decoding.RowText(chunk.Rows, 0));
        Assert.False(chunk.Rows.HasNames);
        Assert.Equal(1, chunk.Rows.Labels[0]);
        Assert.Equal("url-1", Encoding.UTF8.GetString(chunk.IdOf(0)));
        Assert.Equal(1_700_000_000_123, chunk.TimeOf(0));
        Assert.Equal(100, chunk.OffsetOf(0));
    }

    [Fact]
    public void Paths_lead_into_objects()
    {
        using var chunk = Decode(
            """{"meta":{"key":"k","at":5,"other":{}},"payload":{"x":{"y":9},"features":{"a":1}},"payload2":{},"truth":{"label":false},"f":3}""",
            new JsonMapping("meta.key", "payload.features", "truth.label", "meta.at"));
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal("a:1", Decoding.RowText(chunk.Rows, 0));
        Assert.Equal(("k", 5, 0.0), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.TimeOf(0), chunk.Rows.Labels[0]));
    }

    [Theory]
    [InlineData("f", "f")]
    [InlineData("f.x", "f")]
    [InlineData("f", "f.x")]
    [InlineData("f", "")]
    [InlineData("f", "a..b")]
    public void Paths_that_overlap_or_have_empty_names_are_refused(string features, string label) =>
        Assert.Throws<ArgumentException>(() => new JsonDecoder(new JsonMapping(Features: features, Label: label)));

    [Theory]
    [InlineData("1", 1)]
    [InlineData("-1", -1)]
    [InlineData("0.25", 0.25)]
    [InlineData("true", 1)]
    [InlineData("false", 0)]
    [InlineData("\"true\"", 1)]
    [InlineData("\"False\"", 0)]
    [InlineData("\"1\"", 1)]
    [InlineData("\"0\"", 0)]
    [InlineData("\"+1\"", 1)]
    [InlineData("\"-1\"", -1)]
    [InlineData("null", double.NaN)]
    public void Labels_come_in_every_usual_form(string label, double expected)
    {
        using var chunk = Decode($$"""{"f":{"1":1},"y":{{label}}}""");
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(expected, chunk.Rows.Labels[0]);
    }

    [Fact]
    public void A_row_without_label_id_and_time_is_a_row()
    {
        using var chunk = Decode("""{"f":{}}""");
        Assert.Equal(1, chunk.Count);
        Assert.True(double.IsNaN(chunk.Rows.Labels[0]));
        Assert.True(chunk.IdOf(0).IsEmpty);
        Assert.Equal(Chunk.NoTime, chunk.TimeOf(0));
    }

    [Theory]
    [InlineData("1700000000123", 1_700_000_000_123)]
    [InlineData("\"1700000000123\"", 1_700_000_000_123)]
    [InlineData("1700000000123.75", 1_700_000_000_123)]
    [InlineData("-1.5", -2)]
    [InlineData("\"1970-01-01\"", 0)]
    [InlineData("\"1970-01-01T00:00:00\"", 0)]
    [InlineData("\"1970-01-01 00:01Z\"", 60_000)]
    [InlineData("\"1970-01-01T00:00:01.5Z\"", 1_500)]
    [InlineData("\"1970-01-01T00:00:01.123456789Z\"", 1_123)]
    [InlineData("\"1970-01-01T02:00:00+01:30\"", 1_800_000)]
    [InlineData("\"1969-12-31T23:00:00-0100\"", 0)]
    [InlineData("\"2024-02-29T23:59:60Z\"", 1_709_251_200_000)]
    [InlineData("null", Chunk.NoTime)]
    public void Event_times_are_milliseconds_or_iso_8601_and_do_not_depend_on_the_machines_zone(string time, long expected)
    {
        using var chunk = Decode($$"""{"f":{"1":1},"st":{{time}}}""");
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(expected, chunk.TimeOf(0));
    }

    [Theory]
    [InlineData("\"f\":{\"a\":1,\"a\":2}", "a:3")]
    [InlineData("\"f\":{\"5\":1,\"5\":2,\"05\":7}", "5:3 05:7")]
    [InlineData("\"f\":{\"a\":1,\"a\":-1}", "")]
    [InlineData("\"f\":{\"a\":\"1.5\",\"b\":true,\"c\":false,\"d\":null,\"e\":\"true\"}", "a:1.5 b:1 e:1")]
    [InlineData("\"f\":{\"\\u0061\":1,\"a\":1}", "a:2")]
    [InlineData("\"f\":{\"4294967295\":1,\"4294967296\":1,\"-1\":1,\"1.0\":1}", "4294967295:1 4294967296:1 -1:1 1.0:1")]
    public void Features_are_canonical_and_decimal_names_are_indices(string features, string expected)
    {
        using var chunk = Decode("{" + features + "}");
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(expected.Split(' ').Order(StringComparer.Ordinal), Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        for (var k = 1; k < chunk.Rows.NonZeros; k++) Assert.True(chunk.Rows.Indices[k - 1] <= chunk.Rows.Indices[k]);
    }

    [Theory]
    [InlineData("""{"f":{"a":{"b":1,"c":{"d":"2"}},"e":3}}""", "a.b:1 a.c.d:2 e:3")]
    [InlineData("""{"f":{"v":[1,null,2.5,true],"t":["x","y","x"]}}""", "t=x:2 t=y:1 v.0:1 v.2:2.5 v.3:1")]
    [InlineData("""{"f":{"m":[[1],{"k":2},"w",3]}}""", "m.0.0:1 m.1.k:2 m.3:3 m=w:1")]
    [InlineData("""{"f":{"\u0061":{"\u0062":1},"a":{"b":1}}}""", "a.b:2")]
    [InlineData("""{"f":{"a":{},"b":[],"c":null}}""", "")]
    public void Objects_and_arrays_are_flattened_where_the_mapping_allows_it(string record, string expected)
    {
        using var chunk = Decode(record, new JsonMapping { Nested = true });
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(expected, string.Join(' ', Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal)));
        using var refused = Decode(record);
        Assert.Equal(0, refused.Count);
    }

    [Fact]
    public void All_fields_that_are_mapped_to_nothing_else_can_be_features()
    {
        using var chunk = Decode("""{"id":"a","amount":2,"y":1,"meta":{"at":5,"x":9},"flag":true}""", new JsonMapping("id", "*", "y", "meta.at"));
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal("amount:2 flag:1", string.Join(' ', Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal)));
        Assert.Equal(("a", 1.0, 5), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.Rows.Labels[0], chunk.TimeOf(0)));
    }

    [Fact]
    public void Flattened_names_have_the_limit_of_names()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"" + new string('n', 300) + "\":", 5)) + "1" + new string('}', 5);
        using var chunk = Decode("{\"f\":" + deep + "}", new JsonMapping { Nested = true });
        Assert.Equal(RowFault.TooLarge, Assert.Single(chunk.DeadLetters).Fault);
    }

    [Fact]
    public void The_index_of_a_name_is_settled_for_good()
    {
        Assert.Equal(7u, FeatureName.IndexOf("7"u8, out var isIndex));
        Assert.True(isIndex);
        Assert.Equal(0u, FeatureName.IndexOf("0"u8, out _));
        Assert.Equal(3225298866u, FeatureName.IndexOf("host"u8, out isIndex));
        Assert.False(isIndex);
    }

    [Theory]
    [InlineData("{\"f\":{\"a\":1}", RowFault.Malformed, "byte 12")]
    [InlineData("{\"f\":{\"a\":1}}}", RowFault.Malformed, "byte 13")]
    [InlineData("[]", RowFault.Malformed, "not a JSON object, at byte 0")]
    [InlineData("nonsense", RowFault.Malformed, "not JSON")]
    [InlineData("{\"y\":1}", RowFault.MissingField, "no features (field f)")]
    [InlineData("{\"y\":1,\"f\":null}", RowFault.MissingField, "no features")]
    [InlineData("{\"f\":[1]}", RowFault.Malformed, "byte 5")]
    [InlineData("{\"f\":{\"a\":[1]}}", RowFault.BadValue, "byte 10")]
    [InlineData("{\"f\":{\"a\":\"x\"}}", RowFault.BadValue, "byte 10")]
    [InlineData("{\"f\":{\"a\":\"\"}}", RowFault.BadValue, "byte 10")]
    [InlineData("{\"f\":{\"a\":1e999}}", RowFault.NotFinite, "byte 10")]
    [InlineData("{\"f\":{\"a\":\"NaN\"}}", RowFault.NotFinite, "byte 10")]
    [InlineData("{\"f\":{\"a\":NaN}}", RowFault.Malformed, "byte 10")]
    [InlineData("{\"f\":{\"\":1}}", RowFault.BadIndex, "empty name")]
    [InlineData("{\"f\":{\"a\":1.7e308,\"a\":1.7e308}}", RowFault.NotFinite, "sum")]
    [InlineData("{\"f\":{},\"y\":[]}", RowFault.BadLabel, "byte 12")]
    [InlineData("{\"f\":{},\"y\":\"yes\"}", RowFault.BadLabel, "byte 12")]
    [InlineData("{\"f\":{},\"y\":1e999}", RowFault.NotFinite, "byte 12")]
    [InlineData("{\"f\":{},\"y\":1,\"y\":0}", RowFault.Malformed, "label is there twice")]
    [InlineData("{\"f\":{},\"id\":{}}", RowFault.Malformed, "id is neither")]
    [InlineData("{\"f\":{},\"id\":\"\\ud800\"}", RowFault.Malformed, "no character")]
    [InlineData("{\"f\":{},\"st\":\"yesterday\"}", RowFault.Malformed, "event time")]
    [InlineData("{\"f\":{},\"st\":\"2023-02-29\"}", RowFault.Malformed, "event time")]
    [InlineData("{\"f\":{},\"st\":1e300}", RowFault.Malformed, "event time")]
    [InlineData("{\"f\":{},\"st\":true}", RowFault.Malformed, "event time")]
    public void A_bad_record_is_a_dead_letter_that_says_what_and_where(string record, RowFault fault, string where)
    {
        using var chunk = Decode(record);
        var letter = Assert.Single(chunk.DeadLetters);
        Assert.Equal(fault, letter.Fault);
        Assert.Contains(where, letter.Reason);
        Assert.Equal(0, chunk.Count);
        Assert.Equal(0, chunk.Rows.NonZeros);
    }

    [Fact]
    public void Bytes_that_are_not_utf_8_are_a_dead_letter_with_their_place()
    {
        using var chunk = Decoder.Decode(Decoding.Raw([[.. "{\"f\":{},\"id\":\""u8, 0xc3, 0x28, .. "\"}"u8]]));
        Assert.Contains("not UTF-8, at byte 14", Assert.Single(chunk.DeadLetters).Reason);
    }

    [Fact]
    public void Nesting_names_ids_and_features_have_limits()
    {
        Assert.Contains("depth", Reason(string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100)));
        Assert.Contains("name of a feature is longer", Reason("{\"f\":{\"" + new string('n', 1025) + "\":1}}"));
        Assert.Contains("name of a feature is longer", Reason("{\"f\":{\"" + string.Concat(Enumerable.Repeat("\\u0061", 1025)) + "\":1}}"));
        Assert.Contains("id is longer", Reason($$"""{"f":{},"id":"{{new string('i', 1025)}}"}"""));
        Assert.Contains("more than 65536", Reason("{\"f\":{" + string.Join(",", Enumerable.Range(0, 65_537).Select(i => $"\"{i}\":1")) + "}}"));

        string Reason(string record)
        {
            using var chunk = Decode(record);
            return Assert.Single(chunk.DeadLetters).Reason;
        }
    }

    [Fact]
    public void Ids_are_kept_byte_for_byte_escapes_undone()
    {
        using var chunk = Decoder.Decode(Decoding.Raw("""{"f":{},"id":"höst \"x\"\/\u0041\n"}""", """{"f":{},"id":1.50}""", """{"f":{},"id":null}"""));
        Assert.Equal(["höst \"x\"/A\n", "1.50", ""], Enumerable.Range(0, 3).Select(i => Encoding.UTF8.GetString(chunk.IdOf(i))));
    }

    [Fact]
    public void An_ordinary_record_costs_no_allocation_of_its_own()
    {
        long Allocated(int records)
        {
            using var raw = Decoding.Raw([.. Enumerable.Range(0, records).Select(i => Encoding.UTF8.GetBytes(
                string.Create(CultureInfo.InvariantCulture, $$"""{"id":"url-{{i}}","f":{"7":1,"1":0.5,"host":2,"path":"3"},"y":1,"st":"2024-02-29T12:00:00Z"}""")))]);
            for (var i = 0; i < 20; i++) Decoder.Decode(raw).Dispose();
            var before = GC.GetAllocatedBytesForCurrentThread();
            Decoder.Decode(raw).Dispose();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.InRange(Allocated(200) - Allocated(10), -1_000, 1_000);
    }
}
