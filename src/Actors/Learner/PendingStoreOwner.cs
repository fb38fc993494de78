using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using Akka.Streams;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// Owns a learner's pending store: has it made beside the actor, keeps it while the learner lives, and disposes it with the learner,
/// also where it becomes ready only after the learner has stopped.
/// </summary>
internal sealed class PendingStoreOwner(LearnerDefinition definition)
{
    private readonly Lock _gate = new();
    private readonly long _created = Stopwatch.GetTimestamp(); // with the learner, when its shard was given to this node
    private bool _told;
    private IPendingStore? _store;
    private CancellationTokenSource? _making;
    private Task _checkpoint = Task.CompletedTask;
    private bool _closed;

    /// <summary>Whether the store is on its way: then <see cref="Ready"/> comes.</summary>
    public bool IsMaking => _making is not null;

    public IPendingStore? Store
    {
        get { lock (_gate) return _store; }
    }

    /// <summary>
    /// Has the store made, from its last checkpoint or from journal and logs, and tells <paramref name="owner"/> by a <see cref="Ready"/>.
    /// The owner answers hints, pulls and questions meanwhile, and learns nothing, so that the state stands still.
    /// </summary>
    public void Make(LearnerFold fold, ActorSystem system, IActorRef owner)
    {
        if (_making is not null) return;
        var making = _making = new CancellationTokenSource();
        var (state, sequence) = (fold.Join!.State, fold.Sequence);
        var rebuild = new PendingRebuild(definition, new JournalReader(system, archive: definition.Archive), system.Materializer());
        Task.Run(() => rebuild.Run(state, sequence, making.Token), making.Token)
            .ContinueWith(made => Hold(made, making, system.Log, sequence), TaskScheduler.Default)
            .PipeTo(owner);
    }

    /// <summary>Takes note that the making has ended; the cause where it failed.</summary>
    public Exception? End(Ready ready)
    {
        _making?.Dispose();
        _making = null;
        return Store is null ? ready.Cause ?? new OperationCanceledException() : null;
    }

    /// <summary>
    /// Begins a checkpoint of the store as it is at an event, while learning goes on. Where the one before is still under way it is left out, and
    /// a learner that starts folds some more events; the <paramref name="last"/> one before an end waits for it.
    /// </summary>
    /// <exception cref="Exception">The checkpoint before has failed.</exception>
    public void Checkpoint(long sequence, JournalEvent at, bool last)
    {
        if (Store is not { } store || (!last && !_checkpoint.IsCompleted)) return;
        _checkpoint.GetAwaiter().GetResult();
        _checkpoint = store.Checkpoint(PendingRebuild.Note(sequence, at));
    }

    public void Cancel() => _making?.Cancel();

    public void Close()
    {
        Cancel();
        lock (_gate)
        {
            _closed = true;
            _store?.Dispose();
            _store = null;
        }
    }

    private Ready Hold(Task<IPendingStore> made, CancellationTokenSource making, ILoggingAdapter log, long sequence)
    {
        if (!made.IsCompletedSuccessfully) return new Ready(made.Exception?.GetBaseException());
        lock (_gate)
        {
            if (_closed || making.IsCancellationRequested) made.Result.Dispose();
            else _store = made.Result;
            if (_store is { } store && !_told)
                log.Info("{0}: recovered in {1:0.00} s from its start on this node: event {2}, {3} ids in the pending store, {4}", definition.PersistenceId, Stopwatch.GetElapsedTime(_created).TotalSeconds, sequence, store.Count, store.Note.Length > 0 ? "from its last checkpoint on" : "from journal and logs");
            _told = true;
        }
        return new Ready(null);
    }

    /// <summary>The making has ended.</summary>
    internal sealed record Ready(Exception? Cause);
}
