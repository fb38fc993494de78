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
public sealed record AuditResult(Prediction Prediction, AuditOutcome Outcome, double Recomputed, string FeaturesFrom);

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
    public async Task<IReadOnlyList<AuditResult>> Audit(IReadOnlyList<Prediction> predictions, CancellationToken cancellation = default)
    {
        var results = new AuditResult[predictions.Count];
        var byLearner = predictions.Select((p, i) => (Prediction: p, Index: i))
            .GroupBy(x => JournalReader.PersistenceId(x.Prediction.Pipeline, x.Prediction.Version.Lineage, x.Prediction.Version.Shard), StringComparer.Ordinal);
        foreach (var learner in byLearner)
            await AuditLearner(learner.Key, [.. learner.OrderBy(x => x.Prediction.Version.Sequence).ThenBy(x => x.Index)], results, cancellation).ConfigureAwait(false);
        return results;
    }

    private async Task AuditLearner(string learner, IReadOnlyList<(Prediction Prediction, int Index)> wanted, AuditResult[] results, CancellationToken cancellation)
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
                results[index] = new(p, Same(scores, p.Scores ?? [p.Score]) ? AuditOutcome.Identical : AuditOutcome.Differs, AnswerOf(scores, fold), rows.OriginOf(p));
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

    private static double AnswerOf(double[] scores, LearnerFold fold) =>
        fold.Definition.Model.Kind.Task != LearningTask.MultiClass ? scores[0] : Decision.ClassOf(scores) is var answer and >= 0 ? scores[answer] : double.NaN;

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

/// <summary>The rows that an audit needs, by position.</summary>
internal sealed class AuditRows : IDisposable
{
    private readonly SortedDictionary<(int Partition, ulong Epoch, long Offset), (RowBatch Batch, string Origin)?> _rows = [];
    private readonly SortedDictionary<(int Partition, ulong Epoch), SortedSet<long>> _missing = [];

    public bool Complete => _missing.Values.All(m => m.Count == 0);

    public void Want(Prediction p)
    {
        if (!_rows.TryAdd(Key(p), null)) return;
        if (!_missing.TryGetValue((p.Partition, p.Epoch), out var offsets)) _missing[(p.Partition, p.Epoch)] = offsets = [];
        offsets.Add(p.Offset);
    }

    public bool Wants(int partition, ulong epoch, long offset) => _missing.TryGetValue((partition, epoch), out var offsets) && offsets.Contains(offset);

    /// <summary>The epoch of the partition in which a row at this offset is wanted; null: none is.</summary>
    public ulong? EpochOf(int partition, long offset)
    {
        foreach (var ((p, epoch), offsets) in _missing)
            if (p == partition && offsets.Contains(offset)) return epoch;
        return null;
    }

    public bool WantsAnyIn(OffsetRange range) =>
        _missing.TryGetValue((range.Partition, range.Epoch), out var offsets) && range.Length > 0 && offsets.GetViewBetween(range.From, range.To - 1).Count > 0;

    public bool Has(Prediction p) => _rows[Key(p)] is not null;

    public string OriginOf(Prediction p) => _rows[Key(p)]!.Value.Origin;

    public void Take(int partition, ulong epoch, long offset, RowBatch batch, string origin) => Keep(partition, epoch, offset, batch, 0, origin);

    public void TakeAll(Chunk chunk, string origin)
    {
        for (var i = 0; i < chunk.Count; i++)
            if (Wants(chunk.Range.Partition, chunk.Range.Epoch, chunk.OffsetOf(i))) Keep(chunk.Range.Partition, chunk.Range.Epoch, chunk.OffsetOf(i), chunk.Rows, i, origin);
    }

    public double[] Scores(Prediction p, LearnerFold fold)
    {
        var batch = _rows[Key(p)]!.Value.Batch;
        var features = fold.Definition.Featurizer.Featurize(batch);
        try
        {
            return fold.Learner.Predict(features[0]).ToArray();
        }
        finally
        {
            if (!ReferenceEquals(features, batch)) features.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var row in _rows.Values) row?.Batch.Dispose();
    }

    private static (int, ulong, long) Key(Prediction p) => (p.Partition, p.Epoch, p.Offset);

    private void Keep(int partition, ulong epoch, long offset, RowBatch from, int row, string origin)
    {
        var copy = new RowBatch(1, 256);
        copy.TryCopy(from, row);
        _rows[(partition, epoch, offset)] = (copy, origin);
        _missing[(partition, epoch)].Remove(offset);
    }
}
