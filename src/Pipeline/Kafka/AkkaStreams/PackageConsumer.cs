using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.Streams.Kafka.Dsl;
using Akka.Streams.Kafka.Helpers;
using Akka.Streams.Kafka.Messages;
using Akka.Streams.Kafka.Settings;
using Akka.Streams.Supervision;
using Confluent.Kafka;
using IllegalActorStateException = Akka.Actor.IllegalActorStateException;

namespace StreamMLOps.Pipeline;

/// <summary>A record as the package delivers it, with what commits it where it was read for a group.</summary>
internal readonly record struct Delivered(ConsumeResult<Ignore, byte[]> Record, ICommittableOffset? Offset);

/// <summary>
/// One consumer of the package, with a client of our own beside it that asks what the package does not tell: identity and bounds of
/// the log, and the group's commits. Its calls come from the package's consumer actor, the stage and the committing thread.
/// </summary>
internal sealed class PackageConsumer : IPartitionEventHandler
{
    private const string Strategy = "partition.assignment.strategy";

    /// <summary>The package reads nothing while it commits, which takes it half a second: commits that follow closely merge.</summary>
    private static readonly TimeSpan CommitInterval = TimeSpan.FromSeconds(1);
    private readonly string _name;
    private readonly ConsumerSettings _settings;
    private readonly Subscriptions _subscription;
    private readonly ManualResetEventSlim _stop = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<int, AssignedPartition> _held = [];
    private readonly ConcurrentDictionary<AssignedPartition, ConcurrentQueue<(long To, ICommittableOffset Offset)>> _offsets = [];
    private readonly SemaphoreSlim _committing = new(1, 1);
    private readonly TaskCompletionSource _draining = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _asking = new();
    private IConsumer<Ignore, Ignore>? _client;
    private TopicWatch? _watch;
    private PartitionAssignor? _assignor;
    private IControl? _control;
    private Action<Exception>? _fail;
    private Task _nextCommit = Task.CompletedTask;
    private int _members;

    public PackageConsumer(string name, ConsumerSettings settings, Subscriptions subscription)
    {
        _name = name;
        _settings = settings;
        _subscription = subscription;
        Queue = new ChunkQueue(settings.BufferedChunks, commits: subscription is Subscriptions.Topics);
        Health = new ClientHealth(name, settings.BootstrapServers);
    }

    public ChunkQueue Queue { get; }

    public ClientHealth Health { get; }

    public ConsumerSettings Settings => _settings;

    /// <summary>Completes when the package's consumer is closed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Counts the package's consumers that this one has had; what commits records of one cannot commit those of the next.</summary>
    public int Members => Volatile.Read(ref _members);

    /// <summary>States that the stream has taken its last chunk: commits wait for no others.</summary>
    public void Drain() => _draining.TrySetResult();

    /// <summary>States what to call, on any thread, when the stream must fail.</summary>
    public void OnFailure(Action<Exception> fail) => _fail = fail;

    /// <summary>Finds the topic, checks positions against it, and gives the package's source. Waits for brokers that are away.</summary>
    /// <exception cref="SourceException">The topic, a position or a property cannot be.</exception>
    public Source<Delivered, NotUsed> Open()
    {
        RefuseIncrementalAssignment();
        var group = _subscription is Subscriptions.Topics topics ? topics.Group : "streammlops-positions"; // required, never joined
        var properties = _settings.ToConfig(group);
        // An end-of-partition event that arrives while the package wants no records is an error to it.
        properties.EnablePartitionEof = false;
        // The package pauses partitions whenever it is asked for nothing; resumed, they wait for the fetch that is under way without them.
        properties.FetchWaitMaxMs ??= 10;
        _client = Client(properties);
        _watch = new TopicWatch(_name, _settings, _client, Health, _stop);
        if (_watch.Await() is not { } topic) return Source.Empty<Delivered>();
        _assignor = new PartitionAssignor(_name, _settings, topic, _client, Health, _stop);
        var supervision = ActorAttributes.CreateSupervisionStrategy(Decide);
        switch (_subscription)
        {
            case Subscriptions.AssignmentWithOffset(var positions):
                var partitions = _assignor.At(positions);
                Hold(partitions);
                var assignment = Akka.Streams.Kafka.Settings.Subscriptions.AssignmentWithOffset([.. partitions.Select(p => new TopicPartitionOffset(_settings.Topic, p.Number, p.Next))]);
                return KafkaConsumer.PlainSource(ForPackage(properties), assignment).AddAttributes(supervision)
                    .MapMaterializedValue(Started).Select(record => new Delivered(record, null));
            default:
                if (!_settings.KafkaClients.ContainsKey(Strategy)) properties.Set(Strategy, "range,roundrobin");
                // The package cannot be told where to start: with "error" a group without commits would never do so.
                properties.AutoOffsetReset = _settings.StartsAtEnd ? AutoOffsetReset.Latest : AutoOffsetReset.Earliest;
                var subscription = Akka.Streams.Kafka.Settings.Subscriptions.Topics(_settings.Topic).WithPartitionEventsHandler(this);
                var member = KafkaConsumer.CommittableSource(ForPackage(properties), subscription).AddAttributes(supervision)
                    .MapMaterializedValue(Started).Select(message => new Delivered(message.Record, message.CommitableOffset));
                return member.RecoverWithRetries(failure => IsLoss(failure) ? Again(member, failure) : null, attempts: -1);
        }
    }

    /// <summary>The assignment to which records of this partition belong now; null where there is none.</summary>
    public AssignedPartition? Holding(int partition) => _held.GetValueOrDefault(partition);

    /// <summary>States what commits the records of this assignment below an offset.</summary>
    public void Remember(AssignedPartition partition, long to, ICommittableOffset offset) => _offsets.GetOrAdd(partition, _ => []).Enqueue((to, offset));

    /// <summary>Checks offsets for which no record came: they may be missing within the log, not below its beginning.</summary>
    /// <exception cref="SourceException">They are gone by retention.</exception>
    public void CheckGap(AssignedPartition partition)
    {
        var log = TopicLookup.Watermarks(_client!, _settings.Topic, partition.Number, _settings.RequestTimeout);
        if (KafkaErrors.OutOfRange(_name, partition.Number, partition.Next, log.Low, log.High) is { } fault) throw fault;
    }

    /// <summary>Looks, beside the stream, whether trouble is over.</summary>
    public void Probe()
    {
        if (Health.Trouble.Length > 0 && !_stop.IsSet) Task.Run(() => Ask(() => _watch!.Probe()));
    }

    /// <summary>The failure as people and the graph know it.</summary>
    public Exception Explain(Exception failure)
    {
        if (failure is AggregateException several) failure = several.Flatten().InnerException!;
        if (failure is not KafkaException { Error: var error }) return failure;
        try
        {
            var at = failure is ConsumeException { ConsumerRecord.TopicPartition: { } partition } && Holding(partition.Partition.Value) is { } held
                ? new PartitionPosition(held.Number, held.Epoch, held.Next)
                : (PartitionPosition?)null;
            _watch?.Take(error.Code, error.Reason, at);
            return failure;
        }
        catch (Exception explained) when (explained is SourceException or KafkaException)
        {
            return explained;
        }
    }

    /// <summary>Commits through the package, one partition after the other is answered; waits for a coordinator that is away.</summary>
    /// <exception cref="SourceException">The broker refuses, and will again.</exception>
    public async Task Commit(IReadOnlyList<CommittedPartition> processed)
    {
        await _committing.WaitAsync().ConfigureAwait(false);
        try
        {
            var due = Queue.Due(processed);
            if (due.Count > 0) await Task.WhenAny(_draining.Task, _ended.Task, _nextCommit).ConfigureAwait(false);
            Queue.Recheck(due);
            while (due.Count > 0 && !_ended.Task.IsCompleted)
            {
                try
                {
                    await Task.WhenAll(due.Select(d => LastBelow(d.Partition, d.Commit.Position.Next)?.Commit() ?? Task.CompletedTask)).ConfigureAwait(false);
                    foreach (var (partition, commit) in due) Forget(partition, commit.Position.Next);
                    Queue.Take(due);
                    _nextCommit = Task.Delay(CommitInterval);
                    return;
                }
                catch (Exception e)
                {
                    var cause = e.GetBaseException();
                    if (cause is KafkaException k && KafkaErrors.Refusal(_name, k.Error.Code, k.Error.Reason) is { } refusal) throw refusal;
                    Health.Say($"commits wait: {cause.Message}");
                }
                await Task.WhenAny(_ended.Task, Task.Delay(100)).ConfigureAwait(false);
                Queue.Recheck(due);
            }
        }
        finally
        {
            _committing.Release();
        }
    }

    /// <summary>The stream has ended.</summary>
    /// <param name="abandon">What it has will not be committed.</param>
    public void Stop(bool abandon)
    {
        Queue.Close(abandon);
        _stop.Set();
        (_control?.IsShutdown ?? Task.CompletedTask).ContinueWith(_ => Close(), TaskScheduler.Default);
    }

    public void OnAssign(IImmutableSet<TopicPartition> assignedTopicPartitions, IRestrictedConsumer consumer)
    {
        try
        {
            Ask(() =>
            {
                var offsets = new GroupOffsets(Librdkafka.HandleOf(_client!).DangerousGetHandle(), _settings.Topic);
                var assigned = _assignor!.FromCommits(offsets, [.. assignedTopicPartitions.Select(p => p.Partition.Value)]);
                // The package's commits have no ledger: it begins here, at a position all the same.
                foreach (var p in assigned)
                    if (p.Next > 0) p.Committed ??= new CommittedPartition(new PartitionPosition(p.Number, p.Epoch, p.Next), 0, 0, 0);
                Hold(assigned);
            });
        }
        catch (Exception e)
        {
            _fail?.Invoke(e); // thrown from here it would end the package's actor without a word to the stream
        }
    }

    /// <summary>The package tells of it after the partitions are gone, on the thread that commits: nothing can be waited for here.</summary>
    public void OnRevoke(IImmutableSet<TopicPartitionOffset> revokedTopicPartitions, IRestrictedConsumer consumer) =>
        Release(revokedTopicPartitions.Select(p => p.Partition.Value));

    public void OnStop(IImmutableSet<TopicPartition> topicPartitions, IRestrictedConsumer consumer)
    {
    }

    /// <summary>
    /// Assignments that grow begin empty. The package then asks for records of no partition, and throws at the first record of one: every time
    /// it joins.
    /// </summary>
    private void RefuseIncrementalAssignment()
    {
        foreach (var (key, value) in _settings.KafkaClients)
        {
            if (key == Strategy && value.Contains("cooperative", StringComparison.Ordinal) || key == "group.protocol" && value == "consumer")
                throw new SourceException($"kafka-clients: {key} = {value} cannot be used with Akka.Streams.Kafka, which has only eager rebalancing. Take it out, or use the default connector.");
        }
    }

    private static ConsumerSettings<Ignore, byte[]> ForPackage(ConsumerConfig properties) =>
        ConsumerSettings<Ignore, byte[]>.Create(KafkaExtensions.DefaultSettings.GetConfig("akka.kafka.consumer"), Deserializers.Ignore, Deserializers.ByteArray)
            .WithProperties(properties)
            .WithAutoCreateTopicsEnabled(false)
            // A poll that finds nothing at once is repeated only then.
            .WithPollInterval(TimeSpan.FromMilliseconds(10))
            // A commit that is given up stays in the actor's mailbox and may be made when the partition is another member's.
            .WithCommitTimeout(TimeSpan.FromMinutes(5))
            // The stage ends only after its last commit.
            .WithStopTimeout(TimeSpan.Zero)
            .WithDispatcher("akka.stream.default-blocking-io-dispatcher");

    private IConsumer<Ignore, Ignore> Client(ConsumerConfig properties)
    {
        try
        {
            return new ConsumerBuilder<Ignore, Ignore>(properties)
                .SetLogHandler((_, line) => _settings.Log?.Invoke($"{line.Level} {line.Facility} {line.Message}"))
                .SetErrorHandler((_, _) => { })
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new SourceException($"{_name}: kafka-clients has a fault: {e.Message}", e);
        }
    }

    private NotUsed Started(IControl control)
    {
        _control = control;
        return NotUsed.Instance;
    }

    /// <summary>What the package does about an error; it asks on several threads.</summary>
    private Directive Decide(Exception failure)
    {
        // Among the others are records that the package has taken from the client and lost: only reading again helps.
        if (failure is not KafkaException { Error: var error } || error.IsFatal) return Directive.Stop;
        if (error.Code is ErrorCode.Local_AutoOffsetReset or ErrorCode.OffsetOutOfRange || KafkaErrors.Refusal(_name, error.Code, error.Reason) is not null) return Directive.Stop;
        Health.Take(error);
        return Directive.Resume;
    }

    /// <summary>
    /// Whether the package has taken records from its client and then thrown: it does so where partitions come before it has asked for
    /// them. Its own restart keeps the old actor for commits, so another consumer joins and reads again from the commit.
    /// </summary>
    private static bool IsLoss(Exception failure) => failure is ArgumentException or IllegalActorStateException;

    private Source<Delivered, NotUsed> Again(Source<Delivered, NotUsed> member, Exception failure)
    {
        _settings.Log?.Invoke($"{_name}: Akka.Streams.Kafka lost records that it had fetched, which are read again: {failure.Message}");
        Release(_held.Keys);
        Interlocked.Increment(ref _members);
        return member;
    }

    private void Hold(IReadOnlyList<AssignedPartition> partitions)
    {
        Release(partitions.Select(p => p.Number));
        Queue.Assign(partitions);
        foreach (var p in partitions) _held[p.Number] = p;
    }

    private void Release(IEnumerable<int> partitions)
    {
        var released = new List<AssignedPartition>();
        foreach (var number in partitions)
            if (_held.TryRemove(number, out var p)) released.Add(p);
        Queue.Release(released, TimeSpan.Zero);
        foreach (var p in released) _offsets.TryRemove(p, out _);
    }

    private ICommittableOffset? LastBelow(AssignedPartition partition, long next)
    {
        ICommittableOffset? last = null;
        if (_offsets.TryGetValue(partition, out var offsets))
            foreach (var (to, offset) in offsets)
                if (to <= next) last = offset;
        return last;
    }

    private void Forget(AssignedPartition partition, long next)
    {
        if (!_offsets.TryGetValue(partition, out var offsets)) return;
        while (offsets.TryPeek(out var first) && first.To <= next) offsets.TryDequeue(out _);
    }

    private void Ask(Action action)
    {
        lock (_asking)
            if (!_ended.Task.IsCompleted) action();
    }

    private void Close()
    {
        lock (_asking)
        {
            if (!_ended.TrySetResult()) return;
            _client?.Dispose();
        }
    }
}
