using System.Globalization;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Why a prediction was what it was, from the command line, in the names that the source gave.</summary>
public sealed class ExplanationSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-explain-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Data => Path.Combine(_folder, "data");

    private async Task Learn(string more = "")
    {
        var rows = Path.Combine(_folder, "rows.jsonl");
        await File.WriteAllLinesAsync(rows, Enumerable.Range(0, 400).Select(n => string.Create(CultureInfo.InvariantCulture,
            $$$"""{"id":"r{{{n}}}","f":{"colour:{{{(n % 2 == 0 ? "red" : "blue")}}}":1,"size":0.5,"7":{{{n % 3 + 1}}}},"y":{{{(n % 2 == 0 ? 1 : 0)}}}}""")));
        var run = Here.RunUrls(_folder, rows);
        await File.AppendAllTextAsync(Path.Combine(_folder, "urls.conf"), "\nstream-mlops.pipelines.urls.source.format = json\nstream-mlops.pipelines.urls.score.max-lead = 32\nstream-mlops.pipelines.urls.learn.max-rows = 16\n" + more);
        var (status, output, error) = await Here.Run(run);
        Assert.True(status == 0, output + error);
    }

    [Theory]
    [InlineData("")]
    [InlineData("stream-mlops.pipelines.urls.featurize = [ { hash { bits = 18 } } ]")]
    public async Task An_audit_explains_a_prediction_by_the_names_of_its_features_and_the_parts_add_up(string more)
    {
        await Learn(more);
        var (status, output, error) = await Here.Run("audit", "--data-folder", Data, "--id", "r398", "--id", "r399", "--explain", "2");
        Assert.True(status == 0, output + error);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        for (var k = 0; k < 2; k++)
        {
            var stored = double.Parse(Between(lines[k * 6], "stored ", " ("), CultureInfo.InvariantCulture);
            Assert.StartsWith("identical", lines[k * 6], StringComparison.Ordinal);
            Assert.EndsWith("margin, of which", lines[k * 6 + 1], StringComparison.Ordinal);
            Assert.EndsWith(k == 0 ? "colour:red" : "colour:blue", lines[k * 6 + 3], StringComparison.Ordinal);
            Assert.True(k == 0 ? Number(lines[k * 6 + 3]) > 0 : Number(lines[k * 6 + 3]) < 0, output);
            Assert.Equal(Math.Log(stored / (1 - stored)), Number(lines[k * 6 + 1]), 3);
            Assert.Equal(Number(lines[k * 6 + 1]), Enumerable.Range(2, 4).Sum(n => Number(lines[k * 6 + n])), 3);
        }
        Assert.EndsWith("1 more features", lines[5], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_weighs_most_is_shown_by_name()
    {
        await Learn("stream-mlops.pipelines.urls.featurize = [ { hash { bits = 18 } } ]");
        var (status, output, error) = await Here.Run("weights", "--data-folder", Data, "--top", "2");
        Assert.True(status == 0, output + error);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["colour:blue", "colour:red"], lines[2..].Select(l => l.Split("  ")[^1]).Order());
    }

    [Fact]
    public async Task A_kind_that_cannot_explain_says_so_and_is_audited_all_the_same()
    {
        await Learn("stream-mlops.pipelines.urls.model = { algorithm = gaussian-naive-bayes }");
        var (status, output, _) = await Here.Run("audit", "--data-folder", Data, "--id", "r399", "--explain", "3");
        Assert.Equal(0, status);
        Assert.Contains("not explained: this kind of model cannot tell", output, StringComparison.Ordinal);
        (status, output, _) = await Here.Run("weights", "--data-folder", Data);
        Assert.Equal(0, status);
        Assert.Contains("this kind of model has no weights", output, StringComparison.Ordinal);
    }

    private static double Number(string line) => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);

    private static string Between(string text, string from, string to) => text.Split(from)[1].Split(to)[0];
}
