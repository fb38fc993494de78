using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>How the offsets of one range ended: each offset is counted once.</summary>
/// <param name="Range">The offsets.</param>
/// <param name="Learned">Rows learned; they are in the event.</param>
/// <param name="Unlabelled">Rows without a label.</param>
/// <param name="DeadLettered">Records that are no rows.</param>
/// <param name="Skipped">Blank records and offsets that hold none.</param>
/// <param name="Frozen">Labelled rows that passed while learning was frozen.</param>
public readonly record struct RangeCounts(OffsetRange Range, long Learned, long Unlabelled, long DeadLettered, long Skipped, long Frozen)
{
    /// <summary>Offsets accounted for; must be the length of the range.</summary>
    public long Sum => Learned + Unlabelled + DeadLettered + Skipped + Frozen;
}

/// <summary>Rows learned, with the half-open ranges that they account for and the fingerprint before and after.</summary>
public sealed class Learned : JournalEvent
{
    public const string Kind = "learned";

    private readonly ReadOnlyMemory<byte>? _rows;

    private Learned(byte[] bytes, ulong before, ulong after, long time, RangeCounts[] ranges, int rows, IReadOnlyList<PseudoLabelledRow> pseudo, int rowsAt, RowReference? reference = null, ReadOnlyMemory<byte>? rowBytes = null) : base(bytes)
    {
        (Before, After, Time, Ranges, Rows, PseudoLabels, RowsAt, Reference) = (before, after, time, ranges, rows, pseudo, rowsAt, reference);
        if (reference is null) _rows = bytes.AsMemory(rowsAt);
        else if (rowBytes is not null) _rows = rowBytes;
    }

    public override string Manifest => Kind;

    /// <summary>Fingerprint of the state this event applies to.</summary>
    public ulong Before { get; }

    /// <summary>Fingerprint of the state after it.</summary>
    public ulong After { get; }

    /// <summary>When it was learned, milliseconds since 1970 UTC. For people; the fold does not read it.</summary>
    public long Time { get; }

    /// <summary>What it accounts for, one range a partition.</summary>
    public IReadOnlyList<RangeCounts> Ranges { get; }

    /// <summary>Rows in it.</summary>
    public int Rows { get; }

    /// <summary>Rows without a label that a self-training model learned with a pseudo-label, ascending.</summary>
    public IReadOnlyList<PseudoLabelledRow> PseudoLabels { get; }

    /// <summary>Where the rows begin in <see cref="JournalEvent.Bytes"/>, if they are in it.</summary>
    internal int RowsAt { get; }

    /// <summary>Where the rows are, if they are not in the event.</summary>
    internal RowReference? Reference { get; }

    /// <summary>Whether the rows are here: in the event, or read from their source.</summary>
    public bool HasRows => _rows is not null;

    /// <summary>The rows, encoded.</summary>
    /// <exception cref="RowsGoneException">They are not here.</exception>
    internal ReadOnlyMemory<byte> RowBytes => _rows ?? throw new RowsGoneException("an event names its rows by position, and no source is known here to read them from: name the settings with --config");

    /// <summary>The event with rows that were read from their source.</summary>
    internal Learned With(ReadOnlyMemory<byte> rows) => new(Bytes, Before, After, Time, [.. Ranges], Rows, PseudoLabels, RowsAt, Reference, rows);

    internal static ulong HashOf(ReadOnlySpan<byte> rows) => System.IO.Hashing.XxHash3.HashToUInt64(rows);

    internal static Learned Create(ulong before, ulong after, long time, IReadOnlyList<RangeCounts> ranges, int rows, ReadOnlySpan<byte> encodedRows, IReadOnlyList<PseudoLabelledRow>? pseudo = null, IReadOnlyList<RowStretch>? stretches = null)
    {
        // Format 2 where there are pseudo-labels, 3 where the rows are named by position: all others stay as they were.
        var w = new EventWriter(stretches is not null ? (byte)3 : pseudo is { Count: > 0 } ? (byte)2 : (byte)1);
        w.UInt64(before);
        w.UInt64(after);
        w.Int64(time);
        w.Number(ranges.Count);
        foreach (var c in ranges)
        {
            w.Range(c.Range);
            w.Number(c.Learned);
            w.Number(c.Unlabelled);
            w.Number(c.DeadLettered);
            w.Number(c.Skipped);
            w.Number(c.Frozen);
        }
        w.Number(rows);
        if (pseudo is { Count: > 0 } || stretches is not null)
        {
            w.Number(pseudo?.Count ?? 0);
            var next = 0;
            foreach (var (row, label) in pseudo ?? [])
            {
                w.Number(row - next);
                w.Number(label.Group);
                w.Number((long)label.Class);
                next = row + 1;
            }
        }
        if (stretches is null) return new(w.ToArray(encodedRows), before, after, time, [.. ranges], rows, [.. pseudo ?? []], w.Length);
        var reference = new RowReference(encodedRows.Length, HashOf(encodedRows), [.. stretches]);
        w.Number(reference.Bytes);
        w.UInt64(reference.Hash);
        w.Number(stretches.Count);
        foreach (var s in stretches)
        {
            w.Number(s.Range);
            w.Number(s.Skip);
            w.Number(s.Rows);
        }
        return new(w.ToArray(), before, after, time, [.. ranges], rows, [.. pseudo ?? []], w.Length, reference, encodedRows.ToArray());
    }

    internal static Learned Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 3);
        var (before, after, time) = (r.UInt64(), r.UInt64(), r.Int64());
        var ranges = new RangeCounts[(int)r.Number()];
        for (var i = 0; i < ranges.Length; i++) ranges[i] = new(r.Range(), r.Number(), r.Number(), r.Number(), r.Number(), r.Number());
        var rows = (int)r.Number();
        var pseudo = new List<PseudoLabelledRow>();
        if (bytes[0] > 1)
        {
            var next = 0;
            for (var i = r.Number(); i > 0; i--)
            {
                var (row, group, code) = (next + (int)r.Number(), r.Number(), r.Number());
                if (row < next || row >= rows || code is not ((long)PseudoClass.Negative or (long)PseudoClass.Positive)) throw new JournalFormatException($"row {row} of {rows} has a pseudo-label of class {code}: the event was written by a newer version or is damaged");
                pseudo.Add(new(row, new(group, (PseudoClass)code)));
                next = row + 1;
            }
        }
        if (bytes[0] < 3) return new(bytes, before, after, time, ranges, rows, pseudo, r.At);
        var (length, hash) = ((int)r.Number(), r.UInt64());
        var stretches = new RowStretch[(int)r.Number()];
        for (var i = 0; i < stretches.Length; i++)
        {
            stretches[i] = new((int)r.Number(), r.Number(), (int)r.Number());
            if (stretches[i].Range >= ranges.Length) throw new JournalFormatException("a stretch of rows is of a range that the event does not have: the event is damaged");
        }
        return new(bytes, before, after, time, ranges, rows, pseudo, r.At, new RowReference(length, hash, stretches));
    }
}
