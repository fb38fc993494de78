using Akka.Actor;
using Akka.Persistence;
using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>What was moved to files.</summary>
/// <param name="Learner">Persistence id.</param>
/// <param name="From">First event moved.</param>
/// <param name="To">Last event moved; below <paramref name="From"/> where there was none to move.</param>
/// <param name="Bytes">Bytes of those events.</param>
/// <param name="Kept">Why the events after them stay, for people.</param>
public sealed record Archived(string Learner, long From, long To, long Bytes, string Kept);

/// <summary>
/// Moves old events from the journal to files. What recovery may need stays: all after the oldest of the newest snapshots, and, where labels come
/// apart, all from which a pending store would be made. Events are in their file, durably and read again, before they go from the journal.
/// </summary>
public sealed class JournalArchiver(ActorSystem system, JournalReader journal, EventArchive archive, Func<Genesis, FoldDefinition> define)
{
    private const long FileBytes = 64L << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Moves what may go.</summary>
    /// <param name="learner">Persistence id.</param>
    /// <param name="snapshots">How many sound snapshots recovery must be able to begin from.</param>
    /// <param name="cancellation">Stops it between two files.</param>
    public async Task<Archived> Archive(string learner, int snapshots, CancellationToken cancellation = default)
    {
        var first = archive.Last(learner) + 1;
        var from = first;
        var (cut, kept) = await Cut(learner, snapshots).ConfigureAwait(false);
        var bytes = 0L;
        if (cut >= from)
        {
            var events = new List<(long, JournalEvent)>();
            var size = 0L;
            await foreach (var (n, e) in journal.ReadStored(learner, from, cut, cancellation).ConfigureAwait(false))
            {
                if (n != from + events.Count) throw new FoldException($"event {from + events.Count} of {learner} is neither in the journal nor in {archive.Folder}: name the folder that has it (journal.archive)");
                events.Add((n, e));
                size += e.Bytes.Length;
                if (size < FileBytes && n != cut) continue;
                archive.Write(learner, events);
                (from, bytes, size) = (n + 1, bytes + size, 0);
                events.Clear();
            }
        }
        // Also what an earlier time has written to a file, and not deleted any more.
        var last = archive.Last(learner);
        if (last > 0) await Delete(learner, Math.Min(last, cut)).ConfigureAwait(false);
        return new Archived(learner, first, last, bytes, kept);
    }

    private async Task<(long Cut, string Kept)> Cut(string learner, int snapshots)
    {
        var (cut, found, rebuild) = (0L, 0, long.MaxValue);
        for (var below = long.MaxValue; found < snapshots && await journal.Snapshot(learner, below).ConfigureAwait(false) is { Sequence: > 0 } snapshot; below = snapshot.Sequence - 1)
        {
            try
            {
                using var fold = snapshot.Snapshot.Open(define);
                (cut, found) = (snapshot.Sequence, found + 1);
                if (fold.Join is { } join) rebuild = Math.Min(rebuild, join.State.RebuildFrom);
            }
            catch (StateFormatException)
            {
                // A damaged one is nothing to begin from.
            }
        }
        if (found < snapshots) return (0, $"recovery needs {snapshots} sound snapshots to begin from, and there are {found}");
        // The last event stays in any case: its number says where the journal goes on.
        var most = Math.Min(cut - 1, rebuild - 1);
        return (most, rebuild - 1 < cut - 1 ? $"the pending store would be made from event {rebuild} on" : $"recovery may begin from the snapshot at event {cut}");
    }

    private async Task Delete(string learner, long to)
    {
        if (to <= 0) return;
        var answer = await system.ActorOf(Props.Create(() => new Deletion(Persistence.Instance.Apply(system).JournalFor(""), learner, to))).Ask<object>(Deletion.Go, Patience).ConfigureAwait(false);
        if (answer is DeleteMessagesFailure failed) throw new InvalidOperationException($"the events up to {to} of {learner} are in {archive.Folder}, and could not be deleted from the journal: {failed.Cause.Message}", failed.Cause);
    }

    private sealed class Deletion : ReceiveActor
    {
        public const string Go = "go";

        public Deletion(IActorRef journal, string learner, long to)
        {
            IActorRef asker = ActorRefs.Nobody;
            Receive<string>(_ =>
            {
                asker = Sender;
                journal.Tell(new DeleteMessagesTo(learner, to, Self));
            });
            ReceiveAny(answer =>
            {
                asker.Tell(answer);
                Context.Stop(Self);
            });
        }
    }
}
