using StreamMLOps.Pipeline;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Records that are no rows, rows without labels, and rows that are gone when somebody asks.</summary>
public sealed class DeadLetterSpecs : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-dead-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Bad_records_go_to_the_dead_letters_by_position_and_reason_and_the_stream_goes_on()
    {
        var rows = Path.Combine(_folder, "rows.svm");
        await File.WriteAllTextAsync(rows, "+1 1:1 2:0.5\nno row at all\n\n-1 3:nan\n+1 1:1e999\n-1 7:1 1:2\n+1 99999999999:1\n# a comment\n-1 5:1\n");
        var (status, output, error) = await Here.Run(Here.RunUrls(_folder, rows));
        Assert.True(status == 0, output + error);
        Assert.Contains("9 consumed = 3 predicted + 4 dead-lettered + 2 skipped", output);
        Assert.Contains("3 predicted = 3 learned", output);
        Assert.Contains("balances", output);

        var letters = File.ReadLines(Path.Combine(_folder, "data", "dead-letters.jsonl"))
            .Select(line => DeadLetterReader.TryParse(System.Text.Encoding.UTF8.GetBytes(line), out var letter, out var why) ? letter : throw new Xunit.Sdk.XunitException(why)).ToList();
        Assert.Equal([1L, 3, 4, 6], letters.Select(l => l.Offset));
        Assert.All(letters, l => Assert.NotEmpty(l.Reason));
        Assert.Equal("no row at all"u8.ToArray(), letters[0].Bytes);
    }

    [Fact]
    public async Task A_row_that_was_never_learned_is_audited_from_the_source_and_expires_with_it()
    {
        var rows = Path.Combine(_folder, "rows.jsonl");
        await File.WriteAllTextAsync(rows, """
            {"id":"a","f":{"1":1,"colour:red":0.25},"y":true,"st":1}
            {"id":"b","f":{"1":1,"colour:blue":0.75},"y":null,"st":2}
            {"id":"c","f":{"2":3},"y":false,"st":3}

            """);
        var run = Here.RunUrls(_folder, rows);
        await File.AppendAllTextAsync(Path.Combine(_folder, "urls.conf"), "\nstream-mlops.pipelines.urls.source.format = json\n");
        var (status, output, error) = await Here.Run(run);
        Assert.True(status == 0, output + error);
        Assert.Contains("3 predicted = 2 learned + 1 unlabelled", output);

        var data = Path.Combine(_folder, "data");
        (status, output, _) = await Here.Run("audit", "--data-folder", data, "--id", "b");
        Assert.Equal(0, status);
        Assert.Contains("features from source", output);

        File.Delete(rows);
        (status, output, _) = await Here.Run("audit", "--data-folder", data, "--id", "b");
        Assert.Equal(3, status);
        Assert.Contains("features expired", output);
        (status, output, _) = await Here.Run("audit", "--data-folder", data, "--id", "a");
        Assert.Equal(0, status);
        Assert.Contains("features from journal", output);
    }

    [Fact]
    public async Task A_stored_score_that_was_changed_differs_and_says_so_with_its_bits()
    {
        var rows = Path.Combine(_folder, "rows.svm");
        await File.WriteAllTextAsync(rows, "+1 1:1\n-1 2:1\n");
        await Here.Run(Here.RunUrls(_folder, rows));
        var predictions = Path.Combine(_folder, "data", "predictions.jsonl");
        var changed = Path.Combine(_folder, "changed.jsonl");
        await File.WriteAllTextAsync(changed, (await File.ReadAllTextAsync(predictions)).Replace("\"score\":0.5", "\"score\":0.5000000000000001"));
        var (status, output, _) = await Here.Run("audit", changed, "--data-folder", Path.Combine(_folder, "data"));
        Assert.Equal(1, status);
        Assert.Contains("differs", output);
        Assert.Contains("3fe0000000000001", output);
        Assert.Contains("3fe0000000000000", output);
    }

    [Fact]
    public async Task Labels_that_are_none_raise_an_alarm_of_their_own_which_is_one_alert()
    {
        var folder = Directory.CreateTempSubdirectory("streammlops-labels-").FullName;
        File.WriteAllLines(Path.Combine(folder, "rows.jsonl"), Enumerable.Range(0, 400).Select(n => $"{{\"id\":\"r{n}\",\"f\":{{\"a\":1}}}}"));
        File.WriteAllLines(Path.Combine(folder, "labels.jsonl"), Enumerable.Range(0, 400).Select(n => n % 4 == 0 ? "no label" : $"{{\"id\":\"r{n}\",\"y\":1}}"));
        var config = Path.Combine(folder, "apart.conf");
        File.WriteAllText(config, $$"""
            stream-mlops.pipelines.apart {
              source { path = "{{folder}}/rows.jsonl", format = json }
              labels = topic
              label-source { path = "{{folder}}/labels.jsonl", memory = 16 MiB, expected-ids = 1000 }
              alerts.path = alerts.jsonl
            }
            """);
        var (status, output, error) = await Here.Run("run", "--config", config, "--data-folder", Path.Combine(folder, "data"), "--plain");
        Assert.True(status == 0, output + error);
        Assert.Contains("pipeline apart (labels): 25.0 % of the latest", await File.ReadAllTextAsync(Path.Combine(folder, "data", "node.log")));
        Assert.Equal(100, File.ReadLines(Path.Combine(folder, "data", "dead-letters.jsonl")).Count());
        var alert = Assert.Single(File.ReadLines(Path.Combine(folder, "data", "alerts.jsonl")).Select(l => AlertMessage.TryParse(System.Text.Encoding.UTF8.GetBytes(l), out var a, out var why) ? a : throw new Xunit.Sdk.XunitException(why)), a => a.Node.Length > 0);
        Assert.Equal(("label-dead-letter-share", AlertState.Raised), (alert.Kind, alert.State));
        Assert.Equal($"apart/label-dead-letter-share/all/{alert.Position!.Value.Offset}/raised", alert.Id);
        Assert.Equal(0, alert.Position.Value.Offset % 4);
        Directory.Delete(folder, recursive: true);
    }
}
