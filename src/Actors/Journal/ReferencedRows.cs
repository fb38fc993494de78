using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// Reads the rows of events that name them by position from their source, in the order of the events: one reading of each partition serves
/// all events that follow each other. One user at a time.
/// </summary>
public sealed class ReferencedRows(ISource source, IDecoder decoder, IMaterializer materializer) : IAsyncDisposable
{
    private readonly Dictionary<int, Reading> _readings = [];

    /// <summary>The event with its rows.</summary>
    /// <param name="sequence">Its number, for messages.</param>
    /// <param name="learned">The event.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="RowsGoneException">The source no longer has them, or has others there.</exception>
    public async ValueTask<Learned> Resolve(long sequence, Learned learned, CancellationToken cancellation = default)
    {
        if (learned.Reference is not { } reference || learned.HasRows) return learned;
        var next = learned.Ranges.Select(r => r.Range.From).ToArray();
        var rows = new byte[reference.Bytes];
        var used = 0;
        try
        {
            foreach (var stretch in reference.Stretches)
            {
                var range = learned.Ranges[stretch.Range].Range;
                var reading = At(range, next[stretch.Range]);
                for (var (offset, delta) = (next[stretch.Range] + stretch.Skip, stretch.Skip); offset < next[stretch.Range] + stretch.Skip + stretch.Rows; offset++, delta = 0)
                {
                    var (chunk, row) = await reading.Find(offset, cancellation).ConfigureAwait(false);
                    var most = RowCodec.MaxLength(chunk, row);
                    if (rows.Length - used < most) Array.Resize(ref rows, Math.Max(used + most, rows.Length * 2));
                    used += RowCodec.Write(rows.AsSpan(used), chunk, row, stretch.Range, delta);
                }
                next[stretch.Range] += stretch.Skip + stretch.Rows;
            }
        }
        catch (SourceException e)
        {
            await DisposeAsync().ConfigureAwait(false);
            throw new RowsGoneException($"event {sequence} names its rows by position ({string.Join(", ", learned.Ranges.Select(r => r.Range))}), and they cannot be read any more: {e.Message}", e);
        }
        if (used != reference.Bytes || Learned.HashOf(rows.AsSpan(0, used)) != reference.Hash)
            throw new RowsGoneException($"event {sequence} names its rows by position ({string.Join(", ", learned.Ranges.Select(r => r.Range))}), and {source.Name} has others there now: it was replaced or edited; put the former log back");
        return learned.With(rows.AsMemory(0, used));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var reading in _readings.Values) await reading.DisposeAsync().ConfigureAwait(false);
        _readings.Clear();
    }

    private Reading At(OffsetRange range, long from)
    {
        if (_readings.TryGetValue(range.Partition, out var reading) && reading.Epoch == range.Epoch && reading.CanReach(from)) return reading;
        if (reading is not null) reading.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return _readings[range.Partition] = new Reading(source, decoder, materializer, new PartitionPosition(range.Partition, range.Epoch, from));
    }

    private sealed class Reading(ISource source, IDecoder decoder, IMaterializer materializer, PartitionPosition from) : IAsyncDisposable
    {
        private const long Near = 100_000; // so many offsets are read past rather than sought
        private readonly IAsyncEnumerator<RawChunk> _chunks = source.ReadFrom([from]).RunAsAsyncEnumerable(materializer).GetAsyncEnumerator();
        private Chunk? _chunk;
        private int _row;
        private long _next = from.Next;

        public ulong Epoch => from.Epoch;

        /// <summary>Whether the offset is not behind, nor so far ahead that seeking is quicker.</summary>
        public bool CanReach(long offset) => offset >= _next && offset - _next < Near;

        public async ValueTask<(Chunk Chunk, int Row)> Find(long offset, CancellationToken cancellation)
        {
            while (true)
            {
                for (; _chunk is { } chunk && _row < chunk.Count; _row++)
                {
                    var at = chunk.OffsetOf(_row);
                    if (at < offset) continue;
                    if (at > offset) break;
                    _next = offset + 1;
                    return (chunk, _row++);
                }
                if (_chunk is { } read && read.Range.To > offset) throw new SourceException($"{source.Name}, partition {from.Partition}, has no row at offset {offset}, where one was learned: the log was replaced or compacted; put the former one back");
                _chunk?.Dispose();
                (_chunk, _row) = (null, 0);
                cancellation.ThrowIfCancellationRequested();
                if (!await _chunks.MoveNextAsync().ConfigureAwait(false)) throw new SourceException($"{source.Name}, partition {from.Partition}, ends before offset {offset}: it was cut or replaced; put the complete log back");
                using var raw = _chunks.Current;
                _chunk = decoder.Decode(raw);
            }
        }

        public async ValueTask DisposeAsync()
        {
            _chunk?.Dispose();
            await _chunks.DisposeAsync().ConfigureAwait(false);
        }
    }
}

/// <summary>Rows that the journal names by position are no longer in their log.</summary>
public sealed class RowsGoneException(string message, Exception? inner = null) : Exception(message, inner);
