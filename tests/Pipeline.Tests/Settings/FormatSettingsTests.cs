using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Pipeline.Tests;

namespace StreamMLOps.Tests.Settings;

public sealed class FormatSettingsTests
{
    private const string Csv = """
        stream-mlops.pipelines.p.source {
          path = rows.csv, format = csv
          csv { columns = [id, age, country, y], delimiter = ";", id = id, label = y }
          schema { fields { age = number, country = string }, required = off }
        }
        """;

    [Fact]
    public void Format_settings_survive_writing_and_reading_and_make_their_decoder()
    {
        foreach (var (hocon, format) in new[]
        {
            (Csv, "csv"),
            ("stream-mlops.pipelines.p.source { path = a, format = text, text { split = whole, label = tab } }", "text"),
            ("stream-mlops.pipelines.p.source { path = a, format = json, rows-per-message = 64, json { features = \"*\", nested = on } }", "json"),
            ("stream-mlops.pipelines.p.source { path = a, format = protobuf }", "protobuf"),
        })
        {
            var settings = NodeSettingsReader.Parse(hocon);
            Assert.Equal(settings.Pipelines[0].Source, NodeSettingsReader.Parse(settings.ToConfig().ToHocon()).Pipelines[0].Source);
            Assert.Equal(format, settings.Pipelines[0].CreateDecoder().Format);
        }
    }

    [Fact]
    public void What_decides_rows_and_labels_is_in_the_genesis_and_what_does_not_is_not()
    {
        var text = NodeSettingsReader.Parse(Csv).Pipelines[0].GenesisText;
        Assert.Contains("format=csv{columns=[\"id\",\"age\",\"country\",\"y\"],delimiter=\";\",features=[],label=\"y\",schema={fields={\"age\"=number,\"country\"=string},required=off}}", text);
        Assert.NotEqual(text, NodeSettingsReader.Parse(Csv.Replace("country = string", "country = bool", StringComparison.Ordinal)).Pipelines[0].GenesisText);
        Assert.Equal(text, NodeSettingsReader.Parse(Csv.Replace("id = id", "id = \"\"", StringComparison.Ordinal) + "\nstream-mlops.pipelines.p.source.csv.features = []").Pipelines[0].GenesisText);
        // A lineage that was begun before there were these settings goes on.
        Assert.EndsWith("format=json{features=\"f\",label=\"y\"};labels=inline", NodeSettingsReader.Parse("stream-mlops.pipelines.p.source { path = a, format = json }").Pipelines[0].GenesisText);
    }

    [Theory]
    [InlineData("csv.label = class", "source.csv.label: there is no column 'class'; the columns are a, b")]
    [InlineData("csv { label = a, features = [b, c] }", "source.csv.features: there is no column 'c'; the columns are a, b")]
    [InlineData("csv { label = a, delimiter = \"::\" }", "source.csv.delimiter: must be one ASCII character")]
    [InlineData("csv { label = a }, schema.fields.a = text", "source.schema.fields.a: must be one of bool, number, string, not 'text'")]
    [InlineData("csv { label = a }, format = text, schema.fields.a = number", "source.schema: is for json and csv")]
    [InlineData("csv { label = a }, format = protobuf, rows-per-message = 2", "source.rows-per-message: must be 1 for protobuf")]
    [InlineData("csv { label = a }, json.nested = perhaps", "source.json.nested: must be on or off")]
    public void A_wrong_mapping_is_one_fault_with_its_path(string setting, string expected)
    {
        var text = $"stream-mlops.pipelines.p.source {{ path = a, format = csv, csv.columns = [a, b], {setting} }}";
        var fault = Assert.Single(NodeSettingsReader.Read(HoconDocument.Parse(text, "my.conf")).Faults);
        Assert.StartsWith($"stream-mlops.pipelines.p.{expected}", fault.ToString());
    }

    [Fact]
    public void The_header_line_of_a_file_names_the_columns_wherever_reading_begins()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("rows.csv");
        File.WriteAllText(path, "x,label\n1,0\n2,1\n");
        var pipeline = NodeSettingsReader.Parse($"stream-mlops.pipelines.p.source {{ path = \"{path}\", format = csv }}").Pipelines[0];
        using var chunk = pipeline.CreateDecoder().Decode(Decoding.Raw("5,1"));
        Assert.Equal("x:5", Decoding.RowText(chunk.Rows, 0));
    }
}
