using System.Data.Common;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Persistence;
using Akka.Persistence.Query;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Reads journals and snapshots from outside the learner: for replicas, audit and verification. Writes nothing.</summary>
/// <param name="system">The actor system whose journal it is.</param>
/// <param name="readJournal">Configuration path of the read journal.</param>
/// <param name="archive">Files that have the events that are no longer in the journal; null: all are in it.</param>
/// <param name="sources">Source and decoder of a pipeline, for rows that the journal names by position; null where they are not known.</param>
public sealed class JournalReader(ActorSystem system, string readJournal = "akka.persistence.query.journal.sql", EventArchive? archive = null, Func<string, (ISource Source, IDecoder Decoder)?>? sources = null)
{
    // A reader is never in a hurry: a database that is locked for a moment, or a machine that is busy, is waited for.
    private const int Attempts = 10;
    private const int PageEvents = 8; // of up to 3 MiB
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly IMaterializer _materializer = system.Materializer();

    /// <summary>Persistence id of a learner.</summary>
    public static string PersistenceId(string pipeline, string lineage, int shard) => $"learner/{pipeline}/{lineage}/{shard}";

    /// <summary>Ids of all learners in the journal.</summary>
    public async Task<IReadOnlyList<string>> Learners()
    {
        var ids = await Patiently(() => Query<ICurrentPersistenceIdsQuery>().CurrentPersistenceIds().RunWith(Sink.Seq<string>(), _materializer)).ConfigureAwait(false);
        return [.. ids.Where(id => id.StartsWith("learner/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>Events from <paramref name="from"/> to <paramref name="to"/>, both included, as far as they are there now; with their rows, where their source is known.</summary>
    /// <exception cref="RowsGoneException">Rows that are named by position are no longer there.</exception>
    public async IAsyncEnumerable<(long Sequence, JournalEvent Event)> Read(string persistenceId, long from, long to = long.MaxValue, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await using var rows = RowsOf(persistenceId);
        await foreach (var (sequence, e) in ReadStored(persistenceId, from, to, cancellation).ConfigureAwait(false))
            yield return (sequence, rows is not null && e is Learned { HasRows: false } learned ? await rows.Resolve(sequence, learned, cancellation).ConfigureAwait(false) : e);
    }

    /// <summary>Reads the rows that events of a learner name by position; null where the source is not known.</summary>
    internal ReferencedRows? RowsOf(string persistenceId) =>
        persistenceId.Split('/') is [_, var pipeline, ..] && sources?.Invoke(pipeline) is { } from ? new ReferencedRows(from.Source, from.Decoder, _materializer) : null;

    /// <summary>Events as they are stored.</summary>
    internal async IAsyncEnumerable<(long Sequence, JournalEvent Event)> ReadStored(string persistenceId, long from, long to = long.MaxValue, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        if (archive is not null)
        {
            foreach (var (sequence, e) in archive.Read(persistenceId, from, to))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return (sequence, e);
                from = sequence + 1;
            }
        }
        while (from <= to)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = from;
            var page = await Patiently(() => Page(persistenceId, start, to)).ConfigureAwait(false);
            foreach (var (sequence, e) in page) yield return (sequence, e);
            if (page.Count < PageEvents) yield break;
            from = page[^1].Sequence + 1;
        }
    }

    /// <summary>The newest snapshot at or below <paramref name="sequence"/>, or null.</summary>
    public async Task<(long Sequence, SnapshotEnvelope Snapshot)?> Snapshot(string persistenceId, long sequence = long.MaxValue)
    {
        var store = Persistence.Instance.Apply(system).SnapshotStoreFor("");
        var found = await Patiently(async () =>
        {
            var answer = await store.Ask<object>(new LoadSnapshot(persistenceId, new SnapshotSelectionCriteria(sequence, DateTime.MaxValue), sequence), Patience).ConfigureAwait(false);
            if (answer is LoadSnapshotFailed failed && IsPassing(failed.Cause)) throw failed.Cause;
            return answer;
        }).ConfigureAwait(false);
        return found switch
        {
            LoadSnapshotResult { Snapshot: { Snapshot: SnapshotEnvelope snapshot } selected } => (selected.Metadata.SequenceNr, snapshot),
            LoadSnapshotResult => null,
            LoadSnapshotFailed failed => throw new JournalFormatException($"snapshot of {persistenceId} cannot be read: {failed.Cause.Message}"),
            _ => throw new JournalFormatException($"unexpected answer of the snapshot store: {found}"),
        };
    }

    /// <summary>
    /// Rebuilds the state at a version: the newest sound snapshot at or below it, then the events after. Where a snapshot is
    /// damaged the one before is used.
    /// </summary>
    /// <param name="persistenceId">The learner.</param>
    /// <param name="define">Makes the fold's definition from a genesis.</param>
    /// <param name="sequence">Version to rebuild; <see cref="long.MaxValue"/>: the newest.</param>
    /// <param name="useSnapshots">False: from the genesis, event by event.</param>
    /// <param name="cancellation">Stops the replay.</param>
    /// <returns>The fold, or null where the journal has no such learner.</returns>
    public async Task<LearnerFold?> Rebuild(string persistenceId, Func<Genesis, FoldDefinition> define, long sequence = long.MaxValue, bool useSnapshots = true, CancellationToken cancellation = default)
    {
        LearnerFold? fold = null;
        for (var below = sequence; useSnapshots && fold is null;)
        {
            if (await Snapshot(persistenceId, below).ConfigureAwait(false) is not { } found) break;
            try
            {
                fold = found.Snapshot.Open(define);
            }
            catch (Learning.StateFormatException) when (found.Sequence > 1)
            {
                below = found.Sequence - 1;
            }
        }
        return await Continue(persistenceId, define, fold, sequence, cancellation).ConfigureAwait(false);
    }

    /// <summary>Folds on, up to a version.</summary>
    public async Task<LearnerFold?> Continue(string persistenceId, Func<Genesis, FoldDefinition> define, LearnerFold? fold, long sequence = long.MaxValue, CancellationToken cancellation = default)
    {
        if (fold is not null && fold.Sequence >= sequence) return fold;
        await foreach (var (n, e) in Read(persistenceId, (fold?.Sequence ?? 0) + 1, sequence, cancellation).ConfigureAwait(false))
        {
            if (fold is null) fold = new LearnerFold(e as Genesis ?? throw new FoldException(NoGenesis(persistenceId, n, e)), define((Genesis)e));
            else fold.Apply(n, e);
        }
        return fold;
    }

    internal static string NoGenesis(string persistenceId, long sequence, JournalEvent e) => sequence > 1
        ? $"the journal of {persistenceId} begins at event {sequence}: those before it were moved to archive files, which are not there: name their folder (journal.archive)"
        : $"the journal of {persistenceId} starts with {e.Manifest}, not with a genesis";

    private Task<IReadOnlyList<(long Sequence, JournalEvent Event)>> Page(string persistenceId, long from, long to)
    {
        var answer = new TaskCompletionSource<IReadOnlyList<(long, JournalEvent)>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var journal = Persistence.Instance.Apply(system).JournalFor("");
        var question = new ReplayMessages(from, to, PageEvents, persistenceId, ActorRefs.Nobody);
        system.ActorOf(Props.Create(() => new JournalPage(journal, question, Patience, answer)));
        return answer.Task;
    }

    private T Query<T>() where T : IReadJournal => PersistenceQuery.Get(system).ReadJournalFor<T>(readJournal);

    private static bool IsPassing(Exception e) => e.GetBaseException() is DbException or AskTimeoutException;

    private static async Task<T> Patiently<T>(Func<Task<T>> read)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (Exception e) when (IsPassing(e) && attempt < Attempts)
            {
                await Task.Delay(Pause).ConfigureAwait(false);
            }
        }
    }
}
