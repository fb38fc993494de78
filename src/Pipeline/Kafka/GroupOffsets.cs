using System.Runtime.InteropServices;
using System.Text;
using Confluent.Kafka;

namespace StreamMLOps.Pipeline;

/// <summary>A group's commits with their metadata, which Confluent.Kafka leaves out. Safe for use by many threads.</summary>
internal sealed unsafe class GroupOffsets(nint client, string topic)
{
    /// <summary>A commit as the broker has it; offset -1 where the group never committed.</summary>
    public readonly record struct Committed(int Partition, long Offset, string Metadata);

    /// <summary>Asks for the commits of these partitions.</summary>
    /// <exception cref="KafkaException">The coordinator did not answer, or refused.</exception>
    public IReadOnlyList<Committed> Read(IReadOnlyCollection<int> partitions, TimeSpan timeout)
    {
        var list = Librdkafka.PartitionListNew(0);
        try
        {
            foreach (var partition in partitions) Librdkafka.PartitionListAdd(list, topic, partition);
            var answer = Librdkafka.Committed(client, list, (int)timeout.TotalMilliseconds);
            // What some brokers say of a group that never committed; others give offset -1.
            if (answer == ErrorCode.GroupIdNotFound) return [.. partitions.Select(p => new Committed(p, -1, ""))];
            Check(answer);
            var read = new List<Committed>(list->Count);
            for (var i = 0; i < list->Count; i++)
            {
                ref var p = ref list->Elements[i];
                Check(p.Error);
                var metadata = p.Metadata == 0 ? "" : Encoding.UTF8.GetString((byte*)p.Metadata, (int)p.MetadataLength);
                read.Add(new Committed(p.Number, p.Offset < 0 ? -1 : p.Offset, metadata));
            }
            return read;
        }
        finally
        {
            Librdkafka.PartitionListDestroy(list);
        }
    }

    /// <summary>Commits and waits for the coordinator's answer.</summary>
    /// <returns>What it said: no error, or the first one.</returns>
    public ErrorCode Write(IReadOnlyList<CommittedPartition> partitions)
    {
        var list = List(partitions);
        var queue = Librdkafka.QueueNew(client);
        try
        {
            var sent = Librdkafka.CommitQueue(client, list, queue, 0, 0);
            return sent != ErrorCode.NoError ? sent : Answer(queue);
        }
        finally
        {
            Librdkafka.QueueDestroy(queue);
            Librdkafka.PartitionListDestroy(list);
        }
    }

    /// <summary>Adds commits to a producer's transaction, as this client's group.</summary>
    /// <param name="partitions">What is committed.</param>
    /// <param name="producer">Whose transaction.</param>
    /// <param name="timeout">How long an answer is waited for.</param>
    /// <param name="asMember">Whether only a member may commit; false: the group has no members, and its one writer is guarded by the transactional id.</param>
    public LibrdkafkaTransactions.Answer Write(IReadOnlyList<CommittedPartition> partitions, nint producer, TimeSpan timeout, bool asMember = true)
    {
        var list = List(partitions);
        try
        {
            return LibrdkafkaTransactions.SendOffsets(producer, list, client, asMember, timeout);
        }
        finally
        {
            Librdkafka.PartitionListDestroy(list);
        }
    }

    private Librdkafka.PartitionList* List(IReadOnlyList<CommittedPartition> partitions)
    {
        var list = Librdkafka.PartitionListNew(partitions.Count);
        foreach (var c in partitions)
        {
            var p = Librdkafka.PartitionListAdd(list, topic, c.Position.Partition);
            p->Offset = c.Position.Next;
            var metadata = Encoding.UTF8.GetBytes(CommitMetadata.Write(c));
            p->Metadata = Librdkafka.Allocate(client, (nuint)metadata.Length); // freed with the list
            p->MetadataLength = (nuint)metadata.Length;
            Marshal.Copy(metadata, 0, p->Metadata, metadata.Length);
        }
        return list;
    }

    private static ErrorCode Answer(nint queue)
    {
        // librdkafka ends every commit itself: with the coordinator's answer, or after its own timeout.
        nint e;
        while ((e = Librdkafka.QueuePoll(queue, 1000)) == 0)
        {
        }
        try
        {
            var error = Librdkafka.EventError(e);
            var list = Librdkafka.EventPartitions(e);
            for (var i = 0; error == ErrorCode.NoError && list != null && i < list->Count; i++) error = list->Elements[i].Error;
            return error;
        }
        finally
        {
            Librdkafka.EventDestroy(e);
        }
    }

    private static void Check(ErrorCode code)
    {
        if (code != ErrorCode.NoError) throw new KafkaException(new Error(code));
    }
}
