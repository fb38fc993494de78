using System.Diagnostics;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Reads a topic on a thread of its own: polls without a pause, so that the group keeps its member, puts consecutive records of a partition
/// together to chunks, and waits while the stream does; after a while with the partitions paused.
/// </summary>
internal sealed unsafe class ConsumerThread
{
    private const int PollMs = 100;
    private const int LingerCheckEvery = 64;
    private readonly string _name;
    private readonly ConsumerSettings _settings;
    private readonly Subscriptions _subscription;
    private readonly ChunkQueue _queue;
    private readonly ClientHealth _health;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ManualResetEventSlim _stop = new();
    private readonly Dictionary<int, AssignedPartition> _assigned = [];
    private readonly Lock _committing = new();
    private IConsumer<Ignore, Ignore> _consumer = null!;
    private TopicWatch _watch = null!;
    private PartitionAssignor _assignor = null!;
    private GroupOffsets? _offsets;
    private nint _client;
    private Exception? _failure;
    private bool _paused;
    private int _sinceLingerCheck;

    public ConsumerThread(string name, ConsumerSettings settings, Subscriptions subscription, ChunkQueue queue, ClientHealth health)
    {
        _name = name;
        _settings = settings;
        _subscription = subscription;
        _queue = queue;
        _health = health;
    }

    /// <summary>Completes when the consumer is closed and its group left.</summary>
    public Task Ended => _ended.Task;

    public void Start() => new Thread(Run) { IsBackground = true, Name = _name }.Start();

    /// <summary>Asks the thread to end; it waits for commits of what the stream has, unless the stream has failed.</summary>
    public void Stop(bool abandon)
    {
        _queue.Close(abandon);
        _stop.Set();
    }

    /// <summary>Commits, waiting for a coordinator that is away; what is not this member's any more is let go.</summary>
    /// <exception cref="SourceException">The broker refuses, and will again.</exception>
    public void Commit(IReadOnlyList<CommittedPartition> processed)
    {
        lock (_committing)
        {
            var due = _queue.Due(processed);
            while (due.Count > 0 && _offsets is { } offsets)
            {
                _health.Await("no answer to a commit");
                var answer = offsets.Write([.. due.Select(d => d.Commit)]);
                _health.Answered();
                if (answer == ErrorCode.NoError)
                {
                    _queue.Take(due);
                    return;
                }
                if (KafkaErrors.Refusal(_name, answer, Librdkafka.TextOf(answer)) is { } refusal) throw refusal;
                // A rebalance is under way, or no coordinator there: the partitions stay, or are taken away and these go with them.
                _health.Say($"commits wait: {Librdkafka.TextOf(answer)}");
                if (_ended.Task.Wait(PollMs)) return;
                _queue.Recheck(due);
            }
        }
    }

    /// <summary>Commits within a transaction, and ends it: all of it, or nothing.</summary>
    /// <exception cref="TransactionAbortedException">Nothing was committed; a partition has gone to another member, or the coordinator refuses.</exception>
    public void Commit(IReadOnlyList<CommittedPartition> processed, KafkaTransactions transactions)
    {
        lock (_committing)
        {
            var due = _queue.Due(processed);
            if (_offsets is not { } offsets || due.Count < processed.Count) throw new TransactionAbortedException($"{_name}: a partition went to another member while its records were in a transaction; they are scored again there");
            transactions.Commit((producer, timeout) => offsets.Write([.. due.Select(d => d.Commit)], producer, timeout));
            _queue.Take(due);
        }
    }

    private void Run()
    {
        try
        {
            Open();
            while (!_stop.IsSet && _failure is null) Turn();
        }
        catch (Exception e)
        {
            _failure ??= e;
        }
        Close();
    }

    private void Open()
    {
        _consumer = Build();
        _client = Librdkafka.HandleOf(_consumer).DangerousGetHandle();
        _watch = new TopicWatch(_name, _settings, _consumer, _health, _stop);
        if (_watch.Await() is not { } topic) return;
        _assignor = new PartitionAssignor(_name, _settings, topic, _consumer, _health, _stop);
        switch (_subscription)
        {
            case Subscriptions.Topics:
                _offsets = new GroupOffsets(_client, _settings.Topic);
                _consumer.Subscribe(_settings.Topic);
                break;
            case Subscriptions.AssignmentWithOffset(var positions):
                var partitions = _assignor.At(positions);
                Hold(partitions);
                _consumer.Assign(partitions.Select(Start));
                break;
        }
    }

    private IConsumer<Ignore, Ignore> Build()
    {
        var group = _subscription is Subscriptions.Topics topics ? topics.Group : "streammlops-positions"; // required, never joined
        try
        {
            return new ConsumerBuilder<Ignore, Ignore>(_settings.ToConfig(group))
                .SetLogHandler((_, line) => _settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, error) => _health.Take(error))
                .SetPartitionsAssignedHandler((_, partitions) => Assigned(partitions))
                .SetPartitionsRevokedHandler((_, partitions) => Released(partitions, _settings.Committer.DrainTimeout))
                .SetPartitionsLostHandler((_, partitions) => Released(partitions, TimeSpan.Zero))
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SourceException($"{_name}: kafka-clients has a fault: {e.Message}", e);
        }
    }

    /// <summary>One message, or none for a while.</summary>
    private void Turn()
    {
        var message = Librdkafka.ConsumerPoll(_client, 0);
        if (message == null)
        {
            if (HandOverDue()) return;
            message = Librdkafka.ConsumerPoll(_client, IsFilling ? 1 : PollMs);
            if (message == null)
            {
                _watch.Probe();
                return;
            }
        }
        if (Take(message) is { } full) HandOver(full);
        else if (++_sinceLingerCheck >= LingerCheckEvery) HandOverDue();
        else return;
        _watch.Probe(); // on a busy topic too
    }

    private bool IsFilling
    {
        get
        {
            foreach (var p in _assigned.Values)
                if (p.Open is not null) return true;
            return false;
        }
    }

    /// <summary>Takes a message into its partition's chunk.</summary>
    /// <returns>The partition, where its chunk is full.</returns>
    private AssignedPartition? Take(Librdkafka.Message* message)
    {
        try
        {
            var known = _assigned.TryGetValue(message->Partition, out var p);
            if (message->Error == ErrorCode.NoError) return known && p!.Add(message->Offset, new ReadOnlySpan<byte>(message->Payload, (int)message->Length), _settings.Limits) ? p : null;
            if (message->Error == ErrorCode.Local_PartitionEOF)
            {
                // What lies between the last record and the end are transaction markers and compacted records.
                if (known) p!.SkipTo(message->Offset, _settings.Limits);
                return null;
            }
            var reason = Marshal.PtrToStringUTF8(Librdkafka.MessageErrorText(message)) ?? Librdkafka.TextOf(message->Error);
            _watch.Take(message->Error, reason, known ? new PartitionPosition(p!.Number, p.Epoch, p.Next) : null);
            return null;
        }
        finally
        {
            Librdkafka.MessageDestroy(message);
        }
    }

    /// <summary>Hands over one chunk that has waited long enough; while the stream wants none, they go on filling.</summary>
    private bool HandOverDue()
    {
        _sinceLingerCheck = 0;
        if (!_queue.HasRoom) return false;
        foreach (var p in _assigned.Values)
        {
            if (p.Open is null || Stopwatch.GetElapsedTime(p.OpenedAt) < _settings.Linger) continue;
            HandOver(p); // may change the assignment: no further step of this loop
            return true;
        }
        return false;
    }

    /// <summary>Waits until the queue takes the chunk: a short while as it is, then with the partitions paused and the group served.</summary>
    private void HandOver(AssignedPartition p)
    {
        while (p.Open is { } chunk && !_stop.IsSet && _failure is null)
        {
            var bytes = chunk.ByteCount; // it has another owner once it is added
            if (_queue.TryAdd(p, chunk, _paused ? TimeSpan.Zero : _settings.PauseAfter))
            {
                p.HandedOver(bytes);
                break;
            }
            Pause();
            var message = Librdkafka.ConsumerPoll(_client, PollMs);
            if (message != null) Take(message);
        }
        Resume();
    }

    private void Pause()
    {
        if (_paused) return;
        _consumer.Pause(_consumer.Assignment);
        _paused = true;
    }

    private void Resume()
    {
        if (!_paused) return;
        _paused = false;
        _consumer.Resume(_consumer.Assignment);
    }

    private IEnumerable<TopicPartitionOffset> Assigned(List<TopicPartition> partitions)
    {
        try
        {
            var assigned = _assignor.FromCommits(_offsets!, [.. partitions.Select(p => p.Partition.Value)]);
            // The new ones come unpaused, so that those that stay must not be left behind: either all are paused or none.
            Resume();
            Hold(assigned);
            return assigned.Select(Start);
        }
        catch (Exception e)
        {
            // Thrown from here it would be lost in librdkafka.
            _failure ??= e;
            return partitions.Select(p => new TopicPartitionOffset(p, Offset.End));
        }
    }

    private void Released(List<TopicPartitionOffset> partitions, TimeSpan drain)
    {
        var released = partitions.Select(p => _assigned.GetValueOrDefault(p.Partition.Value)).OfType<AssignedPartition>().ToArray();
        foreach (var p in released) p.Drop();
        _queue.Release(released, drain);
        foreach (var p in released) _assigned.Remove(p.Number);
        if (!_paused) return;
        try
        {
            // librdkafka keeps a partition paused into its next assignment, here or after a rejoin.
            _consumer.Resume(partitions.Select(p => p.TopicPartition));
        }
        catch (KafkaException e)
        {
            _failure ??= e; // thrown from here it would be lost in librdkafka
        }
    }

    private void Hold(IReadOnlyList<AssignedPartition> partitions)
    {
        foreach (var p in partitions) _assigned[p.Number] = p;
        _queue.Assign(partitions);
    }

    private TopicPartitionOffset Start(AssignedPartition p) => new(_settings.Topic, p.Number, p.Next);

    private void Close()
    {
        // What was read before the failure goes first; the stream learns of the failure after it.
        _queue.End(_failure);
        try
        {
            _consumer?.Close(); // releases all partitions, once their chunks are committed
        }
        catch (KafkaException e)
        {
            _settings.Log?.Invoke($"{_name}: leaving the group failed: {e.Error.Reason}; the broker takes the member out by its timeout");
        }
        foreach (var p in _assigned.Values) p.Drop();
        _ended.TrySetResult();
        lock (_committing) _offsets = null;
        _consumer?.Dispose();
    }
}
