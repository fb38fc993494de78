using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Has the pending store read what the next labels of a chunk will ask for, together: one by one each would wait for the disk.</summary>
internal sealed class ReadAhead
{
    private const int Batch = 256;
    private readonly List<ReadOnlyMemory<byte>> _ids = new(Batch);
    private byte[] _bytes = new byte[16 * 1024];

    /// <summary>Reads ahead from the cursor's row on, where that was not done and the store has anything on disk.</summary>
    public void Ask(IPendingStore store, JoinCursor cursor)
    {
        if (cursor.Row < cursor.ReadAheadTo || !store.IsOnDisk) return;
        var (chunk, from, to) = (cursor.Chunk, cursor.Row, Math.Min(cursor.Chunk.Count, cursor.Row + Batch));
        var needed = 0;
        for (var row = from; row < to; row++) needed += JoinIds.Of(chunk.IdOf(row), chunk.Range.Partition, chunk.OffsetOf(row)).Length;
        if (needed > _bytes.Length) _bytes = new byte[needed * 2];
        _ids.Clear();
        var at = 0;
        for (var row = from; row < to; row++)
        {
            var id = JoinIds.Of(chunk.IdOf(row), chunk.Range.Partition, chunk.OffsetOf(row));
            id.CopyTo(_bytes.AsSpan(at));
            _ids.Add(_bytes.AsMemory(at, id.Length));
            at += id.Length;
        }
        store.Prefetch(_ids);
        cursor.ReadAheadTo = to;
    }
}
