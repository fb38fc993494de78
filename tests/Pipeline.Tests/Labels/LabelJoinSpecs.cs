using System.Buffers;
using System.Globalization;
using System.Text;
using StreamMLOps.Learning;
using Xunit.Abstractions;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>
/// The label join against its reference over random schedules of features, labels, delays, duplicates, corrections and kills.
/// <c>STREAMMLOPS_JOIN_ROUNDS=10000</c> runs it in full.
/// </summary>
public sealed class LabelJoinSpecs(ITestOutputHelper output)
{
    private const long Horizon = 100;
    private static readonly int Rounds = int.TryParse(Environment.GetEnvironmentVariable("STREAMMLOPS_JOIN_ROUNDS"), CultureInfo.InvariantCulture, out var n) ? n : 1_000;
    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("STREAMMLOPS_JOIN_SEED"), CultureInfo.InvariantCulture, out var s) ? s : Environment.TickCount & 0xfffffff;

    [Theory]
    [InlineData(Supervision.Supervised)]
    [InlineData(Supervision.SemiSupervised)]
    [InlineData(Supervision.Unsupervised)]
    public void Any_schedule_with_any_kills_learns_what_the_reference_learns_in_its_order_and_the_ledger_balances(Supervision supervision)
    {
        output.WriteLine($"{Rounds} rounds from seed {Seed} (STREAMMLOPS_JOIN_ROUNDS, STREAMMLOPS_JOIN_SEED)");
        var seen = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var round = 0; round < Rounds; round++)
        {
            var random = new Random(Seed + round);
            var schedule = Schedule(random);
            var reference = new ReferenceJoin(Horizon, supervision == Supervision.Unsupervised);
            foreach (var a in schedule) reference.Take(a);
            var (join, journal) = RunWithKills(schedule, random, supervision);

            var why = $"seed {Seed + round}";
            Assert.True(reference.Learned.SequenceEqual(journal.Learned), why);
            Assert.True(reference.Expired.SequenceEqual(journal.Expired), why);
            Assert.True(reference.Evaluated.SequenceEqual(journal.Evaluated), why);
            Assert.All(join.State.Partitions, p => Assert.Equal(0, p.Remainder));
            var c = join.Counts;
            (string Name, long Count)[] counts =
            [
                ("duplicate features", c.DuplicateFeatures), ("expired", c.Expired), ("early", c.Early), ("duplicate label", c.DuplicateLabels),
                ("contradictory", c.Contradictory), ("corrected", c.Corrected), ("late", c.Late), ("orphan", c.Orphans),
            ];
            foreach (var (name, count) in counts) Assert.True(reference.Counts.GetValueOrDefault(name) == count, $"{why}: {name} {count}, reference {reference.Counts.GetValueOrDefault(name)}");
            Assert.True((reference.Waiting("features"), reference.Waiting("label")) == (c.WaitingFeatures, c.WaitingLabels), why);
            Assert.True((0L, 0L) == (c.FeatureRemainder, c.LabelRemainder), why);
            Assert.True(schedule.Count(a => !a.IsLabel) == c.Features && schedule.Count(a => a.IsLabel) == c.Labels, why);
            Assert.True(journal.Learned.Select(l => (l.Partition, l.Offset)).Distinct().Count() == journal.Learned.Count, why);
            foreach (var (partition, offset, _) in journal.Learned) Assert.True(join.State.Find(labels: false, partition)!.Resolved.Contains(offset), why);
            foreach (var (name, count) in counts.Append(("learned", c.Learned)).Append(("redelivered", c.Redelivered)).Append(("evaluated", journal.Evaluated.Count))) seen[name] = seen.GetValueOrDefault(name) + count;
        }
        output.WriteLine(string.Join(", ", seen.Select(x => $"{x.Value} {x.Key}")));
        // An unsupervised kind waits for no label, so that none is late; no other has labels that only measure.
        string[] never = supervision == Supervision.Unsupervised ? ["expired", "late"] : ["evaluated"];
        Assert.All(seen, x => Assert.True(x.Value > 0 != never.Contains(x.Key), $"{x.Value} {x.Key}"));
    }

    [Theory]
    [InlineData("f1 l1", 1, "learned after features")]
    [InlineData("l1 f1", 1, "learned after an early label")]
    [InlineData("f1 f1 l1", 1, "the second features of an id are duplicates")]
    [InlineData("f1 l1 l0", 1, "the first label counts")]
    [InlineData("l1 c0 f1", 0, "a correction takes the place of a label that waits")]
    [InlineData("f1 l1 c0", 1, "what was learned stays learned")]
    public void The_label_that_is_learned_follows_the_rules(string schedule, double label, string why)
    {
        var offsets = new Dictionary<bool, long>();
        var journal = new Journal();
        var join = new LabelJoin(new JoinState(Horizon), new MemoryPendingStore(), journal);
        foreach (var token in schedule.Split(' '))
        {
            var isLabel = token[0] != 'f';
            offsets[isLabel] = offsets.GetValueOrDefault(isLabel, -1) + 1;
            Take(join, new Arrival(isLabel, 0, offsets[isLabel], "x", 1, token[1] - '0', token[0] == 'c'));
        }
        Assert.True(journal.Learned is [var only] && only.Label == label, why);
        Assert.All(join.State.Partitions, p => Assert.Equal(0, p.Remainder));
        Assert.Equal((0, 0), (join.Counts.FeatureRemainder, join.Counts.LabelRemainder));
    }

    [Fact]
    public void Time_is_the_records_and_a_label_after_the_horizon_is_late()
    {
        var journal = new Journal();
        var join = new LabelJoin(new JoinState(Horizon), new MemoryPendingStore(), journal);
        Take(join, new Arrival(false, 0, 0, "a", 1_000, 0, false));
        Take(join, new Arrival(false, 0, 1, "b", 1_000 + Horizon, 0, false));
        Assert.Empty(journal.Expired); // exactly the horizon is in time
        Take(join, new Arrival(false, 0, 2, "c", 1_001 + Horizon, 0, false));
        Assert.Equal([(0, 0L)], journal.Expired);
        Take(join, new Arrival(true, 0, 0, "a", 5, 1, false)); // its own time does not help
        Assert.Equal((1, 0), (join.Counts.Late, join.Counts.Learned));
        Take(join, new Arrival(true, 0, 1, "b", 5, 1, false));
        Assert.Equal([(0, 1L, 1.0)], journal.Learned);
        Assert.Equal(2, join.State.Find(labels: false, 0)!.Resolved.Watermark);
    }

    private static List<Arrival> Schedule(Random random)
    {
        var arrivals = new List<Arrival>();
        var next = new Dictionary<(bool, int), long>();
        var time = 1_000L;
        for (var i = random.Next(5, 80); i > 0; i--)
        {
            var id = random.Next(15);
            var isLabel = random.Next(2) == 0;
            time += random.Next(12) == 0 ? random.Next(150) : random.Next(6);
            var key = (isLabel, id % 2);
            var offset = next.GetValueOrDefault(key) + (random.Next(10) == 0 ? 1 : 0); // a blank between
            next[key] = offset + 1;
            arrivals.Add(new Arrival(isLabel, id % 2, offset, $"id-{id}", time - random.Next(20), random.Next(5) == 0 ? 1 : 0, random.Next(3) == 0));
        }
        return arrivals;
    }

    // Each kill loses the memory, the store and what was not persisted; the records since the last persist come again, and some before them.
    private static (LabelJoin Join, Journal Journal) RunWithKills(List<Arrival> schedule, Random random, Supervision supervision)
    {
        var store = new RecordingStore();
        var journal = new Journal { Supervision = supervision };
        var join = new LabelJoin(new JoinState(Horizon), store, journal, supervision);
        var (state, stored, persisted, entries) = (Save(join), 0, journal.Copy(), store.Entries);
        for (var i = 0; i < schedule.Count; i++)
        {
            Take(join, schedule[i]);
            if (random.Next(6) == 0) (state, stored, persisted, entries) = (Save(join), i + 1, journal.Copy(), store.Entries);
            if (random.Next(15) != 0) continue;
            journal = persisted.Copy();
            store = new RecordingStore();
            join = new LabelJoin(JoinState.Load(new StateReader(state), Horizon), store, journal, supervision);
            Assert.Equal(state, Save(join));
            foreach (var (id, entry, row) in entries) store.Put(id, entry, row);
            // Positions that were accounted for come again, as a source sends them after a rebalance.
            for (var k = Math.Max(0, stored - random.Next(4)); k < stored; k++) Take(join, schedule[k]);
            i = stored - 1;
        }
        return (join, journal);
    }

    private static void Take(LabelJoin join, Arrival a)
    {
        var id = Encoding.UTF8.GetBytes(a.Id);
        if (a.IsLabel) join.Label(a.Partition, a.Offset, id, a.Time, a.Label, a.Corrects);
        else join.Features(a.Partition, a.Offset, id, a.Time, BitConverter.GetBytes(a.Offset));
    }

    private static byte[] Save(LabelJoin join)
    {
        var buffer = new ArrayBufferWriter<byte>();
        join.State.Save(new StateWriter(buffer));
        return buffer.WrittenSpan.ToArray();
    }

    private sealed class Journal : IJoinSink
    {
        public List<(int Partition, long Offset, double Label)> Learned { get; init; } = [];

        public List<(int Partition, long Offset)> Expired { get; init; } = [];

        public List<(int Partition, long Offset, double Label, long Age)> Evaluated { get; init; } = [];

        public Supervision Supervision { get; init; }

        public bool Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
        {
            // The features that are learned are those of the position.
            Assert.Equal(pair.Offset, BitConverter.ToInt64(row));
            Learned.Add((pair.Partition, pair.Offset, pair.Label));
            return true;
        }

        public void Expire(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
        {
            // Only a semi-supervised kind has a use for the row.
            if (Supervision == Supervision.SemiSupervised) Assert.Equal(offset, BitConverter.ToInt64(row));
            else Assert.True(row.IsEmpty);
            Expired.Add((partition, offset));
        }

        public double LearnUnlabelled(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
        {
            Assert.Equal(offset, BitConverter.ToInt64(row));
            Learned.Add((partition, offset, double.NaN));
            return AnswerTo(partition, offset);
        }

        public void Evaluate(in JoinedPair pair, ReadOnlySpan<byte> id, double score, long age)
        {
            // What is measured is what was answered to that row.
            Assert.Equal(AnswerTo(pair.Partition, pair.Offset), score);
            Evaluated.Add((pair.Partition, pair.Offset, pair.Label, age));
        }

        private static double AnswerTo(int partition, long offset) => 1 / (2.0 + partition + offset);

        public void Orphan(int partition, long offset)
        {
        }

        public void Correct(ReadOnlySpan<byte> id, double label, double weight)
        {
        }

        public Journal Copy() => new() { Learned = [.. Learned], Expired = [.. Expired], Evaluated = [.. Evaluated], Supervision = Supervision };
    }

    /// <summary>A store whose content can be told, as the source and the journal would tell it.</summary>
    private sealed class RecordingStore : IPendingStore
    {
        private readonly MemoryPendingStore _inner = new();
        private readonly List<(string Key, byte[] Id, JoinEntry Entry, byte[] Row)> _entries = [];

        public List<(byte[] Id, JoinEntry Entry, byte[] Row)> Entries => [.. _entries.Select(e => (e.Id, e.Entry, e.Row))];

        public long Count => _inner.Count;

        public byte[] Note => [];

        public bool TryGet(ReadOnlySpan<byte> id, out JoinEntry entry, IBufferWriter<byte>? row = null) => _inner.TryGet(id, out entry, row);

        public void Put(ReadOnlySpan<byte> id, in JoinEntry entry, ReadOnlySpan<byte> row = default)
        {
            var key = Encoding.UTF8.GetString(id);
            _entries.RemoveAll(e => e.Key == key);
            _entries.Add((key, id.ToArray(), entry, row.ToArray()));
            _inner.Put(id, entry, row);
        }

        public void Prefetch(IReadOnlyList<ReadOnlyMemory<byte>> ids) => _inner.Prefetch(ids);

        public bool Sweep(long stamp, SweptEntry swept, int most = int.MaxValue) => _inner.Sweep(stamp, (id, entry, row) =>
        {
            var key = Encoding.UTF8.GetString(id);
            _entries.RemoveAll(e => e.Key == key);
            swept(id, entry, row);
        }, Math.Min(most, 3));

        public Task Checkpoint(ReadOnlySpan<byte> note) => _inner.Checkpoint(note);

        public void Dispose() => _inner.Dispose();
    }
}
