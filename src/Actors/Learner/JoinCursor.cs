using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>A chunk of one log that is being taken row by row. Disposes the chunk.</summary>
internal sealed class JoinCursor(Chunk chunk, bool isLabels) : IDisposable
{
    // A time beyond these is none: arithmetic with horizons must not overflow. About the year 36,500,000.
    private const long Farthest = 1L << 60;
    private int _row;
    private int _letter;

    public Chunk Chunk { get; } = chunk;

    public bool IsLabels { get; } = isLabels;

    /// <summary>The next row's number.</summary>
    public int Row => _row;

    /// <summary>Rows below this one have been asked for ahead.</summary>
    public int ReadAheadTo { get; set; }

    public bool HasRow => _row < Chunk.Count;

    public long Offset => Chunk.OffsetOf(_row);

    public long Time => Usable(Chunk.TimeOf(_row));

    /// <summary>Where the next row stands among the rows of both logs: no earlier than any row of its partition before it.</summary>
    public long KeyIn(JoinState state) => Math.Max(Time, state.Find(IsLabels, Chunk.Range.Partition)?.Time ?? Chunk.NoTime);

    /// <summary>A record's time, where it can be reckoned with.</summary>
    public static long Usable(long time) => time is > -Farthest and < Farthest ? time : Chunk.NoTime;

    public void MoveOn() => _row++;

    /// <summary>Passes rows below an offset: they were taken before.</summary>
    public void SkipTo(long offset)
    {
        while (HasRow && Offset < offset) _row++;
        LettersBelow(offset);
    }

    /// <summary>Dead letters below an offset that were not counted yet.</summary>
    public int LettersBelow(long offset)
    {
        var before = _letter;
        while (_letter < Chunk.DeadLetters.Count && Chunk.DeadLetters[_letter].Offset < offset) _letter++;
        return _letter - before;
    }

    public void Dispose() => Chunk.Dispose();
}
