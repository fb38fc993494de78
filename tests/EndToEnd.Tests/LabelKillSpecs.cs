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
/// Labels in a log of their own, and a process that kills itself at the points of <see cref="CrashPoints"/>: afterwards each pair is learned
/// once, in the order of a process that was never killed. <c>STREAMMLOPS_CRASHES=20</c> is the full count for each point.
/// </summary>
public sealed class LabelKillSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Rows = 6_000;
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-labels-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int Crashes => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_CRASHES") ?? "1", CultureInfo.InvariantCulture);

    private static int Seed => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_SEED") ?? Random.Shared.Next(1_000_000).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private string Config => Path.Combine(_folder, "apart.conf");

    [Fact]
    public async Task Killed_at_every_crash_point_a_node_learns_each_pair_once_and_in_the_same_order()
    {
        var seed = Seed;
        output.WriteLine($"{Crashes} crashes at each of {string.Join(", ", CrashPoints.All)}; seed {seed} (STREAMMLOPS_CRASHES, STREAMMLOPS_SEED)");
        var random = new Random(seed);
        Write(random);
        var (expected, ledger) = await RunToTheEnd(Path.Combine(_folder, "whole"));
        Assert.True(ledger.Learned > Rows / 2 && ledger.Expired > 0, ledger.ToString());

        foreach (var point in CrashPoints.All)
        {
            var data = Path.Combine(_folder, point);
            var died = 0;
            while (died < Crashes)
            {
                await using var node = NodeProcess.Start(["run", "--config", Config, "--data-folder", data, "--plain"], new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = $"{point}:{random.Next(1, point is CrashPoints.InSnapshot or CrashPoints.AfterProduce ? 3 : 8)}" });
                var status = await node.Exit(TimeSpan.FromSeconds(120));
                if (status == 0)
                {
                    // All was learned before the point was passed so often: what it made must be right, and another stream is begun.
                    Assert.Equal(expected, (await RunToTheEnd(data)).Learned);
                    Directory.Delete(data, recursive: true);
                    continue;
                }
                Assert.True(status == 137, $"{point}: exit status {status}: {node.Error}");
                died++;
            }
            var (found, afterwards) = await RunToTheEnd(data);
            output.WriteLine($"{point}: {died} deaths, {afterwards}");
            Assert.Equal(expected, found);
            Assert.Equal(ledger, afterwards);
        }
    }

    private async Task<(StateHash Learned, PartitionLedger Ledger)> RunToTheEnd(string data)
    {
        var (status, _, error) = await NodeProcess.Run("run", "--config", Config, "--data-folder", data, "--plain");
        Assert.True(status == 0, error);
        (status, var text, error) = await NodeProcess.Run("verify", "--data-folder", data);
        Assert.True(status == 0, text + error);

        var connection = SqliteJournal.ConnectionStringFor(Path.Combine(data, "journal.db"), TimeSpan.FromSeconds(5));
        var config = AkkaConfiguration.For(ConfigNode.Map.Empty, connection, Path.Combine(data, "spec.log"), verbose: false);
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(config));
        try
        {
            using var fold = (await new JournalReader(system).Rebuild("learner/apart/main/0", Define, useSnapshots: false))!;
            Assert.All(fold.Partitions, p => Assert.Equal((0, Rows), (p.Remainder, p.Next)));
            Assert.All(fold.Labels, l => Assert.Equal(0, l.Remainder));
            var committed = Assert.Single(new FileCommitStore(Path.Combine(data, "commits")).Read("apart"));
            Assert.Equal((Rows, Rows), (committed.Position.Next, committed.Predicted));
            var predictions = PredictionFile.Read(Path.Combine(data, "predictions.jsonl"), TextReader.Null).ToList();
            Assert.Equal(Enumerable.Range(0, Rows).Select(i => (long)i), predictions.Select(p => p.Offset).Distinct().Order());
            var sample = predictions.Where((p, i) => i % 53 == 0).ToList();
            var source = new FileSource(new FileSourceSettings(Path.Combine(_folder, "rows.jsonl")));
            Assert.All(await new Auditor(new JournalReader(system), Define, _ => (source, new JsonDecoder()), system).Audit(sample), a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
            return (fold.LearnedHash(), fold.Partitions.Single());
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static FoldDefinition Define(Genesis genesis)
    {
        var settings = SettingsText.Read(genesis.Settings);
        var (model, featurize) = PipelineSettings.ReadGenesis(settings);
        return new FoldDefinition(model, featurize.Create(), PipelineSettings.ReadLabelHorizon(settings));
    }

    private void Write(Random random)
    {
        var rows = new StringBuilder();
        var labels = new List<(long Time, string Line)>();
        for (var n = 0; n < Rows; n++)
        {
            var (features, positive) = SyntheticRows.Row(n);
            rows.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + n},\"f\":{{{string.Join(',', features.Select(f => string.Create(CultureInfo.InvariantCulture, $"\"{f.Key}\":{f.Value}")))}}}}}\n");
            if (random.Next(20) == 0) continue;
            for (var copies = random.Next(5) == 0 ? 2 : 1; copies > 0; copies--)
            {
                var time = 1_000_000 + n + random.Next(-100, 900);
                labels.Add((time, $"{{\"id\":\"r{n}\",\"st\":{time},\"y\":{(positive ? 1 : 0)}}}\n"));
            }
        }
        File.WriteAllText(Path.Combine(_folder, "rows.jsonl"), rows.ToString());
        File.WriteAllText(Path.Combine(_folder, "labels.jsonl"), string.Concat(labels.OrderBy(l => l.Time).Select(l => l.Line)));
        File.WriteAllText(Config, $$"""
            stream-mlops.pipelines.apart {
              source { path = "{{Path.Combine(_folder, "rows.jsonl")}}", format = json, chunk-rows = 32 }
              labels = topic
              label-source { path = "{{Path.Combine(_folder, "labels.jsonl")}}", horizon = 1s, memory = 16 MiB, expected-ids = 10000 }
              learn { max-rows = 150, max-wait = 2ms }
              snapshots { every-events = 8 }
            }
            """);
    }
}
