using System.Globalization;
using System.Text;
using Akka.Actor;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// A process that kills itself at the crash points of the writer of alerts, and at those of the learner: afterwards the file has each alert that a
/// fresh fold of the journal gives, once, in its order and to the byte. <c>STREAMMLOPS_CRASHES=20</c> is the full count of rounds.
/// </summary>
public sealed class AlertKillSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Rows = 6_000;
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-alert-kills-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int Crashes => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_CRASHES") ?? "1", CultureInfo.InvariantCulture);

    private static int Seed => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_SEED") ?? Random.Shared.Next(1_000_000).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private string Config => Path.Combine(_folder, "alerts.conf");

    [Fact]
    public async Task Killed_between_writing_an_alert_and_remembering_it_the_file_has_each_alert_of_the_journal_once()
    {
        var seed = Seed;
        output.WriteLine($"{Crashes} crashes at each point; seed {seed} (STREAMMLOPS_CRASHES, STREAMMLOPS_SEED)");
        var random = new Random(seed);
        Write();
        for (var round = 1; round <= Crashes; round++)
        {
            // One stream dies at every point, in any order.
            var (data, streams) = (Path.Combine(_folder, $"{round}"), 1);
            var points = new Queue<string>(((string[])[.. CrashPoints.OfAlerts, CrashPoints.AfterPersist]).OrderBy(_ => random.Next()));
            while (points.TryPeek(out var point))
            {
                await using var node = NodeProcess.Start(["run", "--config", Config, "--data-folder", data, "--plain"], new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = $"{point}:{random.Next(1, 4)}" });
                var status = await node.Exit(TimeSpan.FromSeconds(120));
                if (status == 0)
                {
                    // Too little was left to pass the point: what it made must be right, and another stream is begun.
                    output.WriteLine($"round {round}: {await IsWhole(data)} alerts, each once, before {point} was passed so often; another stream");
                    data = Path.Combine(_folder, $"{round}-{++streams}"); // another folder: this process still has the journal of the last one open
                    continue;
                }
                Assert.True(status == 137, $"{point}: exit status {status}: {node.Error}");
                output.WriteLine($"round {round}: died {points.Dequeue()}");
            }
            var (ended, _, error) = await NodeProcess.Run("run", "--config", Config, "--data-folder", data, "--plain");
            Assert.True(ended == 0, error);
            output.WriteLine($"round {round}: {await IsWhole(data)} alerts, each once");
        }
    }

    [Fact]
    public async Task Killed_likewise_a_topic_has_every_alert_of_the_journal_and_what_came_twice_is_the_same_bytes()
    {
        using var broker = new MockCluster();
        broker.CreateTopic("alerts", 2);
        Write($"kafka.bootstrap-servers = \"{broker.BootstrapServers}\"\nalerts.topic = alerts");
        var data = Path.Combine(_folder, "topic");
        string[] run = ["run", "--config", Config, "--data-folder", data, "--plain"];
        await using (var node = NodeProcess.Start(run, new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = $"{CrashPoints.AfterAlerts}:2" }))
            Assert.True(await node.Exit(TimeSpan.FromSeconds(120)) == 137, node.Error);
        var (ended, _, error) = await NodeProcess.Run(run);
        Assert.True(ended == 0, error);

        var read = new List<string>();
        var properties = new Confluent.Kafka.ConsumerConfig { BootstrapServers = broker.BootstrapServers, GroupId = "reader", EnablePartitionEof = true };
        using var consumer = new Confluent.Kafka.ConsumerBuilder<Confluent.Kafka.Ignore, string>(properties).SetLogHandler((_, _) => { }).Build();
        consumer.Assign(Enumerable.Range(0, 2).Select(p => new Confluent.Kafka.TopicPartitionOffset("alerts", p, Confluent.Kafka.Offset.Beginning)));
        for (var ends = 0; ends < 2;)
        {
            var result = consumer.Consume(TimeSpan.FromSeconds(60)) ?? throw new Xunit.Sdk.XunitException("no end of the topic in time");
            if (result.IsPartitionEOF) ends++;
            else read.Add(result.Message.Value);
        }
        var expected = await OfJournal(data);
        output.WriteLine($"{expected.Count} alerts, {read.Count} messages");
        Assert.Equal(expected, read.Distinct()); // the first of each, in the order of the journal
        Assert.True(read.Count > expected.Count, "the crash fell between writing and remembering, so that something came twice");
    }

    [Fact]
    public async Task Alerts_that_cannot_be_written_hold_up_nothing_and_are_written_once_they_can()
    {
        Write("alerts.path = blocked/alerts.jsonl");
        var data = Path.Combine(_folder, "blocked");
        Directory.CreateDirectory(data);
        var blocking = Path.Combine(data, "blocked");
        await File.WriteAllTextAsync(blocking, "a file where the folder should be");
        string[] run = ["run", "--config", Config, "--data-folder", data, "--plain"];
        var (status, text, error) = await Here.Run(run);
        Assert.True(status == 0, text + error);
        Assert.Contains("cannot be written to file", await File.ReadAllTextAsync(Path.Combine(data, "node.log")));
        File.Delete(blocking);
        (status, text, error) = await Here.Run(run);
        Assert.True(status == 0, text + error);
        Assert.Equal(await OfJournal(data), await File.ReadAllLinesAsync(Path.Combine(blocking, "alerts.jsonl")));
    }

    [Fact]
    public async Task An_alarm_of_the_node_is_an_alert_with_the_position_at_which_the_limit_was_passed()
    {
        Write("alerts.path = alerts.jsonl");
        var rows = await File.ReadAllLinesAsync(Path.Combine(_folder, "rows.svm"));
        // 200 of the first 1,000 are none; then the share falls again.
        await File.WriteAllLinesAsync(Path.Combine(_folder, "rows.svm"), rows.Select((row, i) => i is >= 500 and < 700 ? "no row" : row));
        await File.AppendAllTextAsync(Config, "stream-mlops.pipelines.turned.limits.dead-letter-window = 1000\n");
        var data = Path.Combine(_folder, "alarm");
        for (var life = 0; life < 2; life++)
        {
            var (status, text, error) = await Here.Run("run", "--config", Config, "--data-folder", data, "--plain");
            Assert.True(status == 0, text + error);
        }
        var alarms = File.ReadLines(Path.Combine(data, "alerts.jsonl")).Select(l => AlertMessage.TryParse(Encoding.UTF8.GetBytes(l), out var a, out var why) ? a : throw new Xunit.Sdk.XunitException(why)).Where(a => a.Node.Length > 0).ToList();
        Assert.Equal([("dead-letter-share", AlertState.Raised), ("dead-letter-share", AlertState.Cleared)], alarms.Select(a => (a.Kind, a.State)));
        var offset = alarms[0].Position!.Value.Offset;
        Assert.InRange(offset, 500, 600);
        Assert.Equal($"turned/dead-letter-share/all/{offset}/raised", alarms[0].Id);
        Assert.Equal($"turned/dead-letter-share/all/{offset}/cleared", alarms[1].Id);
    }

    private async Task<int> IsWhole(string data)
    {
        var expected = await OfJournal(data);
        Assert.True(expected.Count(line => line.Contains("\"kind\":\"drift\"", StringComparison.Ordinal)) >= 2, $"{expected.Count} alerts");
        Assert.Equal(expected, await File.ReadAllLinesAsync(Path.Combine(data, "alerts.jsonl")));
        return expected.Count;
    }

    /// <summary>What a fresh fold of the journal gives.</summary>
    private static async Task<IReadOnlyList<string>> OfJournal(string data)
    {
        var connection = SqliteJournal.ConnectionStringFor(Path.Combine(data, "journal.db"), TimeSpan.FromSeconds(5));
        var config = AkkaConfiguration.For(ConfigNode.Map.Empty, connection, Path.Combine(data, "spec.log"), verbose: false);
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(config));
        try
        {
            return await JournalFold.Alerts(new JournalReader(system), "learner/turned/main/0");
        }
        finally
        {
            await system.Terminate();
        }
    }

    private void Write(string alerts = "alerts.path = alerts.jsonl")
    {
        File.WriteAllLines(Path.Combine(_folder, "rows.svm"), Enumerable.Range(0, Rows).Select(TurnedRows.SvmLight));
        File.WriteAllText(Config, $$"""
            stream-mlops.pipelines.turned {
              source { path = "{{Path.Combine(_folder, "rows.svm")}}", chunk-rows = 32 }
              learn { max-rows = 150, max-wait = 2ms }
              snapshots { every-events = 8 }
              drift { errors = adwin, scores { page-hinkley { threshold = 20 } } }
              {{alerts}}
            }

            """);
    }
}
