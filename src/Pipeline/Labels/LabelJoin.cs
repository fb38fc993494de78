using System.Buffers;
using System.Buffers.Binary;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Takes what the join decides, in order. The state has changed already.</summary>
public interface IJoinSink
{
    /// <summary>A row has its label: it is learned now.</summary>
    /// <returns>Whether it was; false: it counts as frozen.</returns>
    bool Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row);

    /// <summary>A row of an unsupervised kind is learned as it comes, without a label.</summary>
    /// <returns>What was answered before it was learned; NaN: it counts as frozen.</returns>
    double LearnUnlabelled(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row) => throw new InvalidOperationException("rows without a label are for unsupervised kinds");

    /// <summary>The label of a row that was learned without it: it measures the answer, which is NaN where the row counted as frozen; so does the label then. <c>age</c> is how long after the row it came, in milliseconds.</summary>
    void Evaluate(in JoinedPair pair, ReadOnlySpan<byte> id, double score, long age) => throw new InvalidOperationException("labels that only measure are for unsupervised kinds");

    /// <summary>A row's label did not come within the horizon.</summary>
    /// <param name="partition">Partition of the row.</param>
    /// <param name="offset">Its offset.</param>
    /// <param name="id">Its id.</param>
    /// <param name="row">The row, for semi-supervised kinds; else empty.</param>
    void Expire(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row);

    /// <summary>A label's features did not come within the horizon.</summary>
    void Orphan(int partition, long offset);

    /// <summary>An id has another label now than it had; if it was learned, it stays learned with the old one.</summary>
    void Correct(ReadOnlySpan<byte> id, double label, double weight);
}

/// <summary>Features and their label.</summary>
/// <param name="Partition">Partition of the features.</param>
/// <param name="Offset">Their offset.</param>
/// <param name="LabelPartition">Partition of the label.</param>
/// <param name="LabelOffset">Its offset.</param>
/// <param name="Label">The label.</param>
/// <param name="Weight">Importance that the label's record gives the row, above 0; 1 where it says nothing.</param>
public readonly record struct JoinedPair(int Partition, long Offset, int LabelPartition, long LabelOffset, double Label, double Weight);

/// <summary>How often each outcome was; a record is counted once, and what waits is counted where it ends.</summary>
public readonly record struct JoinCounts(
    long Features, long Labels, long Learned, long DuplicateFeatures, long Expired, long Redelivered,
    long Early, long DuplicateLabels, long Contradictory, long Corrected, long Late, long Orphans,
    long WaitingFeatures, long WaitingLabels, long Frozen)
{
    /// <summary>Labels that found their row: as many as rows that were learned, but for unsupervised kinds, which learn rows without.</summary>
    public long LabelsLearned { get; init; }

    /// <summary>Labels whose rows passed while learning was frozen.</summary>
    public long LabelsFrozen { get; init; }

    /// <summary>Feature records less those accounted for: anything but 0 is an alarm.</summary>
    public long FeatureRemainder => Features - (Learned + Frozen + DuplicateFeatures + Expired + WaitingFeatures);

    /// <summary>Label records less those accounted for (an early one ends as learned or as an orphan): anything but 0 is an alarm.</summary>
    public long LabelRemainder => Labels - (LabelsLearned + LabelsFrozen + DuplicateLabels + Contradictory + Corrected + Late + Orphans + WaitingLabels);
}

/// <summary>
/// The label join: pairs features with labels by id, in any order and with any delay, each source position once. Time is the
/// stream's: the largest event time of any record so far, so that a replay decides as the first run did. An entry waits, and an id is
/// remembered after it ended, for one horizon each and at most a 64th of it longer. The order of learning is the order in which pairs become complete.
/// </summary>
/// <param name="state">What is accounted for; changed by each record.</param>
/// <param name="store">What is known of ids; rebuilt with <see cref="IPendingStore.Put"/> where it was lost.</param>
/// <param name="sink">Takes the decisions.</param>
/// <param name="supervision">What labels are to the kind that learns. An unsupervised one has rows learned as they come and remembers what it answered, not the row; the label measures that answer.</param>
public sealed class LabelJoin(JoinState state, IPendingStore store, IJoinSink sink, Supervision supervision = Supervision.Supervised)
{
    private const int MostExpired = 16_384; // held in memory at a time
    private readonly ArrayBufferWriter<byte> _row = new();
    private readonly List<(byte[] Id, JoinEntry Entry, byte[] Row)> _ended = [];

    /// <summary>What is accounted for.</summary>
    public JoinState State => state;

    /// <summary>Records that came at positions accounted for already. They depend on restarts, and are not part of the state.</summary>
    public long Redelivered { get; private set; }

    /// <summary>How often each outcome was, all partitions together.</summary>
    public JoinCounts Counts
    {
        get
        {
            long Sum(bool labels, Func<JoinPartition, long> of) => state.Partitions.Where(p => p.IsLabels == labels).Sum(of);
            return new JoinCounts(
                Sum(false, p => p.Records), Sum(true, p => p.Records), Sum(false, p => p.Of(JoinEnd.Learned)), Sum(false, p => p.Of(JoinEnd.Duplicate)), Sum(false, p => p.Of(JoinEnd.Expired)), Redelivered,
                Sum(true, p => p.Early), Sum(true, p => p.Of(JoinEnd.Duplicate)), Sum(true, p => p.Of(JoinEnd.Contradictory)), Sum(true, p => p.Of(JoinEnd.Corrected)), Sum(true, p => p.Of(JoinEnd.Late)),
                Sum(true, p => p.Of(JoinEnd.Expired)), Sum(false, p => p.Waiting), Sum(true, p => p.Waiting), Sum(false, p => p.Of(JoinEnd.Frozen)))
            {
                LabelsLearned = Sum(true, p => p.Of(JoinEnd.Learned)),
                LabelsFrozen = Sum(true, p => p.Of(JoinEnd.Frozen)),
            };
        }
    }

    /// <summary>A row arrives. Offsets of a partition come in ascending order; one that came before is counted as redelivered and changes nothing.</summary>
    public void Features(int partition, long offset, ReadOnlySpan<byte> id, long time, ReadOnlySpan<byte> row)
    {
        if (Begin(isLabel: false, partition, offset, time) is not { } features) return;
        _row.ResetWrittenCount();
        store.TryGet(id, out var known, _row);
        var decision = JoinRules.Features(known.Kind);
        switch (decision.Outcome)
        {
            case JoinOutcome.Waiting when supervision == Supervision.Unsupervised:
                var score = sink.LearnUnlabelled(partition, offset, id, row);
                features.End(offset, double.IsNaN(score) ? JoinEnd.Frozen : JoinEnd.Learned);
                PutScored(store, id, new JoinEntry(JoinKind.Scored, partition, offset, double.NaN, state.Time), score);
                return;
            case JoinOutcome.Waiting:
                store.Put(id, new JoinEntry(JoinKind.Features, partition, offset, double.NaN, state.Time), row);
                return;
            case JoinOutcome.Learned:
                Learn(new JoinedPair(partition, offset, known.Partition, known.Offset, known.Label, ReadWeight(_row.WrittenSpan)), id, row);
                return;
            default:
                features.End(offset, JoinEnd.Duplicate);
                return;
        }
    }

    /// <summary>A label arrives, likewise.</summary>
    public void Label(int partition, long offset, ReadOnlySpan<byte> id, long time, double label, bool corrects, double weight = 1)
    {
        if (Begin(isLabel: true, partition, offset, time) is not { } labels) return;
        _row.ResetWrittenCount();
        store.TryGet(id, out var known, _row);
        var decision = JoinRules.Label(known.Kind, known.Label, label, corrects);
        switch (decision.Outcome)
        {
            case JoinOutcome.Early:
                labels.Early++;
                PutLabel(id, new JoinEntry(JoinKind.Label, partition, offset, label, state.Time), weight);
                return;
            case JoinOutcome.Learned:
                Learn(new JoinedPair(known.Partition, known.Offset, partition, offset, label, weight), id, _row.WrittenSpan);
                return;
            case JoinOutcome.Evaluated:
                var score = ReadDouble(_row.WrittenSpan);
                sink.Evaluate(new JoinedPair(known.Partition, known.Offset, partition, offset, label, 1), id, score, state.Time == Chunk.NoTime || known.Stamp == Chunk.NoTime ? 0 : state.Time - known.Stamp);
                labels.End(offset, double.IsNaN(score) ? JoinEnd.Frozen : JoinEnd.Learned);
                store.Put(id, new JoinEntry(JoinKind.Learned, known.Partition, known.Offset, label, state.Time));
                return;
            case JoinOutcome.Corrected:
                labels.End(offset, JoinEnd.Corrected);
                PutLabel(id, known with { Label = label, Stamp = state.Time }, weight);
                sink.Correct(id, label, weight);
                return;
            default:
                labels.End(offset, decision.Outcome switch
                {
                    JoinOutcome.DuplicateLabel => JoinEnd.Duplicate,
                    JoinOutcome.Contradictory => JoinEnd.Contradictory,
                    JoinOutcome.Late => JoinEnd.Late,
                    _ => throw new InvalidOperationException($"a label cannot end as {decision.Outcome}"),
                });
                return;
        }
    }

    /// <summary>Offsets up to <paramref name="to"/> hold no row or label: <paramref name="deadLettered"/> of them are dead letters, the others blank.</summary>
    public void Pass(bool isLabel, int partition, long to, long deadLettered)
    {
        var p = state.Of(isLabel, partition);
        if (to <= p.Next) return;
        var passed = to - p.Next;
        for (var offset = p.Next; offset < to; offset++) p.Resolved.Add(offset);
        p.Count(JoinEnd.DeadLettered, deadLettered);
        p.Count(JoinEnd.Skipped, passed - deadLettered);
        p.Next = to;
    }

    /// <summary>Puts a label into a store, with its weight where it has one.</summary>
    public static void PutLabel(IPendingStore store, ReadOnlySpan<byte> id, in JoinEntry entry, double weight)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, weight);
        store.Put(id, entry, weight == 1 ? default : bytes);
    }

    /// <summary>Puts what was answered to a row that was learned without a label.</summary>
    public static void PutScored(IPendingStore store, ReadOnlySpan<byte> id, in JoinEntry entry, double score)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, score);
        store.Put(id, entry, bytes);
    }

    private void PutLabel(ReadOnlySpan<byte> id, in JoinEntry entry, double weight) => PutLabel(store, id, entry, weight);

    private static double ReadWeight(ReadOnlySpan<byte> row) => row.Length == sizeof(double) ? ReadDouble(row) : 1;

    private static double ReadDouble(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadDoubleLittleEndian(row);

    private JoinPartition? Begin(bool isLabel, int partition, long offset, long time)
    {
        var p = state.Find(isLabel, partition) ?? state.Begin(isLabel, new PartitionPosition(partition, 0, offset));
        if (offset < p.Next)
        {
            Redelivered++;
            return null;
        }
        // Offsets between hold no row, or the watermark would stop there.
        Pass(isLabel, partition, offset, 0);
        // Time passes before the record is taken: an event may end in between.
        if (time > state.Time)
        {
            var before = state.StepOf(state.Time);
            state.Time = time;
            if (state.StepOf(time) > before) Expire(state.SweptBelow);
        }
        if (time > p.Time) p.Time = time;
        p.Next = offset + 1;
        return p;
    }

    private void Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
    {
        var (features, labels) = (state.Of(false, pair.Partition), state.Of(true, pair.LabelPartition));
        if (features.Resolved.Contains(pair.Offset)) throw new InvalidOperationException($"{pair.Partition}-{pair.Offset} is learned already");
        var end = sink.Learn(pair, id, row) ? JoinEnd.Learned : JoinEnd.Frozen;
        features.End(pair.Offset, end);
        labels.End(pair.LabelOffset, end);
        store.Put(id, new JoinEntry(JoinKind.Learned, pair.Partition, pair.Offset, pair.Label, state.Time));
    }

    private void Expire(long below)
    {
        // A jump of time may expire all that waits.
        while (!ExpireSome(below))
        {
        }
    }

    private bool ExpireSome(long below)
    {
        _ended.Clear();
        var all = store.Sweep(below, (id, entry, row) =>
        {
            if (entry.Kind is JoinKind.Features or JoinKind.Label) _ended.Add((id.ToArray(), entry, supervision == Supervision.SemiSupervised && entry.Kind == JoinKind.Features ? row.ToArray() : []));
        }, MostExpired);
        foreach (var (id, entry, row) in _ended)
        {
            if (!state.Of(entry.Kind == JoinKind.Label, entry.Partition).End(entry.Offset, JoinEnd.Expired)) continue;
            if (entry.Kind == JoinKind.Label)
            {
                sink.Orphan(entry.Partition, entry.Offset);
                continue;
            }
            sink.Expire(entry.Partition, entry.Offset, id, row);
            store.Put(id, entry with { Kind = JoinKind.Expired, Stamp = state.Time });
        }
        return all;
    }
}
