using System.Diagnostics;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// One scoring copy of a model on this node. Scoring and applying exclude each other, and an event is applied whole, so every
/// chunk is scored by exactly one version; neither ever waits for learning or for the database.
/// </summary>
public sealed class Replica(PipelineClocks clocks, TimeProvider time) : IReplica, IDisposable
{
    private readonly Lock _lock = new();
    private readonly Queue<Published> _pending = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LearnerFold? _fold;
    private string? _broken;
    private long _applied;
    private long _appliedAt;
    private readonly LagWindow _lags = new();

    /// <summary>Hears what labels say of answers, from the events applied one by one; null: nobody does.</summary>
    public AnswerQuality? Quality { get; init; }

    /// <summary>Called, on any thread, when pending events were applied or the replica needs a rebuild.</summary>
    public Action? Changed { get; set; }

    /// <summary>Raised, on any thread, after a version was put in place.</summary>
    public event Action? Applied;

    /// <summary>Completes when there is a version to score with.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Sequence number of the version that scores now.</summary>
    public long Sequence => Volatile.Read(ref _applied);

    /// <summary>Milliseconds from an event's publication by the learner to its application here: median and 99th percentile of the latest.</summary>
    public (double P50, double P99) Lag => _lags.Percentiles();

    /// <summary>When that version was applied, milliseconds since 1970 UTC.</summary>
    public long AppliedAt => Volatile.Read(ref _appliedAt);

    /// <summary>Why it must be rebuilt, or null.</summary>
    public string? Broken => Volatile.Read(ref _broken);

    /// <summary>Events received and not yet applied.</summary>
    public int Pending { get { lock (_pending) return _pending.Count; } }

    /// <inheritdoc/>
    public void Score(Chunk chunk)
    {
        lock (_lock)
        {
            ApplyPending();
            var fold = _fold ?? throw new InvalidOperationException("the replica has no version yet");
            var outputs = fold.Learner.Model.Outputs;
            chunk.BeginScores(fold.Version, outputs, fold.LearnedBelow(chunk.Range.Partition, chunk.Range.Epoch));
            for (var i = 0; i < chunk.Count; i++) fold.Learner.Model.Predict(chunk.Features[i], chunk.ScoresOf(i));
        }
    }

    /// <summary>Takes in an event; applies it at once where no chunk is being scored, else before the next chunk.</summary>
    public void Offer(Published published)
    {
        lock (_pending) _pending.Enqueue(published);
        if (!_lock.TryEnter()) return;
        try
        {
            ApplyPending();
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Puts a rebuilt state in place, between two chunks. An older one than the present is not taken: versions never go back.</summary>
    public void Replace(LearnerFold fold)
    {
        lock (_lock)
        {
            if (_fold is not null && _broken is null && fold.Sequence <= _fold.Sequence)
            {
                fold.Dispose();
                return;
            }
            _fold?.Dispose();
            _fold = fold;
            _fold.Observer = Quality;
            Quality?.Begin(fold.Definition.Model.Kind.Task);
            _broken = null;
            lock (_pending) _pending.Clear();
            Publish();
        }
        _ready.TrySetResult();
    }

    /// <summary>Reads the state between chunks, for tests and for status.</summary>
    public T Read<T>(Func<LearnerFold?, T> read)
    {
        lock (_lock) return read(_fold);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _fold?.Dispose();
            _fold = null;
        }
    }

    private void ApplyPending()
    {
        var any = false;
        while (_broken is null && _fold is not null)
        {
            Published? next;
            lock (_pending)
                if (!_pending.TryDequeue(out next)) break;
            any = true;
            if (next.Sequence <= _fold.Sequence) continue;
            var started = Stopwatch.GetTimestamp();
            try
            {
                _fold.Apply(next.Sequence, next.Event);
                clocks.Apply.Add(started, next.Event is Learned learned ? learned.Rows : 0);
                if (next.Time > 0) _lags.Add(time.GetUtcNow().ToUnixTimeMilliseconds() - next.Time);
                Publish();
            }
            catch (Exception e) when (e is FoldException or JournalFormatException)
            {
                _broken = e.Message;
                // The version there is goes on scoring until the replica is rebuilt, but half an event never scores.
                if (_fold.IsWhole) break;
                _fold.Dispose();
                _fold = null;
            }
        }
        if (any) Changed?.Invoke();
    }

    private void Publish()
    {
        Volatile.Write(ref _applied, _fold!.Sequence);
        Volatile.Write(ref _appliedAt, time.GetUtcNow().ToUnixTimeMilliseconds());
        Applied?.Invoke();
    }
}
