using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>How a record of either log ended; each record ends once. What waits has not ended.</summary>
public enum JoinEnd
{
    /// <summary>Features and label: the pair was learned.</summary>
    Learned,

    /// <summary>Features and label: the pair was complete while learning was frozen.</summary>
    Frozen,

    /// <summary>Features whose label did not come within the horizon; a label whose features did not (an orphan).</summary>
    Expired,

    /// <summary>The id had features already; the id had this label already.</summary>
    Duplicate,

    /// <summary>Label: another than before, without saying that it corrects.</summary>
    Contradictory,

    /// <summary>Label: took the place of an earlier one, or came too late to.</summary>
    Corrected,

    /// <summary>Label: the features had waited for the whole horizon.</summary>
    Late,

    /// <summary>A record that is no row, or no label.</summary>
    DeadLettered,

    /// <summary>A blank record, or an offset that holds none.</summary>
    Skipped,
}

/// <summary>One partition of either log, as the join has accounted for it.</summary>
public sealed class JoinPartition
{
    internal const int Ends = (int)JoinEnd.Skipped + 1;
    private readonly long[] _ended;

    internal JoinPartition(bool isLabels, int partition, ulong epoch, long start, long next, long time, long early, long[] ended, ResolvedPositions resolved) =>
        (IsLabels, Partition, Epoch, Start, Next, Time, Early, _ended, Resolved) = (isLabels, partition, epoch, start, next, time, early, ended, resolved);

    /// <summary>Whether it is of the log of labels.</summary>
    public bool IsLabels { get; }

    /// <summary>Partition number.</summary>
    public int Partition { get; }

    /// <summary>Identity of the log.</summary>
    public ulong Epoch { get; }

    /// <summary>Where the lineage began.</summary>
    public long Start { get; }

    /// <summary>Offset of the next record.</summary>
    public long Next { get; internal set; }

    /// <summary>Largest event time of the partition's records so far, or <see cref="Chunk.NoTime"/>.</summary>
    public long Time { get; internal set; }

    /// <summary>Labels that came before their features, however they ended.</summary>
    public long Early { get; internal set; }

    /// <summary>Which offsets are done with.</summary>
    public ResolvedPositions Resolved { get; }

    /// <summary>Records that wait: offsets passed and not done with.</summary>
    public long Waiting => Next - Resolved.Watermark - Resolved.Above;

    /// <summary>Offsets passed less those that ended or wait: anything but 0 is an alarm.</summary>
    public long Remainder => Next - Start - _ended.Sum() - Waiting;

    /// <summary>Records that are rows or labels.</summary>
    public long Records => Next - Start - Of(JoinEnd.DeadLettered) - Of(JoinEnd.Skipped);

    /// <summary>Records that ended so.</summary>
    public long Of(JoinEnd end) => _ended[(int)end];

    /// <summary>How far this partition has come, for <see cref="Since"/>.</summary>
    public JoinMark Mark() => new(Next, Early, [.. _ended]);

    /// <summary>What has happened to this partition's own new offsets since then.</summary>
    public JoinRange Since(JoinMark mark)
    {
        var runs = new List<long>();
        var open = true;
        long run = 0;
        for (var offset = mark.Next; offset < Next; offset++)
        {
            if (Resolved.Contains(offset) == open)
            {
                runs.Add(run);
                (open, run) = (!open, 0);
            }
            run++;
        }
        runs.Add(run);
        return new JoinRange(IsLabels, new OffsetRange(Partition, Epoch, mark.Next, Next), Time, Early - mark.Early, [.. _ended.Select((n, i) => n - mark.Ended[i]).Skip(JoinRange.FirstEnd)], runs);
    }

    /// <summary>An offset is done with.</summary>
    /// <returns>Whether it was not before.</returns>
    internal bool End(long offset, JoinEnd end)
    {
        if (!Resolved.Add(offset)) return false;
        _ended[(int)end]++;
        return true;
    }

    internal void Count(JoinEnd end, long count) => _ended[(int)end] += count;

    internal void Apply(in JoinRange range)
    {
        var (offset, open) = (Next, true);
        foreach (var run in range.Runs)
        {
            for (var end = offset + run; offset < end; offset++)
                if (!open) Resolved.Add(offset);
            open = !open;
        }
        for (var i = 0; i < range.Ended.Count; i++) _ended[JoinRange.FirstEnd + i] += range.Ended[i];
        (Next, Time, Early) = (range.Range.To, range.Time, Early + range.Early);
    }

    internal void Save(StateWriter writer)
    {
        writer.Flag(IsLabels);
        writer.Int32(Partition);
        writer.UInt64(Epoch);
        foreach (var n in (ReadOnlySpan<long>)[Start, Next, Time, Early]) writer.Int64(n);
        writer.Array<long>(_ended);
        Resolved.Save(writer);
    }

    internal static JoinPartition Load(StateReader reader)
    {
        var (isLabels, partition, epoch) = (reader.Flag(), reader.Int32(), reader.UInt64());
        var (start, next, time, early) = (reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64());
        var ended = reader.Array<long>();
        if (ended.Length != Ends) throw new StateFormatException($"a partition of the label join has {ended.Length} counts, not {Ends}: the bytes are damaged");
        return new JoinPartition(isLabels, partition, epoch, start, next, time, early, ended, ResolvedPositions.Load(reader));
    }
}

/// <summary>How far a partition had come.</summary>
public sealed record JoinMark(long Next, long Early, long[] Ended);

/// <summary>How the offsets of one range ended, as an event records it. Pairs, expiries and orphans are told one by one beside it.</summary>
/// <param name="IsLabels">Whether it is of the log of labels.</param>
/// <param name="Range">The offsets.</param>
/// <param name="Time">Largest event time of the partition after it.</param>
/// <param name="Early">Labels of it that came before their features.</param>
/// <param name="Ended">Counts of the ends from <see cref="JoinEnd.Duplicate"/> on.</param>
/// <param name="Runs">Lengths of runs of offsets that wait after the event and that do not, in turn, those that wait first.</param>
public sealed record JoinRange(bool IsLabels, OffsetRange Range, long Time, long Early, IReadOnlyList<long> Ended, IReadOnlyList<long> Runs)
{
    /// <summary>The first end that is told by its count alone.</summary>
    public const int FirstEnd = (int)JoinEnd.Duplicate;
}

/// <summary>
/// What the label join has accounted for: the part of a learner's state that says which records of either log are done with. It knows
/// positions and counts alone; ids and features that wait are in the <see cref="IPendingStore"/>. The learner changes it by decisions
/// (<see cref="LabelJoin"/>), everyone else by the events that record them.
/// </summary>
/// <param name="horizon">How long features wait for labels and labels for features, in milliseconds of event time.</param>
public sealed class JoinState(long horizon)
{
    private const string SectionName = "label-join";
    private const int StepsPerHorizon = 64;
    private readonly SortedDictionary<(bool IsLabels, int Partition), JoinPartition> _partitions = [];
    private readonly Dictionary<int, JoinPartition> _rows = [], _labels = []; // the same, to be found quickly
    private JoinPartition? _lastRows, _lastLabels; // nearly always the one that is asked for next
    private readonly List<(long Sequence, long Time)> _steps = [];

    /// <summary>How long features wait for labels and labels for features, in milliseconds of event time.</summary>
    public long Horizon { get; } = horizon;

    /// <summary>Largest event time of any record; the time of the stream.</summary>
    public long Time { get; internal set; } = Chunk.NoTime;

    /// <summary>All partitions: features first, then labels, each ascending.</summary>
    public IReadOnlyCollection<JoinPartition> Partitions => _partitions.Values;

    /// <summary>A partition of either log; null where it is not known.</summary>
    public JoinPartition? Find(bool labels, int partition)
    {
        ref var last = ref labels ? ref _lastLabels : ref _lastRows;
        if (last is { } p && p.Partition == partition) return p;
        return (labels ? _labels : _rows).GetValueOrDefault(partition) is { } found ? last = found : null;
    }

    /// <summary>A partition that begins.</summary>
    public JoinPartition Begin(bool labels, PartitionPosition start) =>
        Add(new JoinPartition(labels, start.Partition, start.Epoch, start.Next, start.Next, Chunk.NoTime, 0, new long[JoinPartition.Ends], new ResolvedPositions(start.Next)));

    internal JoinPartition Of(bool labels, int partition) => Find(labels, partition) ?? throw new KeyNotFoundException($"{(labels ? "labels, " : "")}partition {partition} is not one of this state's");

    /// <summary>The beginning of a time's step: entries are swept whenever another step is complete.</summary>
    public long StepOf(long time)
    {
        if (time == Chunk.NoTime) return time;
        var step = Math.Max(1, Horizon / StepsPerHorizon);
        return time - ((time % step + step) % step);
    }

    /// <summary>Entries with a stamp below this are out of the pending store.</summary>
    public long SweptBelow => SweptAt(Time);

    private long SweptAt(long time) => time == Chunk.NoTime ? time : StepOf(time) - Horizon;

    /// <summary>An event of the journal ended at this time of the stream.</summary>
    public void EventEnded(long sequence, long time)
    {
        if (time == Chunk.NoTime || (_steps.Count > 0 && StepOf(_steps[^1].Time) == StepOf(time))) return;
        _steps.Add((sequence, time));
        // The newest one below is needed, those before it are not.
        while (_steps.Count > 1 && _steps[1].Time < SweptAt(time)) _steps.RemoveAt(0);
    }

    /// <summary>The first event that may tell of an entry of the pending store.</summary>
    public long RebuildFrom => _steps.Count > 0 && _steps[0].Time < SweptBelow ? _steps[0].Sequence + 1 : 2;

    /// <summary>Takes in what an event says of a range. It must continue the partition.</summary>
    public void Apply(JoinRange range) => Of(range.IsLabels, range.Range.Partition).Apply(range);

    /// <summary>Takes in that a record ended so, as an event says it.</summary>
    public void Ended(bool labels, int partition, long offset, JoinEnd end)
    {
        var p = Of(labels, partition);
        p.Resolved.Add(offset); // where it came in the same event, its range has said so already
        p.Count(end, 1);
    }

    /// <summary>The stream's time after an event.</summary>
    public void MoveTo(long time) => Time = time;

    /// <summary>Writes canonical bytes.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 2);
        writer.Int64(Horizon);
        writer.Int64(Time);
        writer.Int32(_steps.Count);
        foreach (var (sequence, time) in _steps)
        {
            writer.Int64(sequence);
            writer.Int64(time);
        }
        writer.Int32(_partitions.Count);
        foreach (var p in _partitions.Values) p.Save(writer);
    }

    /// <summary>Makes a state from saved bytes.</summary>
    /// <exception cref="StateFormatException">Newer, of another kind, of another horizon, or damaged.</exception>
    public static JoinState Load(StateReader reader, long horizon)
    {
        // Format 1 never was in a journal.
        if (reader.Section(SectionName, 2) < 2) throw new StateFormatException("the state of the label join has format 1, which no release wrote: the bytes are damaged");
        if (reader.Int64() is var saved && saved != horizon) throw new StateFormatException($"the state was made with a label horizon of {saved} ms, not {horizon} ms: start a new lineage");
        var state = new JoinState(horizon) { Time = reader.Int64() };
        for (var i = reader.Int32(); i > 0; i--) state._steps.Add((reader.Int64(), reader.Int64()));
        for (var i = reader.Int32(); i > 0; i--) state.Add(JoinPartition.Load(reader));
        return state;
    }

    private JoinPartition Add(JoinPartition p)
    {
        (_lastRows, _lastLabels) = (null, null);
        return _partitions[(p.IsLabels, p.Partition)] = (p.IsLabels ? _labels : _rows)[p.Partition] = p;
    }
}
