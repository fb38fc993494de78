namespace StreamMLOps.Actors;

/// <summary>When a learner takes snapshots and which it keeps. A snapshot is made where the state is exactly at an event, and saved once that event is in the journal.</summary>
internal sealed class SnapshotSchedule(LearnerOptions options)
{
    private IReadOnlyList<long> _kept = [];
    private long _bytes;
    private SnapshotEnvelope? _due;

    /// <summary>Sequence number of the newest snapshot taken, 0: none.</summary>
    public long Newest { get; private set; }

    /// <summary>Recovery began with a snapshot.</summary>
    public void Found(SnapshotEnvelope snapshot, LearnerFold fold)
    {
        _kept = [.. snapshot.Earlier, fold.Sequence];
        Newest = fold.Sequence;
        _bytes = fold.EventBytes;
    }

    /// <summary>Takes a snapshot of the state, just sealed, if one is due (or, forced, if there is none of it yet).</summary>
    /// <returns>Whether one was taken.</returns>
    public bool Take(LearnerFold fold, bool force)
    {
        if (fold.Sequence == Newest) return false;
        if (!force && fold.Sequence - Newest < options.SnapshotEveryEvents && fold.EventBytes - _bytes < options.SnapshotEveryBytes) return false;
        _due = SnapshotEnvelope.Of(fold, _kept);
        Newest = fold.Sequence;
        _bytes = fold.EventBytes;
        return true;
    }

    /// <summary>The snapshot to be saved now that its event is in the journal, once.</summary>
    public SnapshotEnvelope? Due()
    {
        var due = _due;
        _due = null;
        return due;
    }

    /// <summary>A snapshot is in the store.</summary>
    /// <returns>Those that are not needed any more.</returns>
    public IReadOnlyList<long> Saved(long sequence)
    {
        _kept = [.. _kept, sequence];
        var surplus = SnapshotRetention.Surplus(_kept, options.SnapshotsKept);
        _kept = [.. _kept.Except(surplus)];
        return surplus;
    }
}
