using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>Where reading starts in each partition, checked against the log: the same records as before, or a refusal.</summary>
internal sealed class PartitionAssignor(string name, ConsumerSettings settings, TopicInfo topic, IConsumer<Ignore, Ignore> consumer, ClientHealth health, ManualResetEventSlim stop)
{
    public TopicInfo Topic { get; } = topic;

    /// <summary>At given positions; epoch 0 at offset 0 means the first record of whatever log is there.</summary>
    /// <exception cref="SourceException">A position is none of this log.</exception>
    public IReadOnlyList<AssignedPartition> At(IReadOnlyList<PartitionPosition> positions) => [.. positions.Select(At)];

    /// <summary>Where the group committed last; where it never did, at the log's beginning or, on request, its end.</summary>
    /// <exception cref="SourceException">A commit is none of this log.</exception>
    public IReadOnlyList<AssignedPartition> FromCommits(GroupOffsets offsets, IReadOnlyList<int> partitions)
    {
        var commits = Insist(() => offsets.Read(partitions, settings.RequestTimeout));
        return [.. commits.Select(FromCommit)];
    }

    private AssignedPartition At(PartitionPosition position)
    {
        if (!Topic.Partitions.Contains(position.Partition)) throw KafkaErrors.WrongPartition(name, position.Partition, Topic.Partitions);
        var log = Watermarks(position.Partition);
        if (position is { Epoch: 0, Next: 0 }) return new AssignedPartition(new PartitionPosition(position.Partition, Topic.Epoch, log.Low), null);
        if (position.Epoch != Topic.Epoch) throw KafkaErrors.Recreated(name, position, Topic.Epoch);
        return KafkaErrors.OutOfRange(name, position.Partition, position.Next, log.Low, log.High) is { } fault ? throw fault : new AssignedPartition(position, null);
    }

    private AssignedPartition FromCommit(GroupOffsets.Committed commit)
    {
        var log = Watermarks(commit.Partition);
        if (commit.Offset < 0) return new AssignedPartition(new PartitionPosition(commit.Partition, Topic.Epoch, settings.StartsAtEnd ? log.High : log.Low), null);
        var committed = CommitMetadata.Read(commit.Partition, commit.Offset, commit.Metadata);
        if (committed is not null && committed.Position.Epoch != Topic.Epoch) throw KafkaErrors.Recreated(name, committed.Position, Topic.Epoch);
        return KafkaErrors.OutOfRange(name, commit.Partition, commit.Offset, log.Low, log.High) is { } fault
            ? throw fault
            : new AssignedPartition(new PartitionPosition(commit.Partition, Topic.Epoch, commit.Offset), committed);
    }

    private WatermarkOffsets Watermarks(int partition) => Insist(() => TopicLookup.Watermarks(consumer, settings.Topic, partition, settings.RequestTimeout));

    /// <summary>Asks until there is an answer, or nobody wants it any more.</summary>
    private T Insist<T>(Func<T> ask)
    {
        while (true)
        {
            try
            {
                return ask();
            }
            catch (KafkaException e)
            {
                if (KafkaErrors.Refusal(name, e.Error.Code, e.Error.Reason) is { } refusal) throw refusal;
                health.Take(e.Error);
                health.Remind(consumer);
                if (stop.Wait(TimeSpan.FromMilliseconds(100))) throw new OperationCanceledException($"{name}: stopped while waiting for the brokers", e);
            }
        }
    }
}
