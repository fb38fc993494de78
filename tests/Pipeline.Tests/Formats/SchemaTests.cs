using System.Collections.Immutable;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class SchemaTests
{
    private static readonly ImmutableSortedDictionary<string, FieldType> Fields = ImmutableSortedDictionary<string, FieldType>.Empty
        .Add("age", FieldType.Number).Add("vip", FieldType.Bool).Add("country", FieldType.String);

    private static readonly IDecoder Json = new JsonDecoder(schema: new SchemaSettings(Fields, Required: true));
    private static readonly IDecoder Csv = new CsvDecoder(new CsvMapping(["age", "vip", "country", "more"]), schema: new SchemaSettings(Fields, Required: true));

    [Fact]
    public void Fields_of_their_types_are_features_and_others_are_read_as_without_a_schema()
    {
        using var json = Json.Decode(Decoding.Raw("""{"f":{"age":"3.5","vip":true,"country":"K\u00f6ln","more":2}}"""));
        using var csv = Csv.Decode(Decoding.Raw("3.5,TRUE,Köln,2"));
        Assert.Equal(["age:3.5", "country=Köln:1", "more:2", "vip:1"], Decoding.RowText(json.Rows, 0).Split(' ').Order(StringComparer.Ordinal));
        Assert.Equal(Decoding.RowText(json.Rows, 0), Decoding.RowText(csv.Rows, 0));
    }

    [Theory]
    [InlineData("""{"f":{"age":"old","vip":true,"country":"DE"}}""", "old,true,DE,", "the field 'age' is no number, as the schema says")]
    [InlineData("""{"f":{"age":true,"vip":true,"country":"DE"}}""", "true,true,DE,", "the field 'age' is no number, as the schema says")]
    [InlineData("""{"f":{"age":1,"vip":7,"country":"DE"}}""", "1,7,DE,", "the field 'vip' is no bool, as the schema says")]
    public void A_field_of_another_type_is_a_violation_with_its_name(string json, string csv, string expected)
    {
        foreach (var (decoder, record) in new[] { (Json, json), (Csv, csv) })
        {
            using var chunk = decoder.Decode(Decoding.Raw(record));
            var letter = Assert.Single(chunk.DeadLetters);
            Assert.Equal(RowFault.SchemaViolation, letter.Fault);
            Assert.Equal(expected, letter.Cause);
        }
    }

    [Fact]
    public void A_number_where_json_should_have_a_text_is_a_violation()
    {
        using var chunk = Json.Decode(Decoding.Raw("""{"f":{"age":1,"vip":true,"country":49}}"""));
        Assert.Equal((RowFault.SchemaViolation, "the field 'country' is no string, as the schema says"), (chunk.DeadLetters[0].Fault, chunk.DeadLetters[0].Cause));
    }

    [Theory]
    [InlineData("""{"f":{"age":1,"vip":null,"country":"DE"}}""", "1,,DE,", "vip")]
    [InlineData("""{"f":{"vip":true,"country":"DE"}}""", ",true,DE,", "age")]
    public void A_required_field_that_is_missing_or_null_is_named(string json, string csv, string field)
    {
        foreach (var (decoder, record) in new[] { (Json, json), (Csv, csv) })
        {
            using var chunk = decoder.Decode(Decoding.Raw(record));
            var letter = Assert.Single(chunk.DeadLetters);
            Assert.Equal(RowFault.MissingField, letter.Fault);
            Assert.Equal($"the field '{field}', which the schema requires, is missing", letter.Cause);
        }
    }

    [Fact]
    public void Fields_that_are_not_required_may_be_missing()
    {
        using var chunk = new JsonDecoder(schema: new SchemaSettings(Fields, Required: false)).Decode(Decoding.Raw("""{"f":{"age":1}}"""));
        Assert.Equal("age:1", Decoding.RowText(chunk.Rows, 0));
    }
}
