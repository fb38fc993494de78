using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Confluent.Kafka;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Commands that read a journal whose rows came from a topic.</summary>
public sealed class TopicCommandSpecs : IDisposable
{
    private const string Topic = "rows";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-topic-").FullName;
    private readonly MockCluster _broker = new() { InitialRebalanceDelay = TimeSpan.Zero };

    public void Dispose()
    {
        _broker.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_ledger_has_what_the_group_committed_at_the_broker_and_says_when_none_answers()
    {
        const int Partitions = 3;
        _broker.CreateTopic(Topic, Partitions);
        Fill(Enumerable.Repeat("no row at all", 6).Append("").Concat(Rows(0, 600)).Select((row, i) => (i % Partitions, row)));
        await RunUntil("urls", 600);

        var (status, output, error) = await Here.Run("ledger", "--json", "--data-folder", Data("urls"));
        Assert.True(status == 0, output + error);
        using (var json = JsonDocument.Parse(output))
        {
            Assert.True(json.RootElement.GetProperty("balances").GetBoolean(), output);
            var scored = json.RootElement.GetProperty("scored").EnumerateArray().ToList();
            Assert.Equal(Enumerable.Range(0, Partitions), scored.Select(s => s.GetProperty("partition").GetInt32()));
            long Sum(string what) => scored.Sum(s => s.GetProperty(what).GetInt64());
            Assert.Equal((607, 607, 600, 6, 1, 0), (Sum("next"), Sum("records"), Sum("predicted"), Sum("dead-lettered"), Sum("skipped"), Sum("remainder")));
        }
        (status, output, error) = await Here.Run("ledger", "--data-folder", Data("urls"));
        Assert.True(status == 0, output + error);
        Assert.Contains("scored, partition 0, committed at 203: 203 = 200 predicted + 2 dead-lettered + 1 skipped", output);
        Assert.Contains("scored, partition 2, committed at 202: 202 = 200 predicted + 2 dead-lettered", output);

        _broker.Down();
        (status, output, error) = await Here.Run("ledger", "--data-folder", Data("urls"));
        Assert.True(status == 4, output + error);
        Assert.Contains("the learned side balances, the scored side is not known", output);
        Assert.Contains($"scored: not known: topic {Topic}: no answer from the brokers", output);
        Assert.Contains(_broker.BootstrapServers, output);
        Assert.Contains("rows, partition 0: 203 = 200 learned", output);
        Assert.DoesNotContain("scored, partition", output);
    }

    [Fact]
    public async Task The_ledger_balances_from_where_each_leg_began()
    {
        _broker.CreateTopic(Topic, 1);
        Fill(Rows(0, 600).Select(row => (0, row)));
        // A tool has told the group to begin in the midst; the learner begins with the first record.
        using (var tool = new ConsumerBuilder<Ignore, Ignore>(new Dictionary<string, string> { ["bootstrap.servers"] = _broker.BootstrapServers, ["group.id"] = "urls" }).SetLogHandler((_, _) => { }).Build())
            tool.Commit([new TopicPartitionOffset(Topic, 0, 250)]);
        await RunUntil("urls", 350, learned: 600);

        var (status, output, error) = await Here.Run("ledger", "--data-folder", Data("urls"));
        Assert.True(status == 0, output + error);
        Assert.Contains("scored, partition 0 from 250, committed at 600: 350 = 350 predicted", output);
        Assert.Contains("rows, partition 0: 600 = 600 learned", output);

        // Once more, where its ledger goes on.
        Fill(Rows(600, 50).Select(row => (0, row)));
        await RunUntil("urls", 400, learned: 650);
        (status, output, error) = await Here.Run("ledger", "--json", "--data-folder", Data("urls"));
        Assert.True(status == 0, output + error);
        using var json = JsonDocument.Parse(output);
        var (scored, rows) = (json.RootElement.GetProperty("scored")[0], json.RootElement.GetProperty("rows")[0]);
        long Of(JsonElement of, string what) => of.GetProperty(what).GetInt64();
        Assert.Equal((250, 650, 400, 400, 0), (Of(scored, "start"), Of(scored, "next"), Of(scored, "records"), Of(scored, "predicted"), Of(scored, "remainder")));
        Assert.Equal((0, 650, 650, 0), (Of(rows, "start"), Of(rows, "records"), Of(rows, "learned"), Of(rows, "remainder")));
        Assert.DoesNotContain("unaccounted", await File.ReadAllTextAsync(Path.Combine(Data("urls"), "node.log")));
    }

    [Fact]
    public async Task Rows_by_reference_to_a_topic_are_verified_and_audited_from_it_and_named_once_retention_took_them()
    {
        _broker.CreateTopic(Topic, 1); // one order of learning
        Fill(Rows(0, 400).Select(row => (0, row)));
        await RunUntil("referenced", 400);
        Fill(Rows(400, 400).Select(row => (0, row)));
        await RunUntil("embedded", 800);
        await RunUntil("referenced", 800);

        var learned = await Verified("embedded");
        Assert.Equal(learned, await Verified("referenced"));
        var (status, output, error) = await Here.Run("audit", "--data-folder", Data("referenced"), "--sample", "50");
        Assert.True(status == 0, output + error);
        Assert.Equal(50, Regex.Count(output, "features from source"));
        Assert.Contains("50 identical", output);

        Fill(Enumerable.Repeat((0, new string('x', 900_000)), 8)); // the mock keeps 5 MiB
        (status, output, error) = await Here.Run("verify", "--data-folder", Data("referenced"));
        Assert.True(status == 1, output + error);
        Assert.Contains("cannot be read any more", output);
        Assert.Contains("gone by retention", output);
        Assert.Equal(learned, await Verified("embedded"));
    }

    private async Task<(string Rows, string Learned)> Verified(string pipeline)
    {
        var (status, output, error) = await Here.Run("verify", "--data-folder", Data(pipeline));
        Assert.True(status == 0, output + error);
        var line = Regex.Match(output, @"([\d,]+) rows learned, .*learned ([0-9a-f]+)");
        Assert.True(line.Success, output);
        Assert.Equal("800", line.Groups[1].Value);
        return (line.Groups[1].Value, line.Groups[2].Value);
    }

    private string Data(string pipeline) => Path.Combine(_folder, pipeline);

    /// <summary>Runs a pipeline until it has learned so many rows, and lets it drain.</summary>
    private async Task RunUntil(string pipeline, int rows, int? learned = null)
    {
        var config = Path.Combine(_folder, pipeline + ".conf");
        File.WriteAllText(config, $$"""
            stream-mlops {
              journal.rows = {{(pipeline == "referenced" ? "referenced" : "embedded")}}
              pipelines.{{pipeline}} { kafka.bootstrap-servers = "{{_broker.BootstrapServers}}", source { kind = kafka, topic = {{Topic}} } }
            }
            """);
        await using var node = NodeProcess.Start(["run", "--config", config, "--data-folder", Data(pipeline), "--plain"]);
        var (scored, took) = (rows.ToString(CultureInfo.InvariantCulture), (learned ?? rows).ToString(CultureInfo.InvariantCulture));
        await node.Until(line => line.Contains($"scored {scored} ", StringComparison.Ordinal) && line.Contains($"learned {took} ", StringComparison.Ordinal), Deadline);
        node.Interrupt();
        Assert.Equal(0, await node.Exit(Deadline));
    }

    private static IEnumerable<string> Rows(int from, int count) => SyntheticRows.SvmLight(from, from + count).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private void Fill(IEnumerable<(int Partition, string Text)> records)
    {
        using var producer = new ProducerBuilder<Null, byte[]>(new Dictionary<string, string> { ["bootstrap.servers"] = _broker.BootstrapServers, ["max.in.flight.requests.per.connection"] = "1" }).SetLogHandler((_, _) => { }).Build();
        foreach (var (partition, text) in records) producer.Produce(new TopicPartition(Topic, partition), new Message<Null, byte[]> { Value = Encoding.UTF8.GetBytes(text) });
        Assert.Equal(0, producer.Flush(Deadline));
    }
}
