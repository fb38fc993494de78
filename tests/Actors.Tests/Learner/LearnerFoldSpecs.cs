using System.Buffers;
using CsCheck;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Learner;

public sealed class LearnerFoldSpecs
{
    private const int N = 600;

    /// <summary>Learns rows [0, N) cut into chunks and events as told, and gives the journal.</summary>
    private static (LearnerFold Fold, List<JournalEvent> Journal) Learn(Func<int> chunkRows, Func<int> eventRows)
    {
        var fold = Rows.Fold();
        var journal = new List<JournalEvent> { fold.Genesis };
        var sealAt = eventRows();
        for (long at = 0; at < N;)
        {
            var to = Math.Min(N, at + chunkRows());
            using (var chunk = Rows.Chunk(at, to)) fold.Learn(chunk);
            at = to;
            if (fold.Open.Rows < sealAt && at < N) continue;
            journal.Add(fold.Seal(at));
            sealAt = eventRows();
        }
        return (fold, journal);
    }

    private static LearnerFold Replay(IReadOnlyList<JournalEvent> journal)
    {
        var fold = new LearnerFold((Genesis)journal[0], Rows.Definition());
        for (var i = 1; i < journal.Count; i++) fold.Apply(i + 1, journal[i]);
        return fold;
    }

    [Fact]
    public void Replaying_the_journal_gives_the_learners_state_to_the_last_bit()
    {
        var (live, journal) = Learn(() => 37, () => 100);
        Assert.Equal(live.Hash(), Replay(journal).Hash());
    }

    [Fact]
    public void The_state_equals_that_of_the_library_run_over_the_rows_without_a_journal()
    {
        var (live, _) = Learn(() => 64, () => 64);
        var alone = new ProgressiveLearner(Rows.Model());
        using var rows = Rows.Chunk(0, N);
        for (var i = 0; i < rows.Count; i++)
            if (!double.IsNaN(rows.Rows.Labels[i])) alone.Learn(rows.Rows[i], ProgressiveLearner.ContentOf(rows.Rows, i), rows.Rows.Labels[i]);
        Assert.Equal(StateHash.Of(alone.Save), live.LearnedHash());
    }

    [Fact]
    public void The_state_does_not_depend_on_how_rows_are_cut_into_chunks_and_events()
    {
        var expected = Learn(() => 1, () => 1).Fold.LearnedHash();
        Gen.Select(Gen.Int[1, 200], Gen.Int[1, 200], Gen.UInt).Sample((chunkMost, eventMost, seed) =>
        {
            var random = new Random((int)(seed & int.MaxValue));
            var (fold, journal) = Learn(() => random.Next(1, chunkMost + 1), () => random.Next(1, eventMost + 1));
            Assert.Equal(expected, fold.LearnedHash());
            Assert.Equal(expected, Replay(journal).LearnedHash());
        }, iter: 30);
    }

    [Fact]
    public void Saved_and_loaded_at_any_event_the_fold_goes_on_as_if_uninterrupted()
    {
        var (live, journal) = Learn(() => 37, () => 50);
        for (var cut = 1; cut < journal.Count; cut++)
        {
            var envelope = SnapshotEnvelope.Of(Replay(journal.Take(cut).ToList()), [1, 2]);
            var fold = new SnapshotEnvelope(envelope.Bytes.ToArray()).Open(_ => Rows.Definition());
            Assert.Equal(envelope.Hash, fold.Hash());
            for (var i = cut; i < journal.Count; i++) fold.Apply(i + 1, journal[i]);
            Assert.Equal((cut, live.LearnedHash()), (cut, fold.LearnedHash()));
            Assert.Equal(live.Hash(), fold.Hash());
        }
    }

    [Fact]
    public void Any_changed_byte_of_a_snapshot_is_found()
    {
        var bytes = SnapshotEnvelope.Of(Learn(() => 100, () => 100).Fold, [2]).Bytes;
        Gen.Int[0, bytes.Length - 1].Sample(at =>
        {
            // The list of earlier snapshots is bookkeeping of the learner, not state.
            if (at is >= 21 and < 29) return;
            var damaged = bytes.ToArray();
            damaged[at] ^= 0x10;
            Assert.Throws<StateFormatException>(() => new SnapshotEnvelope(damaged).Open(_ => Rows.Definition()));
        });
    }

    [Fact]
    public void Rows_learned_already_are_trimmed_and_a_gap_is_refused()
    {
        var fold = Rows.Fold();
        using (var chunk = Rows.Chunk(0, 100)) fold.Learn(chunk);
        var sealedEvent = (Learned)fold.Seal(1);
        var before = fold.LearnedHash();
        using (var again = Rows.Chunk(20, 80)) fold.Learn(again);
        Assert.Equal(before, fold.LearnedHash());
        using (var overlapping = Rows.Chunk(50, 150)) fold.Learn(overlapping);
        Assert.Equal(new OffsetRange(0, Rows.Epoch, 100, 150), ((Learned)fold.Seal(2)).Ranges[0].Range);
        using var gap = Rows.Chunk(151, 160);
        Assert.Contains("offsets between are missing", Assert.Throws<FoldException>(() => fold.Learn(gap)).Message);
        Assert.Equal(98, sealedEvent.Rows);
    }

    [Fact]
    public void A_source_that_was_replaced_is_refused_with_what_to_do()
    {
        var fold = Rows.Fold();
        using var other = new Chunk(new OffsetRange(0, 99, 0, 0));
        Assert.Contains("start a new lineage", Assert.Throws<FoldException>(() => fold.Learn(other)).Message);
    }

    [Fact]
    public void Every_offset_is_counted_once_and_the_ledger_balances()
    {
        var (fold, journal) = Learn(() => 33, () => 90);
        var ledger = Assert.Single(fold.Partitions);
        Assert.Equal((N, 0), (ledger.Next, ledger.Remainder));
        Assert.Equal(N / 50, ledger.Unlabelled);
        Assert.Equal(N - N / 50, ledger.Learned);
        Assert.Equal(ledger.Learned, journal.OfType<Learned>().Sum(e => e.Rows));
    }

    [Fact]
    public void An_event_out_of_order_twice_or_of_another_history_is_refused()
    {
        var (_, journal) = Learn(() => 40, () => 100);
        var (other, otherJournal) = (Rows.Fold(), new List<JournalEvent>());
        using (var chunk = Rows.Chunk(0, 30)) other.Learn(chunk);
        otherJournal.Add(other.Seal(0));
        using (var chunk = Rows.Chunk(30, 60)) other.Learn(chunk);
        otherJournal.Add(other.Seal(0));

        var fold = Replay(journal.Take(2).ToList());
        Assert.Contains("does not follow", Assert.Throws<FoldException>(() => fold.Apply(2, journal[1])).Message);
        Assert.Contains("does not follow", Assert.Throws<FoldException>(() => fold.Apply(4, journal[3])).Message);
        Assert.Contains("different histories", Assert.Throws<FoldException>(() => fold.Apply(3, otherJournal[1])).Message);
        Assert.Equal(2, fold.Sequence);
    }

    [Fact]
    public void A_replay_that_computes_another_fingerprint_stops_with_a_clear_error()
    {
        var (_, journal) = Learn(() => 40, () => 100);
        var e = (Learned)journal[1];
        var forged = Learned.Create(e.Before, e.After ^ 1, e.Time, e.Ranges, e.Rows, e.Bytes.AsSpan(e.RowsAt));
        Assert.Contains("gives fingerprint", Assert.Throws<FoldException>(() => Replay([journal[0], forged])).Message);
    }

    [Fact]
    public void While_frozen_rows_pass_are_counted_and_change_nothing_of_what_is_learned()
    {
        var fold = Rows.Fold();
        using (var chunk = Rows.Chunk(0, 100)) fold.Learn(chunk);
        fold.Seal(1);
        var before = fold.LearnedHash();
        fold.Apply(3, Frozen.Create("ada", "why not", 1));
        using (var chunk = Rows.Chunk(100, 200)) fold.Learn(chunk);
        Assert.Equal(0, ((Learned)fold.Seal(2)).Rows);
        Assert.Equal(before, fold.LearnedHash());
        fold.Apply(5, Thawed.Create("ada", "done", 1));
        var ledger = fold.Partitions.Single();
        Assert.Equal((98L, 98L, 4L, 0L), (ledger.Learned, ledger.Frozen, ledger.Unlabelled, ledger.Remainder));
    }

    [Fact]
    public void Rows_can_be_found_in_an_event_by_their_offset()
    {
        var (_, journal) = Learn(() => 64, () => 128);
        var found = new List<long>();
        foreach (var e in journal.OfType<Learned>())
            EventRows.ForEach(e, (_, offset) => offset % 97 == 0, (_, offset, batch) =>
            {
                found.Add(offset);
                Assert.Equal(Rows.Row(offset).Features.Select(f => f.Index).ToArray(), batch.Indices.ToArray());
            });
        Assert.Equal([0L, 97, 194, 291, 388, 485, 582], found);
    }
}
