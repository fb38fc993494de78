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
/// once, in the order of a process that was never killed, whether the kind of model needs labels, some of them or none. One life has deaths at several
/// points, in a random order. <c>STREAMMLOPS_CRASHES=20</c> is the full count for each point and kind.
/// </summary>
public sealed class LabelKillSpecs(ITestOutputHelper output) : IDisposable
{
    private const int Rows = 6_000;
    private const string Learner = "learner/apart/main/0";
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-labels-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int Crashes => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_CRASHES") ?? "1", CultureInfo.InvariantCulture);

    private static int Seed => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_SEED") ?? Random.Shared.Next(1_000_000).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private string Config => Path.Combine(_folder, "apart.conf");

    [Theory]
    [InlineData("supervised", 20, "")]
    [InlineData("semi-supervised", 2, "model { algorithm = self-training, confidence = 0.6 }")]
    [InlineData("unsupervised", 2, "model { algorithm = half-space-trees, window = 100 }")]
    public async Task Killed_at_every_crash_point_a_node_learns_each_pair_once_and_in_the_same_order(string kind, int unlabelledOneIn, string model)
    {
        var seed = Seed;
        output.WriteLine($"{Crashes} crashes at each of {string.Join(", ", CrashPoints.All)}; seed {seed} (STREAMMLOPS_CRASHES, STREAMMLOPS_SEED)");
        var random = new Random(seed);
        Write(random, unlabelledOneIn, model);
        var whole = RunToTheEnd(Path.Combine(_folder, "whole")); // beside the deaths

        var points = CrashPoints.All.SelectMany(p => Enumerable.Repeat(p, Crashes)).ToArray();
        random.Shuffle(points);
        var (data, lives, died) = (Path.Combine(_folder, "killed"), 1, 0);
        while (died < points.Length)
        {
            var point = points[died];
            await using var node = NodeProcess.Start(["run", "--config", Config, "--data-folder", data, "--plain"], new Dictionary<string, string> { ["STREAMMLOPS_CRASH"] = $"{point}:{random.Next(1, point is CrashPoints.InSnapshot or CrashPoints.InCheckpoint or CrashPoints.AfterCheckpoint or CrashPoints.AfterProduce ? 3 : 6)}" });
            var status = await node.Exit(TimeSpan.FromSeconds(120));
            if (status == 0)
            {
                // All was learned before the point was passed so often: what it made must be right, and another stream is begun.
                await IsWhole();
                Directory.Delete(data, recursive: true);
                lives++;
                continue;
            }
            Assert.True(status == 137, $"{point}: exit status {status}: {node.Error}");
            died++;
        }
        await IsWhole();
        output.WriteLine($"{kind}: {died} deaths in {lives} lives: {await whole}");

        async Task IsWhole()
        {
            var (expected, found) = (await whole, await RunToTheEnd(data));
            if (expected != found) Assert.Fail($"after the deaths {string.Join(", ", points.Take(died))}:\n{found}\nis not\n{expected}");
        }
    }

    private async Task<Outcome> RunToTheEnd(string data)
    {
        var (status, _, error) = await NodeProcess.Run("run", "--config", Config, "--data-folder", data, "--plain");
        Assert.True(status == 0, error);

        var connection = SqliteJournal.ConnectionStringFor(Path.Combine(data, "journal.db"), TimeSpan.FromSeconds(5));
        var config = AkkaConfiguration.For(ConfigNode.Map.Empty, connection, Path.Combine(data, "spec.log"), verbose: false);
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(config));
        try
        {
            var journal = new JournalReader(system);
            Assert.Empty((await new Verifier(journal, Define).Verify(Learner)).Faults);
            using var fold = (await journal.Rebuild(Learner, Define, useSnapshots: false))!;
            Assert.All(fold.Partitions, p => Assert.Equal((0, Rows), (p.Remainder, p.Next)));
            Assert.All(fold.Labels, l => Assert.Equal(0, l.Remainder));
            var committed = Assert.Single(new FileCommitStore(Path.Combine(data, "commits")).Read("apart"));
            Assert.Equal((Rows, Rows), (committed.Position.Next, committed.Predicted));
            var predictions = PredictionFile.Read(Path.Combine(data, "predictions.jsonl"), TextReader.Null).ToList();
            Assert.Equal(Enumerable.Range(0, Rows).Select(i => (long)i), predictions.Select(p => p.Offset).Distinct().Order());
            var sample = predictions.Where((p, i) => i % 53 == 0).ToList();
            var source = new FileSource(new FileSourceSettings(Path.Combine(_folder, "rows.jsonl")));
            Assert.All(await new Auditor(journal, Define, _ => (source, new JsonDecoder()), system).Audit(sample), a => Assert.Equal(AuditOutcome.Identical, a.Outcome));

            var outcome = new Outcome(fold.LearnedHash(), fold.Partitions.Single(), fold.Labels.Single(), fold.Learner.Model is ISelfTraining { PseudoLabels: var pseudo } ? pseudo.Negative + pseudo.Positive : null);
            // The stream has what the kind is about.
            Assert.True(outcome.Labels is { Learned: > 0, Duplicate: > 0 }, outcome.ToString());
            Assert.True(fold.Definition.Model.Kind.Supervision == Supervision.Unsupervised ? outcome.Rows.Learned == Rows : outcome.Rows is { Learned: > Rows / 3, Expired: > 0 }, outcome.ToString());
            Assert.True(outcome.PseudoLabels is null or > 0, outcome.ToString());
            return outcome;
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

    private void Write(Random random, int unlabelledOneIn, string model)
    {
        var rows = new StringBuilder();
        var labels = new List<(long Time, string Line)>();
        for (var n = 0; n < Rows; n++)
        {
            var (features, positive) = SyntheticRows.Row(n);
            rows.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"r{n}\",\"st\":{1_000_000 + n},\"f\":{{{string.Join(',', features.Select(f => string.Create(CultureInfo.InvariantCulture, $"\"{f.Key}\":{f.Value}")))}}}}}\n");
            if (random.Next(unlabelledOneIn) == 0) continue;
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
              {{model}}
              source { path = "{{Path.Combine(_folder, "rows.jsonl")}}", format = json, chunk-rows = 32 }
              labels = topic
              label-source { path = "{{Path.Combine(_folder, "labels.jsonl")}}", horizon = 1s, memory = 16 MiB, expected-ids = 10000 }
              learn { max-rows = 150, max-wait = 2ms }
              snapshots { every-events = 8 }
            }
            """);
    }

    /// <summary>What must be the same, killed or not.</summary>
    private sealed record Outcome(StateHash Learned, PartitionLedger Rows, LabelLedger Labels, long? PseudoLabels);
}
