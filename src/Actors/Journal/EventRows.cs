using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>Decodes the rows of events without applying them, for audit.</summary>
public static class EventRows
{
    /// <summary>Calls <paramref name="row"/> with partition, offset and content of each row that is wanted, in the order of the event; the batch is valid until it returns.</summary>
    /// <exception cref="RowsGoneException">The event names its rows by position, and they were not read.</exception>
    public static void ForEach(Learned learned, Func<int, long, bool> wanted, Action<int, long, RowBatch> row)
    {
        using var batch = new RowBatch(4, 4096);
        var next = learned.Ranges.Select(r => r.Range.From).ToArray();
        var (rows, at) = (learned.RowBytes, 0);
        for (var i = 0; i < learned.Rows; i++)
        {
            batch.Clear();
            var (range, delta, _, _) = RowCodec.Read(rows.Span, ref at, batch);
            var offset = next[range] + delta;
            next[range] = offset + 1;
            var partition = learned.Ranges[range].Range.Partition;
            if (wanted(partition, offset)) row(partition, offset, batch);
        }
    }

    /// <summary>The same for rows whose labels came apart, and for those that were learned without.</summary>
    public static void ForEach(Joined joined, Func<int, long, bool> wanted, Action<int, long, RowBatch> row)
    {
        using var batch = new RowBatch(4, 4096);
        var (at, stamp) = (joined.EntriesAt, joined.From);
        for (var i = 0; i < joined.Entries; i++)
        {
            batch.Clear();
            var entry = joined.ReadEntry(ref at, ref stamp, batch);
            if (entry.Kind is JoinedKind.Learned or JoinedKind.Scored or JoinedKind.Unlabelled && wanted(entry.Pair.Partition, entry.Pair.Offset)) row(entry.Pair.Partition, entry.Pair.Offset, batch);
        }
    }
}
