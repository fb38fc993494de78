using System.Buffers.Binary;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What an entry of a <see cref="Joined"/> event tells.</summary>
internal enum JoinedKind : byte
{
    /// <summary>A pair was learned; the row is in the entry.</summary>
    Learned,

    /// <summary>A pair became complete while learning was frozen.</summary>
    Frozen,

    /// <summary>Features waited for the whole horizon.</summary>
    Expired,

    /// <summary>A label waited for the whole horizon.</summary>
    Orphan,

    /// <summary>An id has another label.</summary>
    Corrected,

    /// <summary>Features of an unsupervised kind were learned as they came, without a label; the row is in the entry, and what was answered before.</summary>
    Scored,

    /// <summary>A label measured the answer to features that were learned without it.</summary>
    Evaluated,

    /// <summary>Features of an unsupervised kind came while learning was frozen.</summary>
    Passed,

    /// <summary>Features of a semi-supervised kind waited for the whole horizon and were learned without a label; the row is in the entry, and the pseudo-label that it got.</summary>
    Unlabelled,
}

/// <summary>An entry of a <see cref="Joined"/> event.</summary>
/// <param name="kind">What it tells.</param>
/// <param name="stamp">The stream's time.</param>
/// <param name="pair">Positions, label and weight, as far as the kind has them. An orphan's is the label's.</param>
/// <param name="id">The id, where the kind has one.</param>
/// <param name="score">What was answered before the row was learned, where the kind has it; NaN: its row counts as frozen.</param>
/// <param name="time">Event time of a row that is in the entry.</param>
/// <param name="age">How long after the row a label that measured it came, in milliseconds.</param>
/// <param name="pseudo">The pseudo-label of a row that was learned without a label.</param>
internal readonly ref struct JoinedEntry(JoinedKind kind, long stamp, JoinedPair pair, ReadOnlySpan<byte> id, double score = double.NaN, PseudoLabel pseudo = default, long time = Chunk.NoTime, long age = 0)
{
    public double Score { get; } = score;

    public PseudoLabel Pseudo { get; } = pseudo;

    public long Time { get; } = time;

    public long Age { get; } = age;

    public JoinedKind Kind { get; } = kind;

    public long Stamp { get; } = stamp;

    public JoinedPair Pair { get; } = pair;

    public ReadOnlySpan<byte> Id { get; } = id;
}

/// <summary>A stretch of one partition, as the learner took it: what it took between two stretches came in between.</summary>
/// <param name="Range">Number of the partition's range in the event.</param>
/// <param name="Length">Offsets.</param>
/// <param name="Time">The stream's time after it.</param>
internal readonly record struct JoinedStretch(int Range, long Length, long Time);

/// <summary>
/// What the label join decided over ranges of features and labels: pairs learned, with the rows as they were scored, and what expired, was
/// corrected or waits. It holds all that the state needs, so that only the learner itself has a pending store; and the order and the time
/// in which records were taken, so that a pending store can be made again from it and the two logs.
/// </summary>
public sealed class Joined : JournalEvent
{
    public const string Kind = "joined";

    private Joined(byte[] bytes, ulong before, ulong after, long time, long from, long to, IReadOnlyList<JoinRange> ranges, IReadOnlyList<JoinedStretch> stretches, int rows, int entries, int entriesAt) : base(bytes) =>
        (Before, After, Time, From, To, Ranges, Stretches, Rows, Entries, EntriesAt) = (before, after, time, from, to, ranges, stretches, rows, entries, entriesAt);

    public override string Manifest => Kind;

    /// <summary>Fingerprint of the state this event applies to.</summary>
    public ulong Before { get; }

    /// <summary>Fingerprint of the state after it.</summary>
    public ulong After { get; }

    /// <summary>When it was learned, milliseconds since 1970 UTC. For people; the fold does not read it.</summary>
    public long Time { get; }

    /// <summary>The stream's time before it.</summary>
    public long From { get; }

    /// <summary>The stream's time after it.</summary>
    public long To { get; }

    /// <summary>What it accounts for, one range a partition of either log.</summary>
    public IReadOnlyList<JoinRange> Ranges { get; }

    /// <summary>Rows learned.</summary>
    public int Rows { get; }

    /// <summary>The order in which the ranges were taken.</summary>
    internal IReadOnlyList<JoinedStretch> Stretches { get; }

    internal int Entries { get; }

    internal int EntriesAt { get; }

    // Format 2 where there are entries of unsupervised or semi-supervised kinds: all others stay as they were.
    internal static Joined Create(ulong before, ulong after, long time, long from, long to, IReadOnlyList<JoinRange> ranges, IReadOnlyList<JoinedStretch> stretches, int rows, int entries, ReadOnlySpan<byte> encoded, bool hasUnlabelled = false)
    {
        var w = new EventWriter(hasUnlabelled ? (byte)2 : (byte)1);
        w.UInt64(before);
        w.UInt64(after);
        w.Int64(time);
        w.Int64(from);
        w.Int64(to);
        w.Number(ranges.Count);
        foreach (var r in ranges)
        {
            w.Number(r.IsLabels ? 1 : 0);
            w.Range(r.Range);
            w.Int64(r.Time);
            w.Number(r.Early);
            w.Number(r.Ended.Count);
            foreach (var n in r.Ended) w.Number(n);
            w.Number(r.Runs.Count);
            foreach (var n in r.Runs) w.Number(n);
        }
        w.Number(stretches.Count);
        var stamp = from;
        foreach (var s in stretches)
        {
            w.Number(s.Range);
            w.Number(s.Length);
            w.Number((long)StampCode(stamp, s.Time));
            stamp = s.Time;
        }
        w.Number(rows);
        w.Number(entries);
        return new(w.ToArray(encoded), before, after, time, from, to, ranges, stretches, rows, entries, w.Length);
    }

    internal static Joined Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 2);
        var (before, after, time, from, to) = (r.UInt64(), r.UInt64(), r.Int64(), r.Int64(), r.Int64());
        var ranges = new JoinRange[(int)r.Number()];
        for (var i = 0; i < ranges.Length; i++)
        {
            var (isLabels, range, last, early) = (r.Number() == 1, r.Range(), r.Int64(), r.Number());
            var ended = new long[Math.Min(r.Number(), 64)];
            for (var k = 0; k < ended.Length; k++) ended[k] = r.Number();
            var runs = new List<long>();
            for (var k = r.Number(); k > 0; k--) runs.Add(r.Number());
            ranges[i] = new JoinRange(isLabels, range, last, early, ended, runs);
        }
        var stretches = new List<JoinedStretch>();
        var stamp = from;
        for (var i = r.Number(); i > 0; i--)
        {
            var (range, length) = ((int)r.Number(), r.Number());
            stretches.Add(new JoinedStretch(range, length, stamp = StampOf(stamp, (ulong)r.Number())));
        }
        var (rows, entries) = ((int)r.Number(), (int)r.Number());
        return new(bytes, before, after, time, from, to, ranges, stretches, rows, entries, r.At);
    }

    /// <summary>Reads one entry.</summary>
    /// <param name="at">Where it begins; then where the next one does. Starts at <see cref="EntriesAt"/>.</param>
    /// <param name="stamp">Stamp of the entry before; then of this one. Starts at <see cref="From"/>.</param>
    /// <param name="row">Receives the row of a pair that was learned.</param>
    internal JoinedEntry ReadEntry(ref int at, ref long stamp, RowBatch row)
    {
        ReadOnlySpan<byte> bytes = Bytes;
        var kind = (JoinedKind)Varint.Read(bytes, ref at);
        stamp = StampOf(stamp, Varint.Read(bytes, ref at));
        switch (kind)
        {
            case JoinedKind.Learned or JoinedKind.Frozen:
                var (partition, offset, labelPartition, labelOffset) = ((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), (int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at));
                var weight = ReadWeight(bytes, ref at);
                if (kind == JoinedKind.Learned)
                {
                    var (_, _, id, time) = RowCodec.Read(bytes, ref at, row);
                    return new(kind, stamp, new JoinedPair(partition, offset, labelPartition, labelOffset, row.Labels[^1], weight), JoinIds.Of(bytes[id], partition, offset), time: time);
                }
                var label = ReadDouble(bytes, ref at);
                return new(kind, stamp, new JoinedPair(partition, offset, labelPartition, labelOffset, label, weight), ReadId(bytes, ref at));
            case JoinedKind.Expired:
                var expired = new JoinedPair((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), -1, -1, double.NaN, 1);
                return new(kind, stamp, expired, ReadId(bytes, ref at));
            case JoinedKind.Orphan:
                return new(kind, stamp, new JoinedPair(-1, -1, (int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), double.NaN, 1), default);
            case JoinedKind.Corrected:
                var (to, heavier) = (ReadDouble(bytes, ref at), ReadWeight(bytes, ref at));
                return new(kind, stamp, new JoinedPair(-1, -1, -1, -1, to, heavier), ReadId(bytes, ref at));
            case JoinedKind.Scored:
                var scored = new JoinedPair((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), -1, -1, double.NaN, 1);
                var answered = ReadDouble(bytes, ref at);
                var (_, _, scoredId, _) = RowCodec.Read(bytes, ref at, row);
                return new(kind, stamp, scored, JoinIds.Of(bytes[scoredId], scored.Partition, scored.Offset), answered);
            case JoinedKind.Evaluated:
                var measured = new JoinedPair((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), (int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), ReadDouble(bytes, ref at), 1);
                var (score, age) = (ReadDouble(bytes, ref at), (long)Varint.Read(bytes, ref at));
                return new(kind, stamp, measured, ReadId(bytes, ref at), score, age: age);
            case JoinedKind.Passed:
                var passed = new JoinedPair((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), -1, -1, double.NaN, 1);
                return new(kind, stamp, passed, ReadId(bytes, ref at));
            case JoinedKind.Unlabelled:
                var unlabelled = new JoinedPair((int)Varint.Read(bytes, ref at), (long)Varint.Read(bytes, ref at), -1, -1, double.NaN, 1);
                var (_, _, unlabelledId, _) = RowCodec.Read(bytes, ref at, row);
                var pseudo = new PseudoLabel((long)Varint.Read(bytes, ref at), ReadClass(bytes, ref at));
                return new(kind, stamp, unlabelled, JoinIds.Of(bytes[unlabelledId], unlabelled.Partition, unlabelled.Offset), pseudo: pseudo);
            default:
                throw new JournalFormatException($"an entry has the unknown kind {kind}: the event was written by a newer version or is damaged");
        }
    }

    // 0: the same time; else one more than the zigzag form of what was added.
    internal static ulong StampCode(long before, long now)
    {
        if (now == before) return 0;
        var added = now - (before == Chunk.NoTime ? 0 : before);
        return ((ulong)(added << 1) ^ (ulong)(added >> 63)) + 1;
    }

    private static long StampOf(long before, ulong code)
    {
        if (code == 0) return before;
        code--;
        return (before == Chunk.NoTime ? 0 : before) + ((long)(code >> 1) ^ -(long)(code & 1));
    }

    private static PseudoClass ReadClass(ReadOnlySpan<byte> bytes, ref int at) =>
        Varint.Read(bytes, ref at) is var code && code <= (ulong)PseudoClass.Positive ? (PseudoClass)code : throw new JournalFormatException($"a pseudo-label has the unknown class {code}: the event was written by a newer version or is damaged");

    private static double ReadWeight(ReadOnlySpan<byte> bytes, ref int at) => Varint.Read(bytes, ref at) == 0 ? 1 : ReadDouble(bytes, ref at);

    private static double ReadDouble(ReadOnlySpan<byte> bytes, ref int at)
    {
        if (bytes.Length - at < 8) throw new JournalFormatException("the event is cut short");
        at += 8;
        return BinaryPrimitives.ReadDoubleLittleEndian(bytes[(at - 8)..]);
    }

    private static ReadOnlySpan<byte> ReadId(ReadOnlySpan<byte> bytes, ref int at)
    {
        var length = (int)Varint.Read(bytes, ref at);
        if (length < 0 || length > bytes.Length - at) throw new JournalFormatException("the event is cut short");
        at += length;
        return bytes.Slice(at - length, length);
    }
}

/// <summary>The id by which features and labels find each other: the record's own, or its position.</summary>
internal static class JoinIds
{
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> id, int partition, long offset) =>
        id.IsEmpty ? System.Text.Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{partition}-{offset}")) : id;
}
