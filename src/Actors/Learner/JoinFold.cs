using System.Buffers;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The model of a lineage whose labels come apart from their rows, as the fold of the join sees it.</summary>
public interface IJoinedModel
{
    /// <summary>What labels are to it.</summary>
    Supervision Supervision { get; }

    /// <summary>Its fingerprint.</summary>
    ulong Fingerprint { get; }

    /// <summary>Whether learning is frozen.</summary>
    bool IsFrozen { get; }

    /// <summary>What the last row without a label was taken for.</summary>
    PseudoLabel Pseudo { get; }

    /// <summary>Folds one row, with its label or without, into the model.</summary>
    /// <param name="row">The row.</param>
    /// <param name="weight">Its importance.</param>
    /// <param name="age">How long after the row its label came, in milliseconds.</param>
    /// <returns>The first score from before.</returns>
    double Learn(RowBatch row, double weight, long age = 0);

    /// <summary>Measures an answer by its label, which came so long after the row.</summary>
    void Evaluate(double label, double score, long age);

    /// <summary>An entry of an event was applied; the position is that of its row, or of a label that measured one.</summary>
    void Applied(int partition, ulong epoch, long offset);

    /// <summary>A label has found its row, whether or not learning is frozen.</summary>
    void Labelled(in JoinedPair pair, long time);
}

/// <summary>
/// The fold of a lineage whose labels come apart from their rows: the state of the join beside the model. The live learner decides with a
/// pending store (<see cref="Take"/>); all others apply what it decided (<see cref="Apply"/>), and need none.
/// </summary>
/// <param name="state">What is accounted for.</param>
/// <param name="model">The model beside it.</param>
public sealed class JoinFold(JoinState state, IJoinedModel model) : IJoinSink, IDisposable
{
    private readonly RowBatch _row = new(4, 4096);
    private LabelJoin? _join;
    private IPendingStore? _store;
    private readonly ReadAhead _ahead = new();
    private readonly Stack<byte[]> _buffers = [];
    // A jump of the stream's time expires all that waits, which may be more than an event can hold.
    private const int MostExpiredBytes = 1 << 20;
    private readonly Queue<Func<long, Joined>> _cut = new();
    private OpenJoin? _open;
    private (JoinPartition Partition, int Range, long From) _taking;
    private byte[] _stored = ArrayPool<byte>.Shared.Rent(64 * 1024);

    /// <summary>What is accounted for.</summary>
    public JoinState State => state;

    /// <summary>Rows, bytes and state of the event under construction.</summary>
    public (int Rows, int Bytes, bool HasRanges) Open => _open is null ? (0, 0, _cut.Count > 0) : (_open.Rows, _open.Bytes, _open.HasRanges || _cut.Count > 0);

    /// <summary>Events that had to end before the one under construction and are not sealed yet.</summary>
    internal int Ahead => _cut.Count;

    /// <summary>The learner has a pending store that knows all that this state does not.</summary>
    public void Attach(IPendingStore store) => _join = new LabelJoin(state, _store = store, this, model.Supervision);

    /// <summary>Takes the next row of a chunk, with the offsets before it that hold none.</summary>
    internal void Take(JoinCursor cursor)
    {
        var (chunk, row, offset) = (cursor.Chunk, cursor.Row, cursor.Offset);
        Begin(cursor);
        var (partition, join) = (_taking.Partition, _join!);
        join.Pass(cursor.IsLabels, partition.Partition, offset, cursor.LettersBelow(offset));
        var id = JoinIds.Of(chunk.IdOf(row), partition.Partition, offset);
        if (cursor.IsLabels)
        {
            _ahead.Ask(_store!, cursor);
            join.Label(partition.Partition, offset, id, cursor.Time, chunk.Rows.Labels[row], LabelRows.Corrects(chunk, row), LabelRows.WeightOf(chunk, row));
        }
        else
        {
            var length = RowCodec.MaxLength(chunk, row);
            if (length > _stored.Length) GrowStored(length);
            join.Features(partition.Partition, offset, id, cursor.Time, _stored.AsSpan(0, RowCodec.WriteWithoutLabel(_stored, chunk, row)));
        }
        EndTaking();
        cursor.MoveOn();
    }

    /// <summary>Takes the offsets behind a chunk's last row.</summary>
    internal void TakeRest(JoinCursor cursor)
    {
        var to = cursor.Chunk.Range.To;
        if (to <= state.Find(cursor.IsLabels, cursor.Chunk.Range.Partition)!.Next) return;
        Begin(cursor);
        _join!.Pass(cursor.IsLabels, _taking.Partition.Partition, to, cursor.LettersBelow(to));
        EndTaking();
    }

    /// <summary>Checks that a chunk continues its partition, and passes what was taken before.</summary>
    /// <exception cref="FoldException">It does not.</exception>
    internal void Align(JoinCursor cursor)
    {
        var range = cursor.Chunk.Range;
        var what = cursor.IsLabels ? "labels, partition" : "partition";
        var p = state.Find(cursor.IsLabels, range.Partition) ?? throw new FoldException($"{what} {range.Partition} is not one of this learner's: the partitions of the source have changed; start a new lineage");
        if (p.Epoch != range.Epoch) throw new FoldException($"{what} {p.Partition}: read from the log {p.Epoch:x16} up to offset {p.Next}, but the source is now the log {range.Epoch:x16}: it was replaced or created anew; bring back the old log or start a new lineage");
        if (range.From > p.Next) throw new FoldException($"{what} {p.Partition}: records from {range.From} arrived but {p.Next} is next: offsets between are missing");
        cursor.SkipTo(p.Next);
    }

    /// <summary>Ends the event under construction, or gives the first of those that had to end before.</summary>
    internal Joined Seal(long time)
    {
        if (_cut.Count == 0) Cut();
        return _cut.Dequeue()(time);
    }

    private void Cut()
    {
        var open = _open ?? throw new InvalidOperationException("no event is open");
        _open = null;
        _cut.Enqueue(open.Seal(model.Fingerprint, state.Time));
        open.Dispose();
    }

    /// <summary>Applies what the learner decided.</summary>
    /// <exception cref="FoldException">It does not follow this state.</exception>
    internal void Apply(long sequence, Joined joined)
    {
        if (joined.Before != model.Fingerprint) throw new FoldException($"event {sequence} applies to fingerprint {joined.Before:x16} but this state has {model.Fingerprint:x16}: they are of different histories");
        if (joined.From != state.Time) throw new FoldException($"event {sequence} begins at the stream's time {joined.From} but this state is at {state.Time}: they are of different histories");
        foreach (var r in joined.Ranges)
        {
            var p = state.Find(r.IsLabels, r.Range.Partition) ?? throw new FoldException($"event {sequence} covers {r.Range}, which is none of this learner's partitions");
            if (p.Epoch != r.Range.Epoch || p.Next != r.Range.From) throw new FoldException($"event {sequence} covers {r.Range} but {p.Next} of {p.Epoch:x16} is next");
            if (r.Runs.Sum() != r.Range.Length) throw new FoldException($"event {sequence} covers {r.Range} but accounts for {r.Runs.Sum()} offsets");
        }
        foreach (var r in joined.Ranges) state.Apply(r);
        var (at, stamp) = (joined.EntriesAt, joined.From);
        for (var i = 0; i < joined.Entries; i++)
        {
            _row.Clear();
            var e = joined.ReadEntry(ref at, ref stamp, _row);
            var pair = e.Pair;
            switch (e.Kind)
            {
                case JoinedKind.Learned or JoinedKind.Frozen:
                    var end = e.Kind == JoinedKind.Learned ? JoinEnd.Learned : JoinEnd.Frozen;
                    if (end == JoinEnd.Learned) model.Learn(_row, WeightOf(pair), AnswerQuality.AgeOf(e.Time, e.Stamp));
                    model.Labelled(pair, e.Stamp);
                    state.Ended(labels: false, pair.Partition, pair.Offset, end);
                    state.Ended(labels: true, pair.LabelPartition, pair.LabelOffset, end);
                    break;
                case JoinedKind.Scored:
                    if (BitConverter.DoubleToInt64Bits(model.Learn(_row, 1)) != BitConverter.DoubleToInt64Bits(e.Score)) throw new FoldException($"replay of event {sequence} answers row {pair.Partition}-{pair.Offset} otherwise than the journal has it: the arithmetic of this machine or program differs from the one that learned it");
                    state.Ended(labels: false, pair.Partition, pair.Offset, JoinEnd.Learned);
                    break;
                case JoinedKind.Evaluated:
                    if (!double.IsNaN(e.Score)) model.Evaluate(pair.Label, e.Score, e.Age);
                    model.Labelled(pair, e.Stamp);
                    state.Ended(labels: true, pair.LabelPartition, pair.LabelOffset, double.IsNaN(e.Score) ? JoinEnd.Frozen : JoinEnd.Learned);
                    break;
                case JoinedKind.Passed:
                    state.Ended(labels: false, pair.Partition, pair.Offset, JoinEnd.Frozen);
                    break;
                case JoinedKind.Unlabelled:
                    model.Learn(_row, 1);
                    if (model.Pseudo != e.Pseudo) throw new FoldException($"replay of event {sequence} takes row {pair.Partition}-{pair.Offset} for {model.Pseudo}, but the journal has {e.Pseudo}: the arithmetic of this machine or program differs from the one that learned it");
                    state.Ended(labels: false, pair.Partition, pair.Offset, JoinEnd.Expired);
                    break;
                case JoinedKind.Expired:
                    state.Ended(labels: false, pair.Partition, pair.Offset, JoinEnd.Expired);
                    break;
                case JoinedKind.Orphan:
                    state.Ended(labels: true, pair.LabelPartition, pair.LabelOffset, JoinEnd.Expired);
                    continue;
            }
            if (e.Kind != JoinedKind.Corrected) model.Applied(pair.Partition, state.Find(labels: false, pair.Partition)!.Epoch, pair.Offset);
        }
        if (joined.After != model.Fingerprint) throw new FoldException($"replay of event {sequence} gives fingerprint {model.Fingerprint:x16} but the journal has {joined.After:x16}: the arithmetic of this machine or program differs from the one that learned it");
        state.MoveTo(joined.To);
        foreach (var p in state.Partitions)
            if (p.Remainder != 0) throw new FoldException($"event {sequence} leaves {p.Remainder} records of {(p.IsLabels ? "labels, " : "")}partition {p.Partition} unaccounted for");
    }

    bool IJoinSink.Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
    {
        if (model.IsFrozen)
        {
            _open!.Freeze(pair, state.Time, id);
            return false;
        }
        var at = _open!.Learn(pair, state.Time, row);
        LearnEncoded(at, WeightOf(pair));
        return true;
    }

    double IJoinSink.LearnUnlabelled(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
    {
        if (model.IsFrozen)
        {
            _open!.Pass(partition, offset, state.Time, id);
            return double.NaN;
        }
        var at = _open!.Score(partition, offset, state.Time, row);
        var score = LearnEncoded(at, 1);
        _open.Answered(at, score);
        return score;
    }

    void IJoinSink.Evaluate(in JoinedPair pair, ReadOnlySpan<byte> id, double score, long age)
    {
        _open!.Evaluate(pair, state.Time, id, score, age);
        if (!double.IsNaN(score)) model.Evaluate(pair.Label, score, age);
    }

    void IJoinSink.Expire(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
    {
        if (row.IsEmpty || model.IsFrozen)
        {
            _open!.Expire(partition, offset, state.Time, id);
        }
        else
        {
            LearnEncoded(_open!.ExpireUnlabelled(partition, offset, state.Time, row), 1);
            _open.TakenFor(model.Pseudo);
        }
        CutIfLarge();
    }

    void IJoinSink.Orphan(int partition, long offset)
    {
        _open!.Orphan(partition, offset, state.Time);
        CutIfLarge();
    }

    void IJoinSink.Correct(ReadOnlySpan<byte> id, double label, double weight) => _open!.Correct(id, label, weight, state.Time);

    public void Dispose()
    {
        _row.Dispose();
        _open?.Dispose();
        ArrayPool<byte>.Shared.Return(_stored);
        _stored = [];
    }

    // Where a label only measures, so does its weight: it has no say in what is learned.
    private double WeightOf(in JoinedPair pair) => model.Supervision == Supervision.Unsupervised ? 1 : pair.Weight;

    // From the event's own bytes: what is learned is what a replay will read.
    private double LearnEncoded(int at, double weight)
    {
        _row.Clear();
        RowCodec.Read(_open!.Encoded, ref at, _row);
        return model.Learn(_row, weight);
    }

    private void Begin(JoinCursor cursor) => Begin(state.Find(cursor.IsLabels, cursor.Chunk.Range.Partition)!);

    private void Begin(JoinPartition partition)
    {
        _open ??= new OpenJoin(model.Fingerprint, state.Time, _buffers);
        _taking = (partition, _open.Begin(partition), partition.Next);
    }

    private void EndTaking() => _open!.Took(_taking.Range, _taking.Partition.Next - _taking.From, state.Time);

    // The record whose time it was has not been taken yet: it is the first of the next event.
    private void CutIfLarge()
    {
        if (_open!.Bytes < MostExpiredBytes) return;
        EndTaking();
        Cut();
        Begin(_taking.Partition);
    }

    private void GrowStored(int length)
    {
        ArrayPool<byte>.Shared.Return(_stored);
        _stored = ArrayPool<byte>.Shared.Rent(length);
    }
}
