using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>How an audit of one prediction ended.</summary>
public enum AuditOutcome
{
    /// <summary>Recomputed to the same bits.</summary>
    Identical,

    /// <summary>Recomputed to other bits.</summary>
    Differs,

    /// <summary>The row is neither in the journal nor in the source any more.</summary>
    FeaturesExpired,

    /// <summary>The journal holds no such learner or version.</summary>
    UnknownVersion,
}

/// <summary>The audit of one prediction.</summary>
/// <param name="Prediction">What was stored.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Recomputed">The recomputed score, NaN where there is none.</param>
/// <param name="FeaturesFrom">Where the row came from: <c>journal</c>, <c>source</c> or empty.</param>
/// <param name="Explanation">Why the model answered so, where that was asked for and the model can tell.</param>
public sealed record AuditResult(Prediction Prediction, AuditOutcome Outcome, double Recomputed, string FeaturesFrom, PredictionExplanation? Explanation = null);

/// <summary>
/// Recomputes predictions from the journal: rebuilds each version once, in ascending order, so that any number of predictions
/// share one replay; takes each row from the event that learned it, or else from the source at its position.
/// </summary>
/// <param name="journal">The journal.</param>
/// <param name="define">Makes a fold's definition from a genesis.</param>
/// <param name="source">Source and decoder of a pipeline, or null where they are not known here (then only journaled rows can be audited).</param>
/// <param name="system">Runs the source's stream.</param>
public sealed class Auditor(JournalReader journal, Func<Genesis, FoldDefinition> define, Func<string, (ISource Source, IDecoder Decoder)?> source, ActorSystem system)
{
    private readonly IMaterializer _materializer = system.Materializer();

    /// <summary>Audits all predictions; the results are in the order given.</summary>
    /// <param name="predictions">What was answered.</param>
    /// <param name="explain">Features named in the explanation of each recomputed prediction, at most; 0: none is explained.</param>
    /// <param name="cancellation">Stops it.</param>
    public async Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, int explain = 0, CancellationToken cancellation = default)
    {
        var results = new AuditResult[predictions.Count];
        var byLearner = predictions.Select((p, i) => (Prediction: p, Index: i))
            .GroupBy(x => JournalReader.PersistenceId(x.Prediction.Pipeline, x.Prediction.Version.Lineage, x.Prediction.Version.Shard), StringComparer.Ordinal);
        foreach (var learner in byLearner)
            await AuditLearner(learner.Key, [.. learner.OrderBy(x => x.Prediction.Version.Sequence).ThenBy(x => x.Index)], results, explain, cancellation).ConfigureAwait(false);
        return results;
    }

    private async Task AuditLearner(string learner, IReadOnlyList<(Prediction Prediction, int Index)> wanted, AuditResult[] results, int explain, CancellationToken cancellation)
    {
        using var rows = new AuditRows();
        foreach (var (p, _) in wanted) rows.Want(p);
        await FromJournal(learner, wanted[0].Prediction.Version.Sequence, rows, cancellation).ConfigureAwait(false);
        if (source(wanted[0].Prediction.Pipeline) is { } from)
            foreach (var (p, _) in wanted)
                if (!rows.Has(p)) await FromSource(from.Source, from.Decoder, p, rows).ConfigureAwait(false);

        LearnerFold? fold = null;
        foreach (var (p, index) in wanted)
        {
            var version = p.Version.Sequence;
            try
            {
                fold = fold is null
                    ? await journal.Rebuild(learner, define, version, cancellation: cancellation).ConfigureAwait(false)
                    : await journal.Continue(learner, define, fold, version, cancellation).ConfigureAwait(false);
            }
            catch (RowsGoneException)
            {
                // A later version may have a snapshot behind what is gone.
                fold?.Dispose();
                (fold, results[index]) = (null, new(p, AuditOutcome.FeaturesExpired, double.NaN, ""));
                continue;
            }
            if (fold is null || fold.Sequence != version) results[index] = new(p, AuditOutcome.UnknownVersion, double.NaN, "");
            else if (!rows.Has(p)) results[index] = new(p, AuditOutcome.FeaturesExpired, double.NaN, "");
            else
            {
                var scores = rows.Scores(p, fold);
                var answered = fold.Definition.Model.Kind.Task == LearningTask.MultiClass ? Decision.ClassOf(scores) : 0;
                var outcome = Same(scores, p.Scores ?? [p.Score]) ? AuditOutcome.Identical : AuditOutcome.Differs;
                results[index] = new(p, outcome, answered < 0 ? double.NaN : scores[answered], rows.OriginOf(p), explain > 0 && answered >= 0 ? rows.Explain(p, fold, answered, explain) : null);
            }
        }
        fold?.Dispose();
    }

    private static bool Same(double[] recomputed, IReadOnlyList<double> stored)
    {
        var same = recomputed.Length == stored.Count;
        for (var k = 0; same && k < recomputed.Length; k++) same = BitConverter.DoubleToInt64Bits(recomputed[k]) == BitConverter.DoubleToInt64Bits(stored[k]);
        return same;
    }

    // A row is learned after it was scored, so it is in an event after the earliest version asked for, if in any.
    private async Task FromJournal(string learner, long after, AuditRows rows, CancellationToken cancellation)
    {
        await foreach (var (_, e) in journal.ReadStored(learner, after + 1, cancellation: cancellation).ConfigureAwait(false))
        {
            if (e is Learned { HasRows: false }) continue; // they are where the source is
            if (e is Joined joined)
            {
                // Rows of any earlier range may be in it: their epochs are those of the predictions asked for.
                EventRows.ForEach(joined, (partition, offset) => rows.EpochOf(partition, offset) is not null, (partition, offset, batch) => rows.Take(partition, rows.EpochOf(partition, offset)!.Value, offset, batch, "journal"));
                if (rows.Complete) return;
                continue;
            }
            if (e is not Learned learned || !learned.Ranges.Any(r => rows.WantsAnyIn(r.Range))) continue;
            var epochs = learned.Ranges.ToDictionary(r => r.Range.Partition, r => r.Range.Epoch);
            EventRows.ForEach(learned, (partition, offset) => rows.Wants(partition, epochs[partition], offset), (partition, offset, batch) => rows.Take(partition, epochs[partition], offset, batch, "journal"));
            if (rows.Complete) return;
        }
    }

    private async Task FromSource(ISource from, IDecoder decoder, Prediction p, AuditRows rows)
    {
        try
        {
            // One chunk: the record is the first of it.
            var raw = await from.ReadFrom([new PartitionPosition(p.Partition, p.Epoch, p.Offset)]).RunWith(Sink.FirstOrDefault<RawChunk>(), _materializer).ConfigureAwait(false);
            if (raw is null) return;
            using (raw)
            using (var chunk = decoder.Decode(raw))
                rows.TakeAll(chunk, "source");
        }
        catch (SourceException)
        {
            // Gone from the source: the outcome says so.
        }
    }
}
