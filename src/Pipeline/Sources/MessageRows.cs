using Akka;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A log whose messages hold several rows each, with line ends between them, seen as a log of rows. Row <c>r</c> of the message at offset
/// <c>m</c> has the offset <c>m * rowsPerMessage + r</c>, so every row has a position of its own: predictions, ledger, journal and audit
/// need to know nothing of messages. Offsets that a shorter message leaves over hold no record and count as skipped. Commits reach the
/// inner log in its own offsets, at the ends of messages, where chunks end. The epoch is another than the inner log's: a row's offset
/// means nothing there.
/// </summary>
/// <param name="inner">The log of messages.</param>
/// <param name="rowsPerMessage">Most rows a message; what is beyond becomes one dead letter of the message's last row.</param>
public sealed class MessageRows(ISource inner, int rowsPerMessage) : ISource, IAsyncDisposable
{
    // Taken twice it is the inner epoch again.
    private readonly ulong _epochMask = SplitMix.Mix((ulong)rowsPerMessage);

    /// <summary>The source itself where a message is a row.</summary>
    public static ISource Of(ISource source, int rowsPerMessage) => rowsPerMessage == 1 ? source : new MessageRows(source, rowsPerMessage);

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public string Trouble => inner.Trouble;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner is IAsyncDisposable disposable ? disposable.DisposeAsync() : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public IReadOnlyList<PartitionPosition> Partitions() => [.. inner.Partitions().Select(Outer)];

    /// <inheritdoc/>
    public Source<RawChunk, NotUsed> ReadFrom(IReadOnlyList<PartitionPosition> positions)
    {
        var from = positions.ToDictionary(p => p.Partition, p => p.Next);
        return inner.ReadFrom([.. positions.Select(p => Inner(p))]).Select(chunk => Split(chunk, from.GetValueOrDefault(chunk.Partition)));
    }

    /// <inheritdoc/>
    public ISubscription Subscribe(string group) => new Subscription(this, inner.Subscribe(group));

    /// <inheritdoc/>
    public IReadOnlyList<CommittedPartition> Committed(string group) => Outer(inner.Committed(group));

    private IReadOnlyList<CommittedPartition> Outer(IReadOnlyList<CommittedPartition> commits) => [.. commits.Select(c => c with { Position = Outer(c.Position) })];

    private PartitionPosition Outer(PartitionPosition p) => p with { Epoch = Outer(p.Epoch), Next = checked(p.Next * rowsPerMessage) };

    // A position within a message is read from the message's beginning; the rows before it are taken off again.
    private PartitionPosition Inner(PartitionPosition p) => p with { Epoch = Outer(p.Epoch), Next = p.Next / rowsPerMessage };

    // 0 means whatever log is there, on both sides.
    private ulong Outer(ulong epoch) => epoch == 0 || epoch == _epochMask ? epoch : epoch ^ _epochMask;

    private RawChunk Split(RawChunk messages, long from)
    {
        using (messages)
        {
            var rows = new RawChunk(messages.Partition, Outer(messages.Epoch), Math.Max(from, messages.From * rowsPerMessage), messages.ByteCount + 1, Math.Max(1, messages.Count * rowsPerMessage));
            for (var i = 0; i < messages.Count; i++) Split(messages, i, rows);
            rows.To = Math.Max(rows.From, messages.To * rowsPerMessage);
            return rows;
        }
    }

    private void Split(RawChunk messages, int i, RawChunk rows)
    {
        var first = messages.OffsetOf(i) * rowsPerMessage;
        var rest = messages[i];
        var isCut = messages.IsCut(i, out var length);
        if (isCut)
        {
            if (first < rows.From) return;
            rows.Add(rest);
            rows.SetOffset(first);
            rows.MarkCut(length);
            return;
        }
        for (var r = 0; !rest.IsEmpty; r++)
        {
            var end = rest.IndexOf((byte)'\n');
            var isLast = r == rowsPerMessage - 1;
            // Only line ends may follow the last row.
            var tooMany = isLast && end >= 0 && rest[end..].ContainsAnyExcept((byte)'\r', (byte)'\n');
            var line = end < 0 || tooMany ? rest : rest[..end];
            if (first + r >= rows.From)
            {
                rows.Add(line);
                rows.SetOffset(first + r);
                if (tooMany) rows.MarkRefused($"the message has more than {rowsPerMessage} rows (source.rows-per-message)");
            }
            if (isLast || end < 0) return;
            rest = rest[(end + 1)..];
        }
    }

    private sealed class Subscription(MessageRows outer, ISubscription inner) : ISubscription
    {
        public Source<RawChunk, NotUsed> Chunks { get; } = inner.Chunks.Select(chunk => outer.Split(chunk, 0));

        public IReadOnlyList<CommittedPartition> Committed() => outer.Outer(inner.Committed());

        public ValueTask Commit(IReadOnlyList<CommittedPartition> partitions) =>
            inner.Commit([.. partitions.Select(c => c with { Position = outer.Inner(c.Position) })]);
    }
}
