using System.Diagnostics;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Between a consumer's thread and the stream: a bounded queue of chunks that knows which partitions are assigned and, for a
/// group, which chunks the stream has that are not committed yet. Two rules keep commits right while partitions move: only
/// what belongs to the present assignment is committed, and the chunks of a new assignment wait until the stream has
/// given back those of the one before. One thread adds and releases, one takes, one commits.
/// </summary>
/// <param name="capacity">Chunks that wait at most.</param>
/// <param name="commits">Whether each chunk that is taken is followed by a commit.</param>
internal sealed class ChunkQueue(int capacity, bool commits)
{
    private readonly object _lock = new();
    private readonly LinkedList<(AssignedPartition Partition, RawChunk Chunk)> _chunks = [];
    private readonly SortedDictionary<int, AssignedPartition> _held = [];
    private readonly Dictionary<int, AssignedPartition> _leaving = [];
    private Action? _wake;
    private Exception? _failure;
    private bool _hungry;
    private bool _ended;
    private bool _closing;
    private bool _abandoned;

    /// <summary>Ledger and position of each assigned partition that was ever committed; after the end of the stream those that were assigned then.</summary>
    public IReadOnlyList<CommittedPartition> Committed()
    {
        lock (_lock) return [.. _held.Values.Select(p => p.Committed).OfType<CommittedPartition>()];
    }

    /// <summary>States what to call, on any thread, when there is something to take after there was nothing.</summary>
    public void OnReady(Action wake) => _wake = wake;

    public void Assign(IReadOnlyList<AssignedPartition> partitions)
    {
        lock (_lock)
            foreach (var p in partitions) _held[p.Number] = p;
    }

    /// <summary>
    /// Takes partitions away: what waits in the queue is thrown away, what the stream has may be committed until
    /// <paramref name="drain"/> is over, and nothing after that.
    /// </summary>
    public void Release(IReadOnlyList<AssignedPartition> partitions, TimeSpan drain)
    {
        lock (_lock)
        {
            for (var node = _chunks.First; node is not null;)
            {
                var next = node.Next;
                if (partitions.Contains(node.Value.Partition))
                {
                    node.Value.Chunk.Dispose();
                    _chunks.Remove(node);
                }
                node = next;
            }
            var started = Stopwatch.GetTimestamp();
            while (!_abandoned && partitions.Any(p => p.InFlight.Count > 0))
            {
                var left = drain - Stopwatch.GetElapsedTime(started);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_lock, left)) break;
            }
            foreach (var p in partitions)
            {
                p.Released = true;
                if (!_closing) _held.Remove(p.Number);
                if (p.InFlight.Count > 0) _leaving[p.Number] = p;
            }
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Adds a chunk, waiting for room; one whose partition is taken away already is thrown away.</summary>
    /// <returns>False where there was none in time, or the queue is closing.</returns>
    public bool TryAdd(AssignedPartition partition, RawChunk chunk, TimeSpan wait)
    {
        Action? wake = null;
        lock (_lock)
        {
            if (!AwaitRoom(wait)) return false;
            if (partition.Released)
            {
                chunk.Dispose();
                return true;
            }
            _chunks.AddLast((partition, chunk));
            if (_hungry) wake = _wake;
            _hungry = false;
        }
        wake?.Invoke();
        return true;
    }

    /// <summary>Whether a chunk can be added now.</summary>
    public bool HasRoom
    {
        get { lock (_lock) return _chunks.Count < capacity && !_closing; }
    }

    /// <summary>Whether the stream has nothing that is to be committed.</summary>
    public bool IsCommitted
    {
        get { lock (_lock) return _leaving.Count == 0 && _held.Values.All(p => p.InFlight.Count == 0); }
    }

    /// <summary>Takes the next chunk. False: there is none, and <see cref="OnReady"/>'s action is called when there may be; or the end is reached.</summary>
    public bool TryTake(out RawChunk? chunk, out bool ended, out Exception? failure)
    {
        lock (_lock)
        {
            chunk = null;
            failure = null;
            ended = false;
            // Behind chunks of an assignment that has ended its own partition's chunks wait: with it all others do, for the
            // moment that the stream needs to give the old ones back.
            if (_chunks.First is { } first && !_leaving.ContainsKey(first.Value.Partition.Number))
            {
                _chunks.RemoveFirst();
                chunk = first.Value.Chunk;
                if (commits) first.Value.Partition.InFlight.Enqueue(chunk.To);
                Monitor.PulseAll(_lock);
                return true;
            }
            if (_ended && _chunks.Count == 0)
            {
                ended = true;
                failure = _failure;
                return false;
            }
            _hungry = true;
            return false;
        }
    }

    /// <summary>Of what the stream has processed, what may be committed; the rest belongs to assignments that ended and is let go.</summary>
    public List<(AssignedPartition Partition, CommittedPartition Commit)> Due(IReadOnlyList<CommittedPartition> processed)
    {
        var due = new List<(AssignedPartition, CommittedPartition)>();
        Action? wake = null;
        lock (_lock)
        {
            foreach (var c in processed)
            {
                var number = c.Position.Partition;
                if (_leaving.TryGetValue(number, out var left))
                {
                    GiveBack(left, c.Position.Next);
                    if (left.InFlight.Count > 0) continue;
                    _leaving.Remove(number);
                    if (_hungry) wake = _wake;
                    _hungry = false;
                }
                else if (_held.TryGetValue(number, out var held) && !held.Released && held.Epoch == c.Position.Epoch)
                {
                    due.Add((held, c));
                }
            }
        }
        wake?.Invoke();
        return due;
    }

    /// <summary>Keeps those whose assignment has not ended meanwhile; the others' chunks are given back.</summary>
    public void Recheck(List<(AssignedPartition Partition, CommittedPartition Commit)> due)
    {
        CommittedPartition[] ended;
        lock (_lock) ended = [.. due.Where(d => d.Partition.Released).Select(d => d.Commit)];
        if (ended.Length == 0) return;
        due.RemoveAll(d => ended.Contains(d.Commit));
        Due(ended);
    }

    /// <summary>States that these are committed.</summary>
    public void Take(IReadOnlyList<(AssignedPartition Partition, CommittedPartition Commit)> committed)
    {
        Action? wake = null;
        lock (_lock)
        {
            foreach (var (partition, commit) in committed)
            {
                GiveBack(partition, commit.Position.Next);
                partition.Committed = commit;
                if (partition.Released && partition.InFlight.Count == 0 && _leaving.Remove(partition.Number)) wake = _wake;
            }
            Monitor.PulseAll(_lock);
        }
        wake?.Invoke();
    }

    /// <summary>Ends the stream once it has taken what is there.</summary>
    public void End(Exception? failure)
    {
        Action? wake;
        lock (_lock)
        {
            if (_ended) return;
            _ended = true;
            _failure = failure;
            wake = _hungry ? _wake : null;
            _hungry = false;
        }
        wake?.Invoke();
    }

    /// <summary>The stream takes no more: waits end, what waits is thrown away.</summary>
    /// <param name="abandon">The stream has failed: what it has will not be committed.</param>
    public void Close(bool abandon)
    {
        lock (_lock)
        {
            _closing = true;
            _abandoned |= abandon;
            foreach (var (_, chunk) in _chunks) chunk.Dispose();
            _chunks.Clear();
            Monitor.PulseAll(_lock);
        }
    }

    private bool AwaitRoom(TimeSpan wait)
    {
        var started = Stopwatch.GetTimestamp();
        while (!_closing && _chunks.Count >= capacity)
        {
            var left = wait - Stopwatch.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || !Monitor.Wait(_lock, left)) return !_closing && _chunks.Count < capacity;
        }
        return !_closing;
    }

    private static void GiveBack(AssignedPartition partition, long next)
    {
        while (partition.InFlight.TryPeek(out var to) && to <= next) partition.InFlight.Dequeue();
    }
}
