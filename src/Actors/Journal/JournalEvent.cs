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
