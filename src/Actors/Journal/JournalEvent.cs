using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// An event of a learner's journal: what is stored and what is published are the same <see cref="Bytes"/>. The kinds are settled;
/// the manifest names them, the first byte is the format of the kind.
/// </summary>
public abstract class JournalEvent(byte[] bytes)
{
    /// <summary>The encoded event, owned by it and never changed.</summary>
    public byte[] Bytes { get; } = bytes;

    /// <summary>Name of the kind in the journal.</summary>
    public abstract string Manifest { get; }

    /// <summary>Reads an event of any kind.</summary>
    /// <exception cref="JournalFormatException">Unknown kind, newer format or damaged bytes.</exception>
    public static JournalEvent Decode(string manifest, byte[] bytes) => manifest switch
    {
        Genesis.Kind => Genesis.Read(bytes),
        Learned.Kind => Learned.Read(bytes),
        Skipped.Kind => Skipped.Read(bytes),
        Expired.Kind => Expired.Read(bytes),
        Frozen.Kind => Frozen.Read(bytes),
        Thawed.Kind => Thawed.Read(bytes),
        Retracted.Kind => Retracted.Read(bytes),
        Joined.Kind => Joined.Read(bytes),
        _ => throw new JournalFormatException($"the journal holds an event of the unknown kind '{manifest}': it was written by a newer version, use that version or a later one"),
    };
}

/// <summary>Always the first event: everything that defines the fold. Settings that differ later need a new lineage.</summary>
public sealed class Genesis : JournalEvent
{
    public const string Kind = "genesis";

    private Genesis(byte[] bytes, string pipeline, string lineage, int shard, string settings, long time, IReadOnlyList<PartitionPosition> start, IReadOnlyList<PartitionPosition> labels) : base(bytes) =>
        (Pipeline, Lineage, Shard, Settings, Time, Start, Labels) = (pipeline, lineage, shard, settings, time, start, labels);

    public override string Manifest => Kind;

    public string Pipeline { get; }

    public string Lineage { get; }

    public int Shard { get; }

    /// <summary>Resolved settings that define the fold, as canonical JSON: model, seed, algorithm revision, format, featurization, labels.</summary>
    public string Settings { get; }

    /// <summary>When the lineage began, milliseconds since 1970 UTC. For people; the fold does not read it.</summary>
    public long Time { get; }

    /// <summary>Where learning starts in each partition.</summary>
    public IReadOnlyList<PartitionPosition> Start { get; }

    /// <summary>Where it starts in each partition of the labels' log; empty where labels come with the rows.</summary>
    public IReadOnlyList<PartitionPosition> Labels { get; }

    public static Genesis Create(string pipeline, string lineage, int shard, string settings, long time, IReadOnlyList<PartitionPosition> start, IReadOnlyList<PartitionPosition>? labels = null)
    {
        // Format 2 where there are labels apart: all others stay as they were.
        var w = new EventWriter(labels is { Count: > 0 } ? (byte)2 : (byte)1);
        w.Text(pipeline);
        w.Text(lineage);
        w.Number(shard);
        w.Text(settings);
        w.Int64(time);
        Write(w, start);
        if (labels is { Count: > 0 }) Write(w, labels);
        return new(w.ToArray(), pipeline, lineage, shard, settings, time, [.. start], [.. labels ?? []]);
    }

    internal static Genesis Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 2);
        var (pipeline, lineage, shard, settings, time) = (r.Text(), r.Text(), (int)r.Number(), r.Text(), r.Int64());
        var start = ReadPositions(ref r);
        return new(bytes, pipeline, lineage, shard, settings, time, start, bytes[0] < 2 ? [] : ReadPositions(ref r));
    }

    private static void Write(EventWriter w, IReadOnlyList<PartitionPosition> positions)
    {
        w.Number(positions.Count);
        foreach (var p in positions)
        {
            w.Number(p.Partition);
            w.UInt64(p.Epoch);
            w.Number(p.Next);
        }
    }

    private static PartitionPosition[] ReadPositions(ref EventReader r)
    {
        var positions = new PartitionPosition[(int)r.Number()];
        for (var i = 0; i < positions.Length; i++) positions[i] = new((int)r.Number(), r.UInt64(), r.Number());
        return positions;
    }
}

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

    private Learned(byte[] bytes, ulong before, ulong after, long time, RangeCounts[] ranges, int rows, IReadOnlyList<PseudoLabelledRow> pseudo, int rowsAt, RowReference? reference = null, ReadOnlyMemory<byte>? rowBytes = null) : base(bytes)
    {
        (Before, After, Time, Ranges, Rows, PseudoLabels, RowsAt, Reference) = (before, after, time, ranges, rows, pseudo, rowsAt, reference);
        RowBytes = rowBytes ?? (reference is null ? bytes.AsMemory(rowsAt) : default);
        HasRows = rowBytes is not null || reference is null;
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
    public bool HasRows { get; }

    /// <summary>The rows, encoded.</summary>
    internal ReadOnlyMemory<byte> RowBytes { get; }

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

/// <summary>A range that is gone from the source (by retention) before it could be learned.</summary>
public sealed class Skipped : JournalEvent
{
    public const string Kind = "skipped";

    private Skipped(byte[] bytes, OffsetRange range, string reason, long time) : base(bytes) => (Range, Reason, Time) = (range, reason, time);

    public override string Manifest => Kind;

    public OffsetRange Range { get; }

    /// <summary>Why, for people.</summary>
    public string Reason { get; }

    public long Time { get; }

    public static Skipped Create(OffsetRange range, string reason, long time)
    {
        var w = new EventWriter(1);
        w.Range(range);
        w.Text(reason);
        w.Int64(time);
        return new(w.ToArray(), range, reason, time);
    }

    internal static Skipped Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 1);
        return new(bytes, r.Range(), r.Text(), r.Int64());
    }
}

/// <summary>Rows whose label did not come within the horizon, by partition; for labels that come apart from the rows.</summary>
public sealed class Expired : JournalEvent
{
    public const string Kind = "expired";

    private Expired(byte[] bytes, int partition, ulong epoch, IReadOnlyList<long> offsets, long eventTime) : base(bytes) =>
        (Partition, Epoch, Offsets, EventTime) = (partition, epoch, offsets, eventTime);

    public override string Manifest => Kind;

    public int Partition { get; }

    public ulong Epoch { get; }

    /// <summary>Offsets of the rows, ascending.</summary>
    public IReadOnlyList<long> Offsets { get; }

    /// <summary>The event time at which the horizon was passed.</summary>
    public long EventTime { get; }

    public static Expired Create(int partition, ulong epoch, IReadOnlyList<long> offsets, long eventTime)
    {
        var w = new EventWriter(1);
        w.Number(partition);
        w.UInt64(epoch);
        w.Number(offsets.Count);
        long previous = 0;
        foreach (var offset in offsets)
        {
            w.Number(offset - previous);
            previous = offset;
        }
        w.Int64(eventTime);
        return new(w.ToArray(), partition, epoch, [.. offsets], eventTime);
    }

    internal static Expired Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 1);
        var (partition, epoch) = ((int)r.Number(), r.UInt64());
        var offsets = new long[(int)r.Number()];
        long previous = 0;
        for (var i = 0; i < offsets.Length; i++) previous = offsets[i] = previous + r.Number();
        return new(bytes, partition, epoch, offsets, r.Int64());
    }
}

/// <summary>Learning stops; ranges go on being accounted for.</summary>
public sealed class Frozen : JournalEvent
{
    public const string Kind = "frozen";

    private Frozen(byte[] bytes, string who, string why, long time) : base(bytes) => (Who, Why, Time) = (who, why, time);

    public override string Manifest => Kind;

    public string Who { get; }

    public string Why { get; }

    public long Time { get; }

    public static Frozen Create(string who, string why, long time) => new(Change.Write(who, why, time), who, why, time);

    internal static Frozen Read(byte[] bytes)
    {
        var (who, why, time) = Change.Read(bytes, Kind);
        return new(bytes, who, why, time);
    }
}

/// <summary>Learning goes on.</summary>
public sealed class Thawed : JournalEvent
{
    public const string Kind = "thawed";

    private Thawed(byte[] bytes, string who, string why, long time) : base(bytes) => (Who, Why, Time) = (who, why, time);

    public override string Manifest => Kind;

    public string Who { get; }

    public string Why { get; }

    public long Time { get; }

    public static Thawed Create(string who, string why, long time) => new(Change.Write(who, why, time), who, why, time);

    internal static Thawed Read(byte[] bytes)
    {
        var (who, why, time) = Change.Read(bytes, Kind);
        return new(bytes, who, why, time);
    }
}

/// <summary>
/// Earlier events whose rows are withdrawn. Where it names a group, the pseudo-labels of that group are: applying it takes them back. Else the state counts it, and a
/// lineage that leaves them out folds the journal anew.
/// </summary>
public sealed class Retracted : JournalEvent
{
    public const string Kind = "retracted";

    private Retracted(byte[] bytes, long from, long to, string who, string why, long time, long group) : base(bytes) =>
        (From, To, Who, Why, Time, Group) = (from, to, who, why, time, group);

    public override string Manifest => Kind;

    /// <summary>First withdrawn sequence number.</summary>
    public long From { get; }

    /// <summary>Sequence number after the last withdrawn.</summary>
    public long To { get; }

    public string Who { get; }

    public string Why { get; }

    public long Time { get; }

    /// <summary>Group of pseudo-labels that is taken back; 0: none is.</summary>
    public long Group { get; }

    public static Retracted Create(long from, long to, string who, string why, long time, long group = 0)
    {
        // Format 2 where a group is named: all others stay as they were.
        var w = new EventWriter(group > 0 ? (byte)2 : (byte)1);
        w.Number(from);
        w.Number(to);
        w.Text(who);
        w.Text(why);
        w.Int64(time);
        if (group > 0) w.Number(group);
        return new(w.ToArray(), from, to, who, why, time, group);
    }

    internal static Retracted Read(byte[] bytes)
    {
        var r = new EventReader(bytes, Kind, 2);
        return new(bytes, r.Number(), r.Number(), r.Text(), r.Text(), r.Int64(), bytes[0] > 1 ? r.Number() : 0);
    }
}

/// <summary>The form that <see cref="Frozen"/> and <see cref="Thawed"/> share: who, why, when.</summary>
file static class Change
{
    public static byte[] Write(string who, string why, long time)
    {
        var w = new EventWriter(1);
        w.Text(who);
        w.Text(why);
        w.Int64(time);
        return w.ToArray();
    }

    public static (string Who, string Why, long Time) Read(byte[] bytes, string kind)
    {
        var r = new EventReader(bytes, kind, 1);
        return (r.Text(), r.Text(), r.Int64());
    }
}
