using System.Buffers;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Takes what the join decides, in order.</summary>
public interface IJoinSink
{
    /// <summary>A row has its label: it is learned now.</summary>
    void Learn(int partition, long offset, ReadOnlySpan<byte> row, double label);

    /// <summary>A row's label did not come within the horizon.</summary>
    void Expire(int partition, long offset);
}

/// <summary>How often each outcome was; a record is counted once, and what waits is counted where it ends.</summary>
public readonly record struct JoinCounts(
    long Features, long Labels, long Learned, long DuplicateFeatures, long Expired, long Redelivered,
    long Early, long DuplicateLabels, long Contradictory, long Corrected, long Late, long Orphans,
    long WaitingFeatures, long WaitingLabels)
{
    /// <summary>Feature records less those accounted for: anything but 0 is an alarm.</summary>
    public long FeatureRemainder => Features - (Learned + DuplicateFeatures + Expired + WaitingFeatures);

    /// <summary>Label records less those accounted for (an early one ends as learned or as an orphan): anything but 0 is an alarm.</summary>
    public long LabelRemainder => Labels - (Learned + DuplicateLabels + Contradictory + Corrected + Late + Orphans + WaitingLabels);
}

/// <summary>
/// The state of the label join: pairs features with labels by id, in any order and with any delay, each source position once. Time is the
/// stream's: the largest event time of any record so far, so that a replay decides as the first run did. An entry waits, and an id is
/// remembered after it ended, for one horizon each and at most a 64th of it longer. The order of learning is the order in which pairs become complete.
/// </summary>
/// <param name="store">What is known of ids; rebuilt with <see cref="Restore"/> where it was lost.</param>
/// <param name="horizon">How long features wait for labels and labels for features, in milliseconds of event time.</param>
/// <param name="sink">Takes the decisions.</param>
public sealed class LabelJoin(IPendingStore store, long horizon, IJoinSink sink)
{
    private const string SectionName = "label-join";
    private const int StepsPerHorizon = 64;
    private readonly SortedDictionary<int, ResolvedPositions> _features = [];
    private readonly SortedDictionary<int, ResolvedPositions> _labels = [];
    private readonly SortedDictionary<(bool IsLabel, int Partition), long> _next = [];
    private readonly ArrayBufferWriter<byte> _row = new();
    private JoinCounts _counts;
    private readonly List<(byte[] Id, JoinEntry Entry)> _ended = [];

    /// <summary>Largest event time of any record; the time of the stream.</summary>
    public long Time { get; private set; } = Chunk.NoTime;

    /// <summary>How often each outcome was.</summary>
    public JoinCounts Counts => _counts;

    /// <summary>Where a partition is to be read again from if the store is lost: all below is done with.</summary>
    public long WatermarkOf(bool labels, int partition) => (labels ? _labels : _features).TryGetValue(partition, out var p) ? p.Watermark : 0;

    /// <summary>Where reading goes on.</summary>
    public long NextOf(bool labels, int partition) => _next.GetValueOrDefault((labels, partition));

    /// <summary>Whether a position of the feature topic is done with.</summary>
    public bool IsResolved(int partition, long offset) => _features.TryGetValue(partition, out var p) && p.Contains(offset);

    /// <summary>A row arrives. Offsets of a partition come in ascending order; one that came before is counted as redelivered and changes nothing.</summary>
    public void Features(int partition, long offset, ReadOnlySpan<byte> id, long time, ReadOnlySpan<byte> row)
    {
        if (!Begin(isLabel: false, partition, offset, time)) return;
        _counts = _counts with { Features = _counts.Features + 1 };
        store.TryGet(id, out var known);
        var decision = JoinRules.Features(known.Kind);
        switch (decision.Outcome)
        {
            case JoinOutcome.Waiting:
                _counts = _counts with { WaitingFeatures = _counts.WaitingFeatures + 1 };
                store.Put(id, new JoinEntry(JoinKind.Features, partition, offset, double.NaN, Time), row);
                return;
            case JoinOutcome.Learned:
                _counts = _counts with { WaitingLabels = _counts.WaitingLabels - 1 };
                Of(_labels, known.Partition).Add(known.Offset);
                Learn(partition, offset, id, row, known.Label);
                return;
            default:
                _counts = _counts with { DuplicateFeatures = _counts.DuplicateFeatures + 1 };
                Of(_features, partition).Add(offset);
                return;
        }
    }

    /// <summary>A label arrives, likewise.</summary>
    public void Label(int partition, long offset, ReadOnlySpan<byte> id, long time, double label, bool corrects)
    {
        if (!Begin(isLabel: true, partition, offset, time)) return;
        _counts = _counts with { Labels = _counts.Labels + 1 };
        _row.ResetWrittenCount();
        store.TryGet(id, out var known, _row);
        var decision = JoinRules.Label(known.Kind, known.Label, label, corrects);
        // A label that waits is done with when it ends; all others are at once.
        if (decision.Outcome != JoinOutcome.Early) Of(_labels, partition).Add(offset);
        switch (decision.Outcome)
        {
            case JoinOutcome.Early:
                _counts = _counts with { Early = _counts.Early + 1, WaitingLabels = _counts.WaitingLabels + 1 };
                store.Put(id, new JoinEntry(JoinKind.Label, partition, offset, label, Time));
                return;
            case JoinOutcome.Learned:
                _counts = _counts with { WaitingFeatures = _counts.WaitingFeatures - 1 };
                Learn(known.Partition, known.Offset, id, _row.WrittenSpan, label);
                return;
            case JoinOutcome.DuplicateLabel:
                _counts = _counts with { DuplicateLabels = _counts.DuplicateLabels + 1 };
                return;
            case JoinOutcome.Contradictory:
                _counts = _counts with { Contradictory = _counts.Contradictory + 1 };
                return;
            case JoinOutcome.Late:
                _counts = _counts with { Late = _counts.Late + 1 };
                return;
            case JoinOutcome.Corrected:
                _counts = _counts with { Corrected = _counts.Corrected + 1 };
                store.Put(id, known with { Label = label, Stamp = Time });
                return;
            default:
                throw new InvalidOperationException($"a label cannot end as {decision.Outcome}");
        }
    }

    /// <summary>
    /// Puts back what a lost store knew: an entry that the journal (ids that ended within the horizon) or the source (records at positions that
    /// are not done with) still has. Entries come in the order of their stamps; nothing is counted again.
    /// </summary>
    public void Restore(ReadOnlySpan<byte> id, in JoinEntry entry, ReadOnlySpan<byte> row = default) => store.Put(id, entry, row);

    /// <summary>Writes the state as canonical bytes; the store is not part of it.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 1);
        writer.Int64(horizon);
        writer.Int64(Time);
        var c = _counts;
        foreach (var n in (ReadOnlySpan<long>)[c.Features, c.Labels, c.Learned, c.DuplicateFeatures, c.Expired, c.Redelivered, c.Early, c.DuplicateLabels, c.Contradictory, c.Corrected, c.Late, c.Orphans, c.WaitingFeatures, c.WaitingLabels]) writer.Int64(n);
        writer.Int32(_next.Count);
        foreach (var ((isLabel, partition), next) in _next)
        {
            writer.Flag(isLabel);
            writer.Int32(partition);
            writer.Int64(next);
            (isLabel ? _labels : _features)[partition].Save(writer);
        }
    }

    /// <summary>Makes a state from saved bytes, with a store that is given.</summary>
    /// <exception cref="StateFormatException">Newer, of another kind, of another horizon, or damaged.</exception>
    public static LabelJoin Load(StateReader reader, IPendingStore store, long horizon, IJoinSink sink)
    {
        reader.Section(SectionName, 1);
        if (reader.Int64() is var saved && saved != horizon) throw new StateFormatException($"the state was made with a label horizon of {saved} ms, not {horizon} ms: start a new lineage");
        var join = new LabelJoin(store, horizon, sink) { Time = reader.Int64() };
        var n = new long[14];
        for (var i = 0; i < n.Length; i++) n[i] = reader.Int64();
        join._counts = new JoinCounts(n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11], n[12], n[13]);
        for (var i = reader.Int32(); i > 0; i--)
        {
            var (isLabel, partition) = (reader.Flag(), reader.Int32());
            join._next[(isLabel, partition)] = reader.Int64();
            (isLabel ? join._labels : join._features)[partition] = ResolvedPositions.Load(reader);
        }
        return join;
    }

    private bool Begin(bool isLabel, int partition, long offset, long time)
    {
        var all = isLabel ? _labels : _features;
        if (_next.TryGetValue((isLabel, partition), out var next))
        {
            if (offset < next)
            {
                _counts = _counts with { Redelivered = _counts.Redelivered + 1 };
                return false;
            }
        }
        else
        {
            all[partition] = new ResolvedPositions(next = offset);
        }
        // Offsets between hold no row (blanks, dead letters, compaction): they are done with, or the watermark would stop there.
        for (; next < offset; next++) all[partition].Add(next);
        _next[(isLabel, partition)] = offset + 1;
        if (time > Time)
        {
            var before = Boundary(Time);
            Time = time;
            if (Boundary(time) > before) Expire(Boundary(time) - horizon);
        }
        return true;
    }

    private void Learn(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row, double label)
    {
        if (!Of(_features, partition).Add(offset)) throw new InvalidOperationException($"{partition}-{offset} is learned already");
        _counts = _counts with { Learned = _counts.Learned + 1 };
        sink.Learn(partition, offset, row, label);
        store.Put(id, new JoinEntry(JoinKind.Learned, partition, offset, label, Time));
    }

    // Sweeping costs a reading of the log's beginning: it is done whenever another step of time is complete.
    private long Boundary(long time)
    {
        if (time == Chunk.NoTime) return time;
        var step = Math.Max(1, horizon / StepsPerHorizon);
        return time - ((time % step + step) % step);
    }

    private void Expire(long below)
    {
        _ended.Clear();
        store.Sweep(below, (id, entry) =>
        {
            if (entry.Kind is JoinKind.Features or JoinKind.Label) _ended.Add((id.ToArray(), entry));
        });
        foreach (var (id, entry) in _ended)
        {
            if (entry.Kind == JoinKind.Label)
            {
                Of(_labels, entry.Partition).Add(entry.Offset);
                _counts = _counts with { Orphans = _counts.Orphans + 1, WaitingLabels = _counts.WaitingLabels - 1 };
                continue;
            }
            Of(_features, entry.Partition).Add(entry.Offset);
            _counts = _counts with { Expired = _counts.Expired + 1, WaitingFeatures = _counts.WaitingFeatures - 1 };
            sink.Expire(entry.Partition, entry.Offset);
            store.Put(id, entry with { Kind = JoinKind.Expired, Stamp = Time });
        }
    }

    private static ResolvedPositions Of(SortedDictionary<int, ResolvedPositions> all, int partition) => all[partition];
}
