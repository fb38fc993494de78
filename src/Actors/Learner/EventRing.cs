namespace StreamMLOps.Actors;

/// <summary>The newest events of a learner, bounded in bytes: what replicas are served from. Older ones are in the journal.</summary>
internal sealed class EventRing(long maxBytes)
{
    private readonly Queue<Published> _events = [];
    private long _bytes;

    /// <summary>Sequence number after which this memory is complete.</summary>
    public long CompleteAfter { get; private set; }

    /// <summary>Sequence number of the newest event.</summary>
    public long Newest { get; private set; }

    /// <summary>Starts empty after an event that is in the journal.</summary>
    public void Reset(long sequence)
    {
        _events.Clear();
        _bytes = 0;
        CompleteAfter = Newest = sequence;
    }

    public void Add(Published published)
    {
        _events.Enqueue(published);
        _bytes += SizeOf(published.Event);
        Newest = published.Sequence;
        while (_bytes > maxBytes && _events.Count > 1)
        {
            var gone = _events.Dequeue();
            _bytes -= SizeOf(gone.Event);
            CompleteAfter = gone.Sequence;
        }
    }

    private static int SizeOf(JournalEvent e) => e.Bytes.Length + (e is Learned { Reference: not null, HasRows: true } learned ? learned.RowBytes.Length : 0);

    /// <summary>Up to <paramref name="count"/> events after a version.</summary>
    public IEnumerable<Published> After(long sequence, int count) => _events.SkipWhile(e => e.Sequence <= sequence).Take(count);
}
