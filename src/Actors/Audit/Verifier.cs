using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>What a verification found.</summary>
/// <param name="Learner">Persistence id.</param>
/// <param name="Events">Events folded.</param>
/// <param name="Rows">Rows learned in them.</param>
/// <param name="Sequence">Last version.</param>
/// <param name="Fingerprint">Fingerprint of the last version.</param>
/// <param name="Hash">Hash of the last version's state.</param>
/// <param name="LearnedHash">Hash of model, metrics and fingerprint alone: equal for equal rows, however they were cut into events.</param>
/// <param name="Snapshots">Snapshots compared.</param>
/// <param name="Faults">What is wrong; empty where all is well.</param>
public sealed record Verification(string Learner, long Events, long Rows, long Sequence, ulong Fingerprint, StateHash Hash, StateHash LearnedHash, int Snapshots, IReadOnlyList<string> Faults)
{
    /// <summary>Whether the journal folds and every snapshot agrees.</summary>
    public bool IsSound => Faults.Count == 0;
}

/// <summary>Folds a journal from nothing, checks every fingerprint on the way, and compares every snapshot with the state at its version.</summary>
public sealed class Verifier(JournalReader journal, Func<Genesis, FoldDefinition> define)
{
    /// <summary>Verifies one learner.</summary>
    /// <param name="learner">Its persistence id.</param>
    /// <param name="progress">Told the sequence number now and then.</param>
    /// <param name="cancellation">Stops it.</param>
    public async Task<Verification> Verify(string learner, Action<long>? progress = null, CancellationToken cancellation = default)
    {
        var faults = new List<string>();
        var snapshots = await Snapshots(learner, faults).ConfigureAwait(false);
        LearnerFold? fold = null;
        var events = 0L;
        var compared = 0;
        try
        {
            await foreach (var (n, e) in journal.Read(learner, 1, cancellation: cancellation).ConfigureAwait(false))
            {
                if (fold is null) fold = new LearnerFold(e as Genesis ?? throw new FoldException(JournalReader.NoGenesis(learner, n, e)), define((Genesis)e));
                else fold.Apply(n, e);
                events++;
                if (events % 100 == 0) progress?.Invoke(n);
                if (!snapshots.Remove(n, out var hash)) continue;
                compared++;
                var found = fold.Hash();
                if (found != hash) faults.Add($"snapshot {n} has hash {hash}, the fold of the journal has {found}");
            }
        }
        catch (Exception e) when (e is FoldException or JournalFormatException or StateFormatException or RowsGoneException)
        {
            faults.Add(e.Message);
        }
        if (fold is null && faults.Count == 0) faults.Add("the journal is empty");
        faults.AddRange(snapshots.Keys.Where(n => faults.Count == 0 || n <= (fold?.Sequence ?? 0)).Select(n => $"snapshot {n} has no event in the journal"));
        using (fold)
            return new Verification(learner, events, fold?.Learner.Rows ?? 0, fold?.Sequence ?? 0, fold?.Learner.Fingerprint ?? 0, fold?.Hash() ?? default, fold?.LearnedHash() ?? default, compared, faults);
    }

    private async Task<SortedDictionary<long, StateHash>> Snapshots(string learner, List<string> faults)
    {
        var found = new SortedDictionary<long, StateHash>();
        for (var below = long.MaxValue; await journal.Snapshot(learner, below).ConfigureAwait(false) is { } snapshot && snapshot.Sequence > 0; below = snapshot.Sequence - 1)
        {
            try
            {
                using var fold = snapshot.Snapshot.Open(define);
                found[snapshot.Sequence] = snapshot.Snapshot.Hash;
            }
            catch (StateFormatException e)
            {
                faults.Add($"snapshot {snapshot.Sequence}: {e.Message}");
            }
        }
        return found;
    }
}
