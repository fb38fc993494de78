using System.Buffers.Binary;
using System.IO.Hashing;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// Makes a learner's pending store what it was when the last event was sealed. The store is a cache: ids that ended are in the journal, rows
/// and labels that wait are in their logs. A checkpoint is gone on from where the event that it was taken at is in the journal; else the
/// store is filled from empty, from the first event that may tell of an entry.
/// </summary>
internal sealed class PendingRebuild(LearnerDefinition definition, JournalReader journal, IMaterializer materializer)
{
    private const int NoteBytes = 24;

    /// <summary>The note of a checkpoint taken where an event was sealed: its number and a hash of its bytes.</summary>
    public static byte[] Note(long sequence, JournalEvent last)
    {
        var note = new byte[NoteBytes];
        BinaryPrimitives.WriteInt64LittleEndian(note, sequence);
        XxHash128.Hash(last.Bytes, note.AsSpan(8));
        return note;
    }

    /// <summary>Opens the store and brings it up to the state.</summary>
    /// <param name="state">The state after event <paramref name="sequence"/>; only read.</param>
    /// <param name="sequence">Number of the last event.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <exception cref="SourceException">A log no longer has records that wait.</exception>
    public async Task<IPendingStore> Run(JoinState state, long sequence, CancellationToken cancellation)
    {
        var feed = definition.Labels!;
        var store = feed.OpenStore(false);
        var from = await Usable(store.Note, sequence, cancellation).ConfigureAwait(false) + 1;
        if (from == 1)
        {
            if (store.Count > 0 || store.Note.Length > 0)
            {
                store.Dispose();
                store = feed.OpenStore(true);
            }
            from = state.RebuildFrom;
        }
        try
        {
            await using var rows = new OpenRecords(state, definition.Source, definition.Decoder, labels: false, materializer);
            await using var labels = new OpenRecords(state, feed.Source, feed.Decoder, labels: true, materializer);
            await foreach (var (_, e) in journal.Read(definition.PersistenceId, from, sequence, cancellation).ConfigureAwait(false))
                if (e is Joined joined) await Replay(joined, store, rows, labels).ConfigureAwait(false);
            // What was swept meanwhile is accounted for.
            store.Sweep(state.SweptBelow, (_, _, _) => { });
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    private async Task<long> Usable(byte[] note, long sequence, CancellationToken cancellation)
    {
        if (note.Length != NoteBytes) return 0;
        var at = BinaryPrimitives.ReadInt64LittleEndian(note);
        if (at > sequence) return 0;
        await foreach (var (n, e) in journal.Read(definition.PersistenceId, at, at, cancellation).ConfigureAwait(false))
            if (Note(n, e).AsSpan().SequenceEqual(note)) return at;
        return 0;
    }

    // Entries are put in the order of their stamps: those of the event's decisions, and between them the records that still wait.
    private static async Task Replay(Joined joined, IPendingStore store, OpenRecords rows, OpenRecords labels)
    {
        using var entries = new Decisions(joined, store);
        var before = joined.From;
        var next = joined.Ranges.Select(r => r.Range.From).ToArray();
        foreach (var stretch in joined.Stretches)
        {
            var range = joined.Ranges[stretch.Range];
            var from = next[stretch.Range];
            next[stretch.Range] = from + stretch.Length;
            await foreach (var (chunk, row, stamp) in (range.IsLabels ? labels : rows).In(range.Range, from, from + stretch.Length, before).ConfigureAwait(false))
            {
                entries.PutBelow(stamp);
                Put(store, chunk, row, stamp, range.IsLabels);
            }
            before = stretch.Time;
        }
        entries.PutBelow(long.MaxValue);
    }

    private static void Put(IPendingStore store, Chunk chunk, int row, long stamp, bool isLabel)
    {
        var (partition, offset) = (chunk.Range.Partition, chunk.OffsetOf(row));
        var id = JoinIds.Of(chunk.IdOf(row), partition, offset);
        if (isLabel)
        {
            LabelJoin.PutLabel(store, id, new JoinEntry(JoinKind.Label, partition, offset, chunk.Rows.Labels[row], stamp), LabelRows.WeightOf(chunk, row));
            return;
        }
        var bytes = new byte[RowCodec.MaxLength(chunk, row)];
        store.Put(id, new JoinEntry(JoinKind.Features, partition, offset, double.NaN, stamp), bytes.AsSpan(0, RowCodec.WriteWithoutLabel(bytes, chunk, row)));
    }

    private sealed class Decisions(Joined joined, IPendingStore store) : IDisposable
    {
        private readonly RowBatch _row = new(4, 4096);
        private int _at = joined.EntriesAt;
        private long _stamp = joined.From;
        private int _left = joined.Entries;

        /// <summary>Puts what was decided before the stream's time was this.</summary>
        public void PutBelow(long stamp)
        {
            while (_left > 0)
            {
                var (at, last) = (_at, _stamp);
                _row.Clear();
                var e = joined.ReadEntry(ref at, ref last, _row);
                if (e.Stamp >= stamp && stamp != long.MaxValue) return;
                (_at, _stamp) = (at, last);
                _left--;
                Put(e);
            }
        }

        public void Dispose() => _row.Dispose();

        private void Put(JoinedEntry e)
        {
            switch (e.Kind)
            {
                case JoinedKind.Learned or JoinedKind.Frozen:
                    store.Put(e.Id, new JoinEntry(JoinKind.Learned, e.Pair.Partition, e.Pair.Offset, e.Pair.Label, e.Stamp));
                    break;
                case JoinedKind.Scored or JoinedKind.Passed:
                    LabelJoin.PutScored(store, e.Id, new JoinEntry(JoinKind.Scored, e.Pair.Partition, e.Pair.Offset, double.NaN, e.Stamp), e.Score);
                    break;
                case JoinedKind.Evaluated:
                    store.Put(e.Id, new JoinEntry(JoinKind.Learned, e.Pair.Partition, e.Pair.Offset, e.Pair.Label, e.Stamp));
                    break;
                case JoinedKind.Expired or JoinedKind.Unlabelled:
                    store.Put(e.Id, new JoinEntry(JoinKind.Expired, e.Pair.Partition, e.Pair.Offset, double.NaN, e.Stamp));
                    break;
                case JoinedKind.Corrected:
                    // An id that was learned or waits: one of the two is in the store already, unless it has been forgotten since.
                    if (store.TryGet(e.Id, out var known)) LabelJoin.PutLabel(store, e.Id, known with { Label = e.Pair.Label, Stamp = e.Stamp }, e.Pair.Weight);
                    break;
            }
        }
    }

    /// <summary>The records of one log that wait, read again in the order in which they were taken.</summary>
    private sealed class OpenRecords(JoinState state, ISource source, IDecoder decoder, bool labels, IMaterializer materializer) : IAsyncDisposable
    {
        private readonly Dictionary<int, Reading> _readings = [];

        /// <summary>The records of a stretch that wait, with the stream's time at which each was taken.</summary>
        public async IAsyncEnumerable<(Chunk Chunk, int Row, long Stamp)> In(OffsetRange range, long from, long to, long time)
        {
            var p = state.Find(labels, range.Partition)!;
            var any = false;
            for (var offset = Math.Max(from, p.Resolved.Watermark); offset < to && !any; offset++) any = !p.Resolved.Contains(offset);
            if (!any) yield break;
            if (!_readings.TryGetValue(range.Partition, out var reading)) _readings[range.Partition] = reading = new Reading(source.ReadFrom([new PartitionPosition(range.Partition, range.Epoch, from)]).RunAsAsyncEnumerable(materializer), decoder);
            await foreach (var (chunk, row, offset) in reading.UpTo(to).ConfigureAwait(false))
            {
                if (offset < from) continue;
                time = Math.Max(time, JoinCursor.Usable(chunk.TimeOf(row)));
                if (!p.Resolved.Contains(offset)) yield return (chunk, row, time);
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var reading in _readings.Values) await reading.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed class Reading(IAsyncEnumerable<RawChunk> chunks, IDecoder decoder) : IAsyncDisposable
    {
        private readonly IAsyncEnumerator<RawChunk> _chunks = chunks.GetAsyncEnumerator();
        private Chunk? _chunk;
        private int _row;

        public async IAsyncEnumerable<(Chunk Chunk, int Row, long Offset)> UpTo(long to)
        {
            while (true)
            {
                while (_chunk is { } chunk && _row < chunk.Count)
                {
                    var offset = chunk.OffsetOf(_row);
                    if (offset >= to) yield break;
                    yield return (chunk, _row++, offset);
                }
                if (_chunk is { } read && read.Range.To >= to) yield break;
                _chunk?.Dispose();
                (_chunk, _row) = (null, 0);
                if (!await _chunks.MoveNextAsync().ConfigureAwait(false)) throw new SourceException($"the log ends before offset {to}, and records before it wait for their other half: it was cut or replaced; put the complete log back");
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
