using System.Collections.Immutable;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class CsvDecoderTests : DecoderSpec
{
    private static readonly CsvMapping Mapping = new(["id", "amount", "country", "y", "at", "vip"], ',', "id", "y", "at");
    private static readonly SchemaSettings Schema = new(ImmutableSortedDictionary<string, FieldType>.Empty.Add("country", FieldType.String), Required: false);

    protected override IDecoder Decoder { get; } = new CsvDecoder(Mapping, schema: Schema);

    protected override string[] Seeds => ["a,0.5,DE,1,1700000000000,true", "b,,\"Trinidad, \"\"Tobago\"\"\",0,2024-02-29T12:00:00Z,"];

    [Fact]
    public void Columns_are_features_texts_are_categories_and_empty_cells_are_absent()
    {
        using var chunk = Decoder.Decode(Decoding.Raw(Seeds));
        Assert.Empty(chunk.DeadLetters);
        Assert.Equal(["amount:0.5", "country=DE:1", "vip:1"], Decoding.RowText(chunk.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        Assert.Equal("country=Trinidad, \"Tobago\":1", Decoding.RowText(chunk.Rows, 1));
        Assert.Equal(("a", 1.0, 1_700_000_000_000), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.Rows.Labels[0], chunk.TimeOf(0)));
        Assert.Equal(("b", 0.0, 1_709_208_000_000), (Encoding.UTF8.GetString(chunk.IdOf(1)), chunk.Rows.Labels[1], chunk.TimeOf(1)));
    }

    [Fact]
    public void The_first_record_of_a_log_names_the_columns_and_is_skipped()
    {
        var asked = 0;
        byte[] Header()
        {
            asked++;
            return [.. "\ufeffx;label;\"7\"\r\n"u8];
        }

        var decoder = new CsvDecoder(new CsvMapping([], ';', Label: "label"), Header);
        using var first = decoder.Decode(Decoding.Raw([.. new[] { "x;label;7", "1;0;2" }.Select(Encoding.UTF8.GetBytes)], from: 0));
        using var later = decoder.Decode(Decoding.Raw("3;1;4"));
        Assert.Equal((1, 1L), (first.Count, first.Skipped));
        Assert.Equal(["7:2", "x:1"], Decoding.RowText(first.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        Assert.Equal(1, later.Count);
        Assert.Equal(1, asked);
    }

    [Fact]
    public void Only_the_columns_that_are_named_are_features()
    {
        using var chunk = new CsvDecoder(new CsvMapping(["a", "b", "c"], Features: ["c"])).Decode(Decoding.Raw("1,x,3"));
        Assert.Equal("c:3", Decoding.RowText(chunk.Rows, 0));
        Assert.True(double.IsNaN(chunk.Rows.Labels[0]));
    }

    [Fact]
    public void A_mapped_column_that_is_not_there_is_told_with_its_setting_and_the_columns_there_are()
    {
        var decoder = new CsvDecoder(new CsvMapping([], Label: "class"), () => [.. "a,b,label"u8]);
        var fault = Assert.Throws<SourceException>(() => decoder.Decode(Decoding.Raw("1,2,3")));
        Assert.Equal("source.csv.label: there is no column 'class'; the columns are a, b, label", fault.Message);
    }

    [Theory]
    [InlineData("a,x,DE,1,,", RowFault.BadValue, "column 'amount' is not a number", "byte 2")]
    [InlineData("a,nan,DE,1,,", RowFault.NotFinite, "column 'amount'", "byte 2")]
    [InlineData("a,1e999,DE,1,,", RowFault.NotFinite, "column 'amount'", "byte 2")]
    [InlineData("a,1,DE,yes,,", RowFault.BadLabel, "column 'y'", "byte 7")]
    [InlineData("a,1,DE,1,noon,", RowFault.Malformed, "event time", "byte 9")]
    [InlineData("a,1,DE", RowFault.Malformed, "3 cells for 6 columns", "byte 6")]
    [InlineData("a,1,DE,1,,,7", RowFault.Malformed, "more cells than the 6 columns", "byte 11")]
    [InlineData("a,1,\"DE,1,,", RowFault.Malformed, "a quote is not closed", "byte 4")]
    [InlineData("a,1,\"DE\"x,1,,", RowFault.Malformed, "something follows a closing quote", "byte 4")]
    public void A_bad_record_is_a_dead_letter_that_says_what_and_where(string record, RowFault fault, string what, string where)
    {
        using var chunk = Decoder.Decode(Decoding.Raw(record));
        var letter = Assert.Single(chunk.DeadLetters);
        Assert.Equal(fault, letter.Fault);
        Assert.Contains(what, letter.Reason);
        Assert.Contains(where, letter.Reason);
        Assert.Equal(0, chunk.Count);
    }
}
