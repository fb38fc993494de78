using System.Globalization;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The journal does not fold: an overlap or gap of positions, another epoch, or a fingerprint that differs. Never ignored.</summary>
public sealed class FoldException(string message) : Exception(message);

/// <summary>
/// The fold: <c>state(n) = apply(state(n - 1), event(n))</c>, equal to the last bit wherever it runs. Learner, recovery, replicas
/// and audit are four users of this one class. It reads no clock and holds no actor; one user at a time.
/// </summary>
/// <remarks>
/// The live learner folds a row the moment it arrives (<see cref="Learn"/>) and encodes it into the event under construction;
/// <see cref="Seal"/> ends the event. All others apply finished events (<see cref="Apply"/>). Both run the same row through
/// the same <see cref="ProgressiveLearner"/>; the fingerprints in the event prove that they agree.
/// </remarks>
public sealed class LearnerFold : IJoinedModel, IDisposable
{
    private const string SectionName = "learner";
    private readonly IFeaturizer _featurizer;
    private readonly SortedDictionary<int, PartitionLedger> _partitions = [];
    private readonly RowBatch _row = new(4, 4096);
    private readonly List<PseudoLabelledRow> _pseudo = [];
    private readonly List<long> _next = []; // of each range of the event in hand: where its next row's delta begins
    private readonly Supervision _supervision;
    private readonly PseudoLabelling _pseudoLabelling;
    private readonly DriftMonitor? _drift;
    private OpenEvent? _open;

    /// <summary>Starts from the genesis, untrained, at sequence number 1.</summary>
    public LearnerFold(Genesis genesis, FoldDefinition definition)
    {
        Genesis = genesis;
        Definition = definition;
        _featurizer = definition.Featurizer;
        Learner = new ProgressiveLearner(definition.Model);
        _supervision = definition.Model.Kind.Supervision;
        _pseudoLabelling = new PseudoLabelling(Learner.Model as ISelfTraining);
        if (definition.Drift.Count > 0) _drift = new DriftMonitor(definition.Model.Kind.Task, definition.Drift);
        Sequence = 1;
        if (definition.LabelHorizon is { } horizon)
        {
            var state = new JoinState(horizon);
            foreach (var p in genesis.Start) state.Begin(labels: false, p);
            foreach (var p in genesis.Labels) state.Begin(labels: true, p);
            Join = new JoinFold(state, this);
            return;
        }
        foreach (var p in genesis.Start) _partitions[p.Partition] = new(p.Partition, p.Epoch, p.Next, p.Next, 0, 0, 0, 0, 0, 0);
    }

    /// <summary>The first event.</summary>
    public Genesis Genesis { get; }

    /// <summary>Model and featurization, as the genesis has them.</summary>
    public FoldDefinition Definition { get; }

    /// <summary>Model, progressive metrics, fingerprint.</summary>
    public ProgressiveLearner Learner { get; }

    /// <summary>The label join; null where labels come with their rows.</summary>
    public JoinFold? Join { get; private set; }

    /// <summary>Sequence number of the last event applied.</summary>
    public long Sequence { get; private set; }

    /// <summary>Whether events under construction name their rows by position, rather than have them. The fold is the same.</summary>
    public bool RowsByReference { get; set; }

    /// <summary>Whether learning is frozen.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>Events withdrawn.</summary>
    public long RetractedEvents { get; private set; }

    /// <summary>Event bytes folded since the start of the journal; snapshots are due by it.</summary>
    public long EventBytes { get; private set; }

    /// <summary>False once an event failed half way through: such a state is of no version and must be thrown away.</summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>Hears what labels say of answers; null: nobody does. No part of the state.</summary>
    public IAnswerObserver? Observer { get; set; }

    /// <summary>Hears what detectors say, and where, while events are applied; null: nobody does. No part of the state.</summary>
    public IFoldListener? Listener { get; set; }

    /// <summary>The version this state is.</summary>
    public ModelVersion Version => new(Genesis.Lineage, Genesis.Shard, Sequence);

    /// <summary>Ledger and position of each partition, ascending.</summary>
    public IReadOnlyCollection<PartitionLedger> Partitions => Join is null ? _partitions.Values : [.. Join.State.Partitions.Where(p => !p.IsLabels).Select(PartitionLedger.Of)];

    /// <summary>Ledger and position of each partition of the labels' log, ascending; empty where labels come with their rows.</summary>
    public IReadOnlyCollection<LabelLedger> Labels => Join is null ? [] : [.. Join.State.Partitions.Where(p => p.IsLabels).Select(LabelLedger.Of)];

    /// <summary>Where learning goes on in each partition, rows of the open event included.</summary>
    public IReadOnlyList<PartitionPosition> Positions => Join is not null ? PositionsOf(labels: false) : [.. _partitions.Values.Select(p => p.Position with { Next = _open?.NextOf(p.Partition) ?? p.Next })];

    /// <summary>Where reading goes on in each partition of the labels' log.</summary>
    public IReadOnlyList<PartitionPosition> LabelPositions => Join is null ? [] : PositionsOf(labels: true);

    /// <summary>The offset below which this state has accounted for the partition's records; 0 for another log or partition.</summary>
    public long LearnedBelow(int partition, ulong epoch) => Join is not null ? (Join.State.Find(labels: false, partition) is { } joined && joined.Epoch == epoch ? joined.Next : 0) :
        _partitions.TryGetValue(partition, out var p) && p.Epoch == epoch ? p.Next : 0;

    /// <summary>Rows, bytes and state of the event under construction.</summary>
    public (int Rows, int Bytes, bool HasRanges) Open => Join is not null ? Join.Open : _open is null ? default : (_open.Rows, _open.Bytes, _open.HasRanges);

    /// <summary>
    /// Learns the rows of a chunk into the event under construction: those with a label, and without one those of kinds that have a use for
    /// them. An overlap with what is learned already is trimmed; a gap or another epoch is refused loudly.
    /// </summary>
    /// <exception cref="FoldException">The chunk does not continue the partition.</exception>
    public void Learn(Chunk chunk)
    {
        var range = chunk.Range;
        if (!_partitions.TryGetValue(range.Partition, out var ledger)) throw new FoldException($"partition {range.Partition} is not one of this learner's ({string.Join(", ", _partitions.Keys)}): the partitions of the source have changed; start a new lineage");
        if (ledger.Epoch != range.Epoch) throw new FoldException(EpochText(ledger, range.Epoch));
        _open ??= new OpenEvent(Learner.Fingerprint, RowsByReference);
        var next = _open.NextOf(range.Partition) ?? ledger.Next;
        if (range.From > next) throw new FoldException($"partition {range.Partition}: records from {range.From} arrived but {next} is next: offsets between are missing");
        if (range.To <= next) return;

        var counts = new RangeCounts(range with { From = next }, 0, 0, 0, 0, 0);
        var ordinal = _open.Begin(counts.Range);
        for (var i = 0; i < chunk.Count; i++)
        {
            var offset = chunk.OffsetOf(i);
            if (offset < next) continue;
            var label = chunk.Rows.Labels[i];
            var isLabelled = !double.IsNaN(label) || _supervision == Supervision.Unsupervised;
            if (isLabelled) counts = IsFrozen ? counts with { Frozen = counts.Frozen + 1 } : counts with { Learned = counts.Learned + 1 };
            else counts = counts with { Unlabelled = counts.Unlabelled + 1 };
            if (IsFrozen || !(isLabelled || _supervision == Supervision.SemiSupervised)) continue;
            LearnRow(chunk.Features[i], ProgressiveLearner.ContentOf(chunk.Rows, i), label, 1);
            _open.Append(chunk, i, ordinal);
            if (!isLabelled) _open.TakenFor(_pseudoLabelling.Last);
        }
        foreach (var letter in chunk.DeadLetters)
            if (letter.Offset >= next) counts = counts with { DeadLettered = counts.DeadLettered + 1 };
        // What is neither row nor dead letter is blank or holds no record; counted so, the range always adds up.
        counts = counts with { Skipped = counts.Range.Length - counts.Sum };
        _open.End(ordinal, counts);
    }

    /// <summary>Ends the event under construction and moves this state to it. The caller persists it before anyone else sees it.</summary>
    /// <param name="time">When, milliseconds since 1970 UTC; comes in with the command.</param>
    public JournalEvent Seal(long time)
    {
        if (Join is not null)
        {
            var joined = Join.Seal(time);
            Advance(joined);
            Join.State.EventEnded(Sequence, joined.To);
            return joined;
        }
        var open = _open ?? throw new InvalidOperationException("no event is open");
        _open = null;
        var learned = open.Seal(Learner.Fingerprint, time);
        open.Dispose();
        Advance(learned);
        foreach (var counts in learned.Ranges) Account(counts);
        return learned;
    }

    /// <summary>Applies the next event of the journal.</summary>
    /// <param name="sequence">Its sequence number; must be the next one.</param>
    /// <param name="journalEvent">The event.</param>
    /// <exception cref="FoldException">It does not follow this state, or replay gives another fingerprint than the journal has.</exception>
    public void Apply(long sequence, JournalEvent journalEvent)
    {
        if (Open.HasRanges) throw new InvalidOperationException("events are applied only where none is open");
        if (sequence != Sequence + 1) throw new FoldException($"event {sequence} does not follow event {Sequence}: the journal has a gap or an event twice");
        switch (journalEvent)
        {
            case Learned learned:
                ApplyLearned(sequence, learned);
                break;
            case Joined joined when Join is not null:
                IsWhole = false;
                Join.Apply(sequence, joined);
                IsWhole = true;
                break;
            case Skipped skipped:
                Check(skipped.Range);
                Account(new RangeCounts(skipped.Range, 0, 0, 0, skipped.Range.Length, 0));
                break;
            case Expired expired:
                var ledger = _partitions[expired.Partition];
                _partitions[expired.Partition] = ledger with { Expired = ledger.Expired + expired.Offsets.Count };
                break;
            case Frozen:
                IsFrozen = true;
                break;
            case Thawed:
                IsFrozen = false;
                break;
            case Retracted retracted:
                Retract(sequence, retracted);
                break;
            case Genesis _:
                throw new FoldException($"event {sequence} is a genesis: a journal has only one, as its first event");
            default:
                throw new FoldException($"event {sequence} is of the unknown kind {journalEvent.Manifest}");
        }
        Advance(journalEvent);
        if (journalEvent is Joined ended) Join!.State.EventEnded(Sequence, ended.To);
    }

    /// <summary>The event that takes back the current group of pseudo-labels.</summary>
    /// <returns>Null where the kind has none, or the group is empty.</returns>
    public Retracted? Revocation(string who, string why, long time) =>
        _pseudoLabelling.Current is { } group ? Retracted.Create(group.From, Sequence + 1, who, why, time, group.Number) : null;

    /// <summary>Writes the whole state as canonical bytes; only between events.</summary>
    public void Save(StateWriter writer)
    {
        if (Open.HasRanges) throw new InvalidOperationException("a state is saved only where no event is open");
        // Format 2 has the state of the label join, format 3 also where pseudo-labels began, format 4 also detectors; without any, the bytes are those of format 1.
        var format = _drift is not null ? 4 : _pseudoLabelling.HasBegun ? 3 : Join is null ? 1 : 2;
        writer.Section(SectionName, format);
        writer.Bytes(Genesis.Bytes);
        writer.Int64(Sequence);
        writer.Flag(IsFrozen);
        writer.Int64(RetractedEvents);
        writer.Int64(EventBytes);
        writer.Int32(_partitions.Count);
        foreach (var p in _partitions.Values)
        {
            writer.Int32(p.Partition);
            writer.UInt64(p.Epoch);
            foreach (var n in (ReadOnlySpan<long>)[p.Start, p.Next, p.Learned, p.Unlabelled, p.DeadLettered, p.Skipped, p.Frozen, p.Expired]) writer.Int64(n);
        }
        if (format >= 3) writer.Flag(Join is not null);
        if (format == 4) writer.Flag(_pseudoLabelling.HasBegun);
        if (_pseudoLabelling.HasBegun) _pseudoLabelling.Save(writer);
        _drift?.Save(writer);
        Join?.State.Save(writer);
        Learner.Save(writer);
    }

    /// <summary>Makes a state from saved bytes.</summary>
    /// <exception cref="StateFormatException">Newer, of another kind, or damaged.</exception>
    public static LearnerFold Load(StateReader reader, Func<Genesis, FoldDefinition> define)
    {
        var format = reader.Section(SectionName, 4);
        var genesis = Genesis.Read(reader.Bytes());
        var fold = new LearnerFold(genesis, define(genesis))
        {
            Sequence = reader.Int64(),
            IsFrozen = reader.Flag(),
            RetractedEvents = reader.Int64(),
            EventBytes = reader.Int64(),
        };
        fold._partitions.Clear();
        for (var i = reader.Int32(); i > 0; i--)
        {
            var p = new PartitionLedger(reader.Int32(), reader.UInt64(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64(), reader.Int64());
            fold._partitions[p.Partition] = p;
        }
        var joins = format >= 3 ? reader.Flag() : format == 2;
        if (format == 3 || (format == 4 && reader.Flag())) fold._pseudoLabelling.Load(reader);
        if (format == 4 != fold._drift is not null) throw new StateFormatException("a state with drift detectors belongs to a lineage without, or the other way round: the bytes are damaged");
        fold._drift?.Load(reader);
        if (joins != (fold.Join is not null)) throw new StateFormatException("a state with a label join belongs to a lineage without, or the other way round: the bytes are damaged");
        if (fold.Join is { } join)
        {
            fold.Join = new JoinFold(JoinState.Load(reader, join.State.Horizon), fold);
            join.Dispose();
        }
        fold.Learner.Load(reader);
        return fold;
    }

    /// <summary>Hash of the whole state: equal for learner, replicas and any replay at the same version.</summary>
    public StateHash Hash() => StateHash.Of(Save);

    /// <summary>Hash of model, metrics and fingerprint alone: equal for equal rows in equal order, however they were cut into chunks and events.</summary>
    public StateHash LearnedHash() => StateHash.Of(Learner.Save);

    public void Dispose()
    {
        _row.Dispose();
        _open?.Dispose();
        Join?.Dispose();
    }

    private PartitionPosition[] PositionsOf(bool labels) => [.. Join!.State.Partitions.Where(p => p.IsLabels == labels).Select(p => new PartitionPosition(p.Partition, p.Epoch, p.Next))];

    Supervision IJoinedModel.Supervision => _supervision;

    ulong IJoinedModel.Fingerprint => Learner.Fingerprint;

    PseudoLabel IJoinedModel.Pseudo => _pseudoLabelling.Last;

    double IJoinedModel.Learn(RowBatch row, double weight, long age) => LearnRow(row, weight, age);

    void IJoinedModel.Evaluate(double label, double score, long age)
    {
        Learner.Evaluate(label, [score]);
        _drift?.Measured([score], label, Listener);
        Observer?.Measured(Sequence + 1, age, label, [score]);
    }

    void IJoinedModel.Applied(int partition, ulong epoch, long offset) => Listener?.RowApplied(partition, epoch, offset);

    void IJoinedModel.Labelled(in JoinedPair pair, long time) => Observer?.Labelled(pair.Partition, pair.Offset, time, pair.Label);

    private double LearnRow(RowBatch row, double weight, long age = 0)
    {
        var features = _featurizer.Featurize(row);
        var score = LearnRow(features[0], ProgressiveLearner.ContentOf(row, 0), row.Labels[0], weight, age);
        if (!ReferenceEquals(features, row)) features.Dispose();
        return score;
    }

    private double LearnRow(in Row features, ulong content, double label, double weight, long age = 0)
    {
        // Only a row without a label gets a pseudo-label; one with a label may end the group.
        if (_supervision != Supervision.SemiSupervised || !double.IsNaN(label))
        {
            var scores = Learner.Learn(features, content, label, weight);
            _drift?.Answered(scores, label, Listener);
            if (!double.IsNaN(label)) Observer?.Measured(Sequence + 1, age, label, scores);
            return First(scores);
        }
        _pseudoLabelling.Begin();
        var answer = Learner.Learn(features, content, label, weight);
        _drift?.Answered(answer, label, Listener);
        var score = First(answer);
        // The event under construction is the next one, but for those that had to end early.
        _pseudoLabelling.End(Sequence + 1 + (Join?.Ahead ?? 0));
        return score;
    }

    private static double First(ReadOnlySpan<double> scores) => scores.IsEmpty ? double.NaN : scores[0];

    private void Retract(long sequence, Retracted retracted)
    {
        if (retracted.Group > 0)
        {
            if (Learner.Model is not ISelfTraining model || model.Group != retracted.Group) throw new FoldException($"event {sequence} takes back group {retracted.Group} of pseudo-labels, which is not the current one of this state: they are of different histories");
            Learner.Revoke();
        }
        RetractedEvents += retracted.To - retracted.From;
    }

    private void ApplyLearned(long sequence, Learned learned)
    {
        if (learned.Before != Learner.Fingerprint)
            throw new FoldException($"event {sequence} applies to fingerprint {learned.Before:x16} but this state has {Learner.Fingerprint:x16}: they are of different histories");
        foreach (var counts in learned.Ranges)
        {
            Check(counts.Range);
            if (counts.Sum != counts.Range.Length) throw new FoldException($"event {sequence} covers {counts.Range} but accounts for {counts.Sum} offsets");
        }
        var rows = learned.RowBytes; // which may be gone: before anything has changed
        IsWhole = false;
        _pseudo.Clear();
        var at = 0;
        _next.Clear();
        foreach (var counts in learned.Ranges) _next.Add(counts.Range.From);
        for (var i = 0; i < learned.Rows; i++)
        {
            _row.Clear();
            var (range, delta, _, _) = RowCodec.Read(rows.Span, ref at, _row);
            LearnRow(_row, 1);
            if (Listener is not null) Applied(learned.Ranges[range].Range, range, delta);
            if (_supervision == Supervision.SemiSupervised && double.IsNaN(_row.Labels[0]) && _pseudoLabelling.Last.Class != PseudoClass.None) _pseudo.Add(new(i, _pseudoLabelling.Last));
        }
        if (!_pseudo.SequenceEqual(learned.PseudoLabels)) throw new FoldException($"replay of event {sequence} gives {_pseudo.Count} pseudo-labels that are not the {learned.PseudoLabels.Count} of the journal: the arithmetic of this machine or program differs from the one that learned it");
        if (learned.After != Learner.Fingerprint)
            throw new FoldException(string.Create(CultureInfo.InvariantCulture, $"replay of event {sequence} gives fingerprint {Learner.Fingerprint:x16} but the journal has {learned.After:x16}: the arithmetic of this machine or program differs from the one that learned it"));
        foreach (var counts in learned.Ranges) Account(counts);
        IsWhole = true;
    }

    private void Applied(OffsetRange range, int ordinal, long delta)
    {
        var offset = _next[ordinal] + delta;
        _next[ordinal] = offset + 1;
        Listener!.RowApplied(range.Partition, range.Epoch, offset);
    }

    private void Advance(JournalEvent e)
    {
        Sequence++;
        EventBytes += e.Bytes.Length;
    }

    private void Check(OffsetRange range)
    {
        if (!_partitions.TryGetValue(range.Partition, out var ledger)) throw new FoldException($"partition {range.Partition} is not one of this learner's");
        if (ledger.Epoch != range.Epoch) throw new FoldException(EpochText(ledger, range.Epoch));
        if (range.From != ledger.Next) throw new FoldException($"an event covers {range} but {ledger.Next} is next: {(range.From < ledger.Next ? "an overlap" : "a gap")}");
    }

    private static string EpochText(PartitionLedger ledger, ulong epoch) =>
        $"partition {ledger.Partition}: learned from the log {ledger.Epoch:x16} up to offset {ledger.Next}, but the source is now the log {epoch:x16}: it was replaced or created anew; bring back the old log or start a new lineage";

    private void Account(RangeCounts c)
    {
        var p = _partitions[c.Range.Partition];
        _partitions[p.Partition] = p with
        {
            Next = c.Range.To,
            Learned = p.Learned + c.Learned,
            Unlabelled = p.Unlabelled + c.Unlabelled,
            DeadLettered = p.DeadLettered + c.DeadLettered,
            Skipped = p.Skipped + c.Skipped,
            Frozen = p.Frozen + c.Frozen,
        };
    }
}
