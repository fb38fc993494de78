using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>One record as a consumer saw it.</summary>
public sealed record Seen(int Partition, long Offset, string Text);

/// <summary>A commit that a member made, in the order of the process.</summary>
public sealed record Made(string Member, CommittedPartition Commit);

/// <summary>A member of a group: a score leg in small, which processes chunks, commits last, and keeps the ledger as the real one does.</summary>
public sealed class Member : IAsyncDisposable
{
    private readonly ITopicSource _source;
    private readonly ISubscription _subscription;
    private readonly UniqueKillSwitch _stop;

    public Member(KafkaConnector connector, string name, ConsumerSettings settings, string group, IMaterializer materializer, ConcurrentQueue<Made>? commits = null, Func<RawChunk, Task>? process = null)
    {
        Name = name;
        _source = connector.Source(settings);
        _subscription = _source.Subscribe(group);
        (_stop, Done) = _subscription.Chunks
            .ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right)
            .SelectAsync(1, async chunk =>
            {
                if (process is not null) await process(chunk);
                using (chunk)
                {
                    for (var i = 0; i < chunk.Count; i++) Records.Enqueue(new Seen(chunk.Partition, chunk.OffsetOf(i), Encoding.UTF8.GetString(chunk[i])));
                    return new CommitStep(ImmutableSortedDictionary<int, ScoredRange>.Empty.Add(chunk.Partition, new ScoredRange(chunk.Range, chunk.Count, 0, chunk.Range.Length - chunk.Count)));
                }
            })
            .Conflate((earlier, later) => earlier.Merge(later))
            .SelectAsync(1, async step =>
            {
                var before = _subscription.Committed().ToDictionary(c => c.Position.Partition);
                var next = step.Ranges.Values.Select(r => Add(before.GetValueOrDefault(r.Range.Partition), r)).ToArray();
                await _subscription.Commit(next);
                var after = _subscription.Committed();
                foreach (var c in next)
                    if (after.Contains(c)) commits?.Enqueue(new Made(name, c));
                return NotUsed.Instance;
            })
            .ToMaterialized(Sink.Ignore<NotUsed>(), (stop, done) => (stop, (Task)done))
            .Run(materializer);
    }

    public string Name { get; }

    public ConcurrentQueue<Seen> Records { get; } = [];

    public Task Done { get; }

    public string Trouble => _source.Trouble;

    public IReadOnlyList<CommittedPartition> Committed => _subscription.Committed();

    /// <summary>Drains, commits and leaves the group.</summary>
    public async Task Leave()
    {
        _stop.Shutdown();
        await Done.WaitAsync(TimeSpan.FromSeconds(30));
        await _source.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        if (!Done.IsFaulted) await Leave();
    }

    private static CommittedPartition Add(CommittedPartition? before, ScoredRange r)
    {
        var position = new PartitionPosition(r.Range.Partition, r.Range.Epoch, r.Range.To);
        return new CommittedPartition(position, (before?.Predicted ?? 0) + r.Predicted, (before?.DeadLettered ?? 0) + r.DeadLettered, (before?.Skipped ?? 0) + r.Skipped);
    }
}
