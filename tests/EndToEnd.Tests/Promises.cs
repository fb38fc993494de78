using System.Text;
using Akka.Actor;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>The five promises of a data folder whose bounded source was run to its end, checked by a process that was not there.</summary>
internal static class Promises
{
    public const string Learner = "learner/urls/main/0";

    /// <summary>Checks all five and gives the hash of what was learned.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="rows">The svmlight file that was streamed.</param>
    public static async Task<StateHash> Hold(string folder, string rows)
    {
        var connection = SqliteJournal.ConnectionStringFor(Path.Combine(folder, "journal.db"), TimeSpan.FromSeconds(5));
        var config = AkkaConfiguration.For(ConfigNode.Map.Empty, connection, Path.Combine(folder, "spec.log"), verbose: false);
        var system = ActorSystem.Create("spec", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(config));
        try
        {
            var journal = new JournalReader(system);

            // (i) a fresh fold without snapshots reaches the state of the learner, whose last act was a snapshot of its own.
            var (sequence, snapshot) = (await journal.Snapshot(Learner))!.Value;
            using var fold = (await journal.Rebuild(Learner, Define, useSnapshots: false))!;
            Assert.Equal(sequence, fold.Sequence);
            Assert.Equal(snapshot.Hash, fold.Hash());

            // (ii) per partition the journaled rows are the source's labelled rows, in order, once each.
            var lines = await File.ReadAllLinesAsync(rows);
            var next = 0L;
            await foreach (var (_, e) in journal.Read(Learner, 1))
                if (e is Learned learned)
                    EventRows.ForEach(learned, (_, _) => true, (_, offset, batch) =>
                    {
                        Assert.Equal(next, offset);
                        using var expected = Parse(lines[next++]);
                        Assert.Equal(ProgressiveLearner.ContentOf(expected, 0), ProgressiveLearner.ContentOf(batch, 0));
                    });
            Assert.Equal(lines.Length, next);

            // (iii) with one partition the state is that of the library run over the file, without Akka.
            var alone = new ProgressiveLearner(fold.Definition.Model);
            foreach (var line in lines)
            {
                using var batch = Parse(line);
                alone.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
            }
            Assert.Equal(StateHash.Of(alone.Save), fold.LearnedHash());

            // (iv) the ledger balances: every offset was scored and committed once, and learned once.
            var committed = Assert.Single(new FileCommitStore(Path.Combine(folder, "commits")).Read("urls"));
            Assert.Equal((lines.Length, lines.Length, 0L, 0L), (committed.Position.Next, committed.Predicted, committed.DeadLettered, committed.Skipped));
            var ledger = Assert.Single(fold.Partitions);
            Assert.Equal((lines.Length, lines.Length, 0L), (ledger.Next, ledger.Learned, ledger.Remainder));

            // (v) sampled predictions recompute identically, also those made before any of the kills.
            var predictions = PredictionFile.Read(Path.Combine(folder, "predictions.jsonl"), TextReader.Null).ToList();
            Assert.Equal(Enumerable.Range(0, lines.Length).Select(i => (long)i), predictions.Select(p => p.Offset).Distinct().Order());
            var sample = predictions.Where((_, i) => i % (1 + predictions.Count / 200) == 0).ToList();
            var audited = await new Auditor(journal, Define, _ => null, system).Audit(sample);
            Assert.All(audited, a => Assert.Equal(AuditOutcome.Identical, a.Outcome));
            return fold.LearnedHash();
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static FoldDefinition Define(Genesis genesis)
    {
        var (model, featurize) = PipelineSettings.ReadGenesis(SettingsText.Read(genesis.Settings));
        return new FoldDefinition(model, featurize.Create());
    }

    private static RowBatch Parse(string line)
    {
        var batch = new RowBatch(1, 64);
        Assert.Equal(RowFault.None, SvmLightParser.Parse(Encoding.UTF8.GetBytes(line), batch, out _));
        return batch;
    }
}
