using System.Runtime.CompilerServices;
using Akka;
using Akka.Actor;
using Akka.Persistence;
using Akka.Persistence.Query;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace StreamMLOps.Actors;

/// <summary>Reads journals and snapshots from outside the learner: for replicas, audit and verification. Writes nothing.</summary>
public sealed class JournalReader(ActorSystem system, string readJournal = "akka.persistence.query.journal.sql")
{
    private readonly IMaterializer _materializer = system.Materializer();

    /// <summary>Persistence id of a learner.</summary>
    public static string PersistenceId(string pipeline, string lineage, int shard) => $"learner/{pipeline}/{lineage}/{shard}";

    /// <summary>Ids of all learners in the journal.</summary>
    public async Task<IReadOnlyList<string>> Learners()
    {
        var journal = PersistenceQuery.Get(system).ReadJournalFor<ICurrentPersistenceIdsQuery>(readJournal);
        var ids = await journal.CurrentPersistenceIds().RunWith(Sink.Seq<string>(), _materializer).ConfigureAwait(false);
        return [.. ids.Where(id => id.StartsWith("learner/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
    }

    /// <summary>Events from <paramref name="from"/> to <paramref name="to"/>, both included, as far as they are there now.</summary>
    public async IAsyncEnumerable<(long Sequence, JournalEvent Event)> Read(string persistenceId, long from, long to = long.MaxValue, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var journal = PersistenceQuery.Get(system).ReadJournalFor<ICurrentEventsByPersistenceIdQuery>(readJournal);
        var source = journal.CurrentEventsByPersistenceId(persistenceId, from, to);
        await foreach (var envelope in Enumerate(source, cancellation).ConfigureAwait(false))
            yield return (envelope.SequenceNr, (JournalEvent)envelope.Event);
    }

    /// <summary>The newest snapshot at or below <paramref name="sequence"/>, or null.</summary>
    public async Task<(long Sequence, SnapshotEnvelope Snapshot)?> Snapshot(string persistenceId, long sequence = long.MaxValue)
    {
        var store = Persistence.Instance.Apply(system).SnapshotStoreFor("");
        var answer = await store.Ask<object>(new LoadSnapshot(persistenceId, new SnapshotSelectionCriteria(sequence, DateTime.MaxValue), sequence), TimeSpan.FromSeconds(60)).ConfigureAwait(false);
        return answer switch
        {
            LoadSnapshotResult { Snapshot: { Snapshot: SnapshotEnvelope snapshot } selected } => (selected.Metadata.SequenceNr, snapshot),
            LoadSnapshotResult => null,
            LoadSnapshotFailed failed => throw new JournalFormatException($"snapshot of {persistenceId} cannot be read: {failed.Cause.Message}"),
            _ => throw new JournalFormatException($"unexpected answer of the snapshot store: {answer}"),
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
            if (fold is null) fold = new LearnerFold(e as Genesis ?? throw new FoldException($"the journal of {persistenceId} starts with {e.Manifest}, not with a genesis"), define((Genesis)e));
            else fold.Apply(n, e);
        }
        return fold;
    }

    private async IAsyncEnumerable<EventEnvelope> Enumerate(Source<EventEnvelope, NotUsed> source, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await using var elements = source.RunAsAsyncEnumerable(_materializer).GetAsyncEnumerator(cancellation);
        while (await elements.MoveNextAsync().ConfigureAwait(false)) yield return elements.Current;
    }
}
