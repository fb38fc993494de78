using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>What a newcomer sees.</summary>
public sealed class DemoSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_demo_learns_the_generated_stream_and_recomputes_its_predictions()
    {
        var (status, output, error) = await NodeProcess.Run("demo", "--rows", "20000", "--data-folder", _folder);
        Assert.True(status == 0, output + error);
        Assert.Contains("20,000 rows scored and 20,000 learned", output);
        Assert.Contains("100 predictions audited", output);
        Assert.Contains("100 identical", output);
        Assert.Contains("balances", output);
        var auc = double.Parse(System.Text.RegularExpressions.Regex.Match(output, @"progressive .*AUC (0\.\d+)").Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(auc > 0.95, output);
    }

    [Fact]
    public async Task With_a_broker_of_its_own_it_runs_from_Kafka_to_Kafka_and_again_in_a_new_epoch()
    {
        var lineages = new List<string>();
        for (var start = 0; start < 2; start++)
        {
            var (status, output, error) = await NodeProcess.Run("demo", "--kafka", "--rows", "6000", "--data-folder", _folder, "--plain");
            Assert.True(status == 0, output + error);
            Assert.Contains("Kafka broker at 127.0.0.1:", output);
            Assert.Contains("6,000 rows scored and 6,000 learned", output);
            Assert.Contains("100 identical", output);
            Assert.Equal(4, output.Split("balances").Length - 1);
            lineages.Add(System.Text.RegularExpressions.Regex.Match(output, @"version (kafka-\d+-\d+)/0/").Groups[1].Value);
        }
        Assert.Equal(2, lineages.Distinct().Count());
    }

    [Fact]
    public async Task Interrupted_it_drains_and_run_again_it_goes_on_from_where_it_was()
    {
        string[] demo = ["demo", "--rows", "150000", "--data-folder", _folder];
        await using (var first = NodeProcess.Start(demo))
        {
            await first.Until(line => System.Text.RegularExpressions.Regex.IsMatch(line, @"learned [1-9]"), TimeSpan.FromSeconds(60));
            first.Interrupt();
            Assert.Equal(0, await first.Exit(TimeSpan.FromSeconds(60)));
            Assert.Contains(first.Lines, l => l.StartsWith("Run it again", StringComparison.Ordinal));
            Assert.DoesNotContain(first.Lines, l => l.Contains("DOES NOT BALANCE"));
        }
        var (status, output, error) = await NodeProcess.Run(demo);
        Assert.True(status == 0, output + error);
        Assert.Contains("150,000 consumed = 150,000 predicted", output);
        Assert.Contains("100 identical", output);
        var (verified, text, _) = await NodeProcess.Run("verify", "--data-folder", _folder);
        Assert.True(verified == 0, text);
    }

    [SharedDataFact("spamassassin_stream/spam.svm.gz")]
    public async Task A_real_stream_is_learned_and_audited()
    {
        var (status, output, error) = await NodeProcess.Run("demo", "--data", Path.Combine(SharedData.Folder!, "spamassassin_stream", "spam.svm.gz"), "--data-folder", _folder);
        Assert.True(status == 0, output + error);
        Assert.Contains("9,324 rows scored and 9,324 learned", output);
        Assert.Contains("100 identical", output);
    }
}
