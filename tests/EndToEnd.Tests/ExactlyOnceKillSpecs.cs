using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Akka.Actor;
using Confluent.Kafka;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Pipeline.Tests;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// A node with <c>delivery = exactly-once</c> between topics of a broker that has transactions, killed with kill -9 in mid-stream, at random moments
/// and at the points of <see cref="CrashPoints.OfTransactions"/>. <c>STREAMMLOPS_KILLS=30</c> for more lives than the six here.
/// </summary>
public sealed partial class ExactlyOnceKillSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Partitions = 4, Burst = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-once-").FullName;
    private readonly RealBroker _broker = new();
    private readonly string _pipeline = $"once-{Guid.NewGuid():N}"; // the consumer group, at a broker that others may use
    private (string Rows, string Labels, string Predictions, string DeadLetters) _topics;
    private bool _labelsApart;
    private int _written;

    public void Dispose()
    {
        _broker.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    private string[] Command => ["run", "--config", Path.Combine(_folder, "once.conf"), "--data-folder", Data, "--plain"];

    [TransactionsTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reader_of_what_is_committed_sees_each_row_predicted_once_whenever_the_node_was_killed(bool labelsApart)
    {
        var random = Rounds.Seeded(output);
        _labelsApart = labelsApart;
        _topics = (_broker.CreateTopic(), _broker.CreateTopic(), _broker.CreateTopic(), _broker.CreateTopic());
        WriteSettings();
        string?[] points = [.. CrashPoints.OfTransactions, null];
        using (var arriving = new PredictionTopic(_broker, _topics.Predictions, IsolationLevel.ReadUncommitted))
            for (var (kills, kill) = (Rounds.Of("STREAMMLOPS_KILLS", 6), 0); kill < kills; kill++)
                await LiveAndDie(random, arriving, points[kill % points.Length]);
        await RunToTheEnd();

        EachPredictedOnce();
        Assert.All(PlainConsumer.Committed(_broker, _topics.Rows, _pipeline), c => Assert.Equal(_written / Partitions, c.Value));
        var (status, text, error) = await NodeProcess.Run("ledger", "--json", "--data-folder", Data);
        Assert.True(status == 0, text + error);
        using (var ledger = JsonDocument.Parse(text))
        {
            Assert.True(ledger.RootElement.GetProperty("balances").GetBoolean(), text);
            Assert.All(ledger.RootElement.GetProperty("scored").EnumerateArray(), s => Assert.Equal((_written / Partitions, _written / Partitions, 0), (s.GetProperty("next").GetInt32(), s.GetProperty("predicted").GetInt32(), s.GetProperty("remainder").GetInt32())));
            Assert.Equal(_written, ledger.RootElement.GetProperty("scored").EnumerateArray().Sum(s => s.GetProperty("predicted").GetInt32()));
        }
        (status, text, error) = await NodeProcess.Run("verify", "--data-folder", Data);
        Assert.True(status == 0, text + error);
        await EachLearnedOnce();
    }

    // One life of the node. Rows are written as long as it lives, so that it dies in mid-stream.
    private async Task LiveAndDie(Random random, PredictionTopic arriving, string? point)
    {
        var crash = $"{point}:{random.Next(1, 6).ToString(CultureInfo.InvariantCulture)}";
        var before = arriving.Count;
        await using var node = NodeProcess.Start(Command, point is not null ? new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = crash } : null);
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                WriteRows();
                await Task.Delay(150, CancellationToken.None);
            }
        });
        try
        {
            if (point is not null)
            {
                var status = await node.Exit(Patience);
                Assert.True(status == 137, $"{crash}: exit status {status}: {node.Error}");
            }
            else
            {
                var deadline = System.Diagnostics.Stopwatch.StartNew();
                while (arriving.Count == before)
                {
                    Assert.False(node.HasExited, node.Error);
                    Assert.True(deadline.Elapsed < Patience, $"no prediction arrived: {node.Error}{string.Join('\n', node.Lines)}");
                    await Task.Delay(1);
                }
                await Task.Delay(random.Next(2) == 0 ? random.Next(50) : 0);
                await node.Kill();
            }
        }
        finally
        {
            stop.Cancel();
            await writing;
        }
        // Without waiting for the transaction that was left open: the next life is to end it.
        var committed = PlainConsumer.Committed(_broker, _topics.Rows, _pipeline, IsolationLevel.ReadUncommitted).Values.Sum(c => Math.Max(c, 0));
        // At a random moment all that is written may be committed.
        Assert.True(committed < _written || point is null, "it was not killed in mid-stream");
        output.WriteLine($"killed {(point is not null ? $"at {crash}" : "at a random moment")}: {committed} of {_written} rows committed, {arriving.Count - before} predictions reached the log in this life");
    }

    private async Task RunToTheEnd()
    {
        await using var node = NodeProcess.Start(Command);
        await node.Until(line => Counts().Match(line) is { Success: true } m && m.Groups.Values.Skip(1).All(g => int.Parse(g.Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) == _written), Patience);
        node.Interrupt();
        Assert.Equal(0, await node.Exit(Patience));
    }

    private void EachPredictedOnce()
    {
        var expected = Enumerable.Range(0, _written).Select(n => (n % Partitions, (long)(n / Partitions))).Order().ToList();
        var (committed, all) = (Read(IsolationLevel.ReadCommitted), Read(IsolationLevel.ReadUncommitted));
        Assert.Equal(expected, committed.Select(p => (p.Partition, p.Offset)).Order());
        Assert.Equal(expected, all.Select(p => (p.Partition, p.Offset)).Distinct().Order());
        // Otherwise no kill fell between records and the end of their transaction, and nothing was shown.
        Assert.True(all.Count > committed.Count, $"{all.Count} predictions in the log, {committed.Count} committed");
        Assert.All(all.GroupBy(p => (p.Partition, p.Offset, p.Version)), same => Assert.Single(same.Select(p => BitConverter.DoubleToInt64Bits(p.Score)).Distinct()));
        output.WriteLine($"{_written} rows: {committed.Count} committed predictions, {all.Count - committed.Count} more that were taken back");
    }

    private async Task EachLearnedOnce()
    {
        var connection = SqliteJournal.ConnectionStringFor(Path.Combine(Data, "journal.db"), TimeSpan.FromSeconds(5));
        var config = AkkaConfiguration.For(ConfigNode.Map.Empty, connection, Path.Combine(Data, "spec.log"), verbose: false);
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(config));
        try
        {
            var learned = new HashSet<(int, long)>();
            await foreach (var (_, e) in new JournalReader(system).Read($"learner/{_pipeline}/main/0", 1))
            {
                if (e is Learned inline) EventRows.ForEach(inline, (_, _) => true, Take);
                if (e is Joined joined) EventRows.ForEach(joined, (_, _) => true, Take);
            }
            Assert.Equal(_written, learned.Count);

            void Take(int partition, long offset, RowBatch batch)
            {
                Assert.True(learned.Add((partition, offset)), $"partition {partition}, offset {offset} is learned twice");
                var (features, positive) = SyntheticRows.Row(offset * Partitions + partition);
                Assert.Equal((positive ? 1 : 0, features.Count), (batch.Labels[0], batch[0].Indices.Length));
            }
        }
        finally
        {
            await system.Terminate();
        }
    }

    // All predictions that a reader sees.
    private List<Prediction> Read(IsolationLevel isolation)
    {
        using var consumer = PlainConsumer.Of(_broker, isolation: isolation, endOfPartitions: true);
        consumer.Assign(Enumerable.Range(0, Partitions).Select(p => new TopicPartitionOffset(_topics.Predictions, p, 0)));
        var (found, ended) = (new List<Prediction>(), 0);
        while (ended < Partitions)
        {
            var result = consumer.Consume(Patience) ?? throw new TimeoutException($"{_topics.Predictions} does not come to its end");
            if (result.IsPartitionEOF)
            {
                ended++;
                continue;
            }
            Assert.True(PredictionReader.TryParse(result.Message.Value, out var prediction, out var why), why);
            found.Add(prediction);
        }
        consumer.Close();
        return found;
    }

    private void WriteRows()
    {
        _broker.Fill(_topics.Rows, _written, Burst, Row);
        if (_labelsApart) _broker.Fill(_topics.Labels, _written, Burst, n => string.Create(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + n},\"y\":{Label(n)}}}"));
        _written += Burst;
    }

    private string Row(int n) => string.Create(CultureInfo.InvariantCulture,
        $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + n},{(_labelsApart ? "" : $"\"y\":{Label(n)},")}\"f\":{{{string.Join(',', SyntheticRows.Row(n).Features.Select(f => string.Create(CultureInfo.InvariantCulture, $"\"{f.Key}\":{f.Value}")))}}}}}");

    private static string Label(int n) => SyntheticRows.Row(n).Positive ? "1" : "0";

    private void WriteSettings() => File.WriteAllText(Path.Combine(_folder, "once.conf"), $$"""
        stream-mlops.pipelines.{{_pipeline}} {
          delivery = exactly-once
          kafka { bootstrap-servers = "{{_broker.BootstrapServers}}", kafka-clients { {{string.Join(", ", _broker.GroupClients.Select(p => $"\"{p.Key}\" = \"{p.Value}\""))}} } }
          source { kind = kafka, topic = "{{_topics.Rows}}", format = json, chunk-rows = 16 }
          {{(_labelsApart ? $"labels = topic, label-source {{ kind = kafka, topic = \"{_topics.Labels}\", horizon = 1h, patience = 200ms }}" : "")}}
          learn { max-rows = 200, max-wait = 2ms }
          snapshots { every-events = 20 }
          sink { kind = kafka, predictions = "{{_topics.Predictions}}", dead-letters = "{{_topics.DeadLetters}}" }
        }
        """);

    [GeneratedRegex(@"scored ([\d,]+) .*learned ([\d,]+) ")]
    private static partial Regex Counts();
}

/// <summary>A theory that needs a broker with transactions.</summary>
public sealed class TransactionsTheoryAttribute : TheoryAttribute
{
    public TransactionsTheoryAttribute() => Skip = RealBroker.WithoutTransactions;
}
