using System.Buffers;
using System.Text;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>What holds for every pending store.</summary>
public abstract class PendingStoreSpec
{
    protected abstract IPendingStore Open();

    protected static ReadOnlySpan<byte> Id(int i) => Encoding.UTF8.GetBytes($"id-{i}");

    protected static JoinEntry Entry(int i, long stamp, JoinKind kind = JoinKind.Features) => new(kind, i % 3, i, kind == JoinKind.Features ? double.NaN : 1, stamp);

    protected static byte[] Row(int i) => [.. Enumerable.Range(0, 330).Select(k => (byte)(i * 31 + k))];

    [Fact]
    public void What_was_stored_is_found_by_its_id_byte_for_byte_however_much_there_is()
    {
        using var store = Open();
        const int count = 100_000; // more than fits into the memory that the spec's stores are given
        for (var i = 0; i < count; i++) store.Put(Id(i), Entry(i, i), Row(i));
        Assert.Equal(count, store.Count);
        var row = new ArrayBufferWriter<byte>();
        foreach (var i in new[] { 0, 1, 777, count / 2, count - 1 })
        {
            row.ResetWrittenCount();
            Assert.True(store.TryGet(Id(i), out var entry, row));
            Assert.Equal(Entry(i, i), entry);
            Assert.Equal(Row(i), row.WrittenSpan.ToArray());
        }
        Assert.False(store.TryGet(Id(-1), out _));
    }

    [Fact]
    public void Asking_for_ids_together_changes_nothing_but_the_speed()
    {
        using var store = Open();
        for (var i = 0; i < 50_000; i++) store.Put(Id(i), Entry(i, i), Row(i));
        for (var round = 0; round < 20; round++)
        {
            var wanted = Enumerable.Range(0, 100).Select(k => k * 491 + round).ToArray();
            store.Prefetch([.. wanted.Select(i => (ReadOnlyMemory<byte>)Id(i).ToArray())]);
            foreach (var i in wanted)
            {
                Assert.Equal(i < 50_000, store.TryGet(Id(i), out var entry));
                if (i % 7 != 0) continue;
                store.Put(Id(i), Entry(i, 100_000 + round, JoinKind.Learned));
                Assert.True(store.TryGet(Id(i), out entry));
                Assert.Equal(JoinKind.Learned, entry.Kind);
            }
        }
    }

    [Fact]
    public void Sweeping_takes_out_what_is_older_in_the_order_it_was_stored_and_spares_what_was_stored_again()
    {
        using var store = Open();
        for (var i = 0; i < 60_000; i++) store.Put(Id(i), Entry(i, i), Row(i));
        for (var i = 0; i < 1_000; i += 10) store.Put(Id(i), Entry(i, 60_000, JoinKind.Learned));
        var swept = new List<long>();
        store.Sweep(1_000, (id, entry, _) =>
        {
            Assert.Equal(Id((int)entry.Offset).ToArray(), id.ToArray());
            swept.Add(entry.Offset);
        });
        Assert.Equal(Enumerable.Range(0, 1_000).Where(i => i % 10 != 0).Select(i => (long)i), swept);
        Assert.Equal(60_000 - 900, store.Count);
        Assert.True(store.TryGet(Id(10), out var again));
        Assert.Equal(JoinKind.Learned, again.Kind);
        Assert.False(store.TryGet(Id(11), out _));
        Assert.True(store.TryGet(Id(1_000), out _));
        store.Sweep(1_000, (_, _, _) => Assert.Fail("nothing is left to sweep"));
        store.Sweep(long.MaxValue, (_, _, _) => { });
        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void Sweeping_some_at_a_time_takes_out_the_same_in_the_same_order()
    {
        using var store = Open();
        for (var i = 0; i < 20_000; i++) store.Put(Id(i), Entry(i, i), Row(i));
        var (swept, calls) = (new List<long>(), 0);
        bool all;
        do
        {
            var before = swept.Count;
            all = store.Sweep(15_000, (_, entry, _) => swept.Add(entry.Offset), 1_000);
            Assert.InRange(swept.Count - before, 0, 2_000);
            // What was swept is stored again meanwhile, as an expiry is.
            for (var i = before; i < swept.Count; i++) store.Put(Id((int)swept[i]), Entry((int)swept[i], 20_000, JoinKind.Expired));
            calls++;
        }
        while (!all);
        Assert.Equal(Enumerable.Range(0, 15_000).Select(i => (long)i), swept);
        Assert.InRange(calls, 10, 20);
        Assert.Equal(20_000, store.Count);
    }
}

public sealed class MemoryPendingStoreTests : PendingStoreSpec
{
    protected override IPendingStore Open() => new MemoryPendingStore();
}

public sealed class FasterPendingStoreTests : PendingStoreSpec, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override IPendingStore Open() => OpenFaster();

    private FasterPendingStore OpenFaster() => new(_folder.File("pending"), memoryBytes: 16 << 20, expectedIds: 1 << 14);

    [Fact]
    public async Task What_was_there_at_the_last_checkpoint_is_there_again_with_its_note_and_the_rest_is_not()
    {
        var id = "id"u8.ToArray();
        using (var store = OpenFaster())
        {
            Assert.Empty(store.Note);
            for (var i = 0; i < 60_000; i++) store.Put(Encoding.UTF8.GetBytes($"{i}"), new JoinEntry(JoinKind.Features, 0, i, double.NaN, i), new byte[330]);
            await store.Checkpoint([1]);
            store.Put(id, new JoinEntry(JoinKind.Label, 0, 1, 1, 60_000));
            await store.Checkpoint([2, 3]);
            await store.Checkpoint([4]);
            store.Put("gone"u8, new JoinEntry(JoinKind.Label, 0, 2, 1, 60_000));
        }
        using (var store = OpenFaster())
        {
            Assert.Equal([4], store.Note);
            Assert.Equal(60_001, store.Count);
            Assert.True(store.TryGet(id, out var entry));
            Assert.Equal(new JoinEntry(JoinKind.Label, 0, 1, 1, 60_000), entry);
            Assert.True(store.TryGet("17"u8, out _));
            Assert.False(store.TryGet("gone"u8, out _));
        }
    }

    [Fact]
    public async Task A_checkpoint_that_a_kill_cut_short_is_passed_over_for_the_one_before()
    {
        using (var store = OpenFaster())
        {
            store.Put("a"u8, new JoinEntry(JoinKind.Features, 0, 1, double.NaN, 1), [7]);
            await store.Checkpoint([1]);
        }
        File.WriteAllBytes(Path.Combine(_folder.File("pending"), $"note-7fffffffffffffff-{Guid.NewGuid():N}"), new byte[9]);
        using var again = OpenFaster();
        Assert.Equal([1], again.Note);
        Assert.True(again.TryGet("a"u8, out _));
    }

    [Fact]
    public async Task While_a_checkpoint_is_under_way_all_goes_on_and_none_of_it_is_in_the_checkpoint()
    {
        const int count = 60_000; // more than fits into memory, so that pages of both sides are written and read again meanwhile
        var hold = new TaskCompletionSource();
        var (killed, expected) = (_folder.File("killed"), Enumerable.Range(0, count).Select(i => i % 3 == 0 ? JoinKind.Learned : JoinKind.Features).ToArray());
        using (var store = OpenFaster())
        {
            for (var i = 0; i < count; i++) store.Put(Id(i), Entry(i, i), Row(i));
            await store.Checkpoint([1]);
            for (var i = 0; i < count; i += 3) store.Put(Id(i), Entry(i, count, JoinKind.Learned));
            store.BeforeCompletion = () => hold.Task;
            var checkpoint = store.Checkpoint([2]);
            CopyAsAKillLeavesIt(_folder.File("pending"), killed);
            var bytes = new ArrayBufferWriter<byte>();
            for (var i = 1; i < count; i += 3)
            {
                bytes.ResetWrittenCount();
                Assert.True(store.TryGet(Id(i), out var entry, bytes));
                Assert.Equal(Entry(i, i), entry);
                Assert.Equal(Row(i), bytes.WrittenSpan.ToArray());
                store.Put(Id(i), Entry(i, count, JoinKind.Learned));
                store.Put(Id(count + i), Entry(count + i, count), Row(i));
            }
            store.Sweep(count / 2, (_, _, _) => { });
            Assert.False(store.TryGet(Id(2), out _));
            Assert.True(store.TryGet(Id(1), out var learned) && learned.Kind == JoinKind.Learned);
            Assert.False(checkpoint.IsCompleted);
            await Assert.ThrowsAsync<InvalidOperationException>(() => store.Checkpoint([3]));
            hold.SetResult();
            await checkpoint;
        }
        // A kill in between: the one before. None: the state when it was asked for.
        using (var before = new FasterPendingStore(killed, memoryBytes: 16 << 20, expectedIds: 1 << 14))
        {
            Assert.Equal([1], before.Note);
            Assert.Equal(count, before.Count);
            for (var i = 0; i < count; i += 7) Assert.True(before.TryGet(Id(i), out var entry) && entry == Entry(i, i), $"{i}: {entry}");
        }
        using var after = OpenFaster();
        Assert.Equal([2], after.Note);
        Assert.Equal(count, after.Count);
        var row = new ArrayBufferWriter<byte>();
        for (var i = 0; i < count; i++)
        {
            row.ResetWrittenCount();
            Assert.True(after.TryGet(Id(i), out var entry, row));
            Assert.Equal(expected[i], entry.Kind);
            Assert.Equal(entry.Kind == JoinKind.Features ? Row(i) : [], row.WrittenSpan.ToArray());
            Assert.False(after.TryGet(Id(count + i), out _));
        }
        var swept = 0;
        after.Sweep(count, (_, entry, _) => swept += entry.Kind == JoinKind.Features ? 1 : 0);
        Assert.Equal(expected.Count(k => k == JoinKind.Features), swept);
        Assert.Equal(count - swept, after.Count);
    }

    // The lock is the process's, and goes with it.
    private static void CopyAsAKillLeavesIt(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) != "lock"))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            using var source = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = File.Create(target);
            source.CopyTo(copy);
        }
    }

    [Fact]
    public async Task A_log_swept_in_the_middle_of_a_page_is_opened_again()
    {
        for (var round = 0; round < 6; round++)
        {
            using var store = OpenFaster();
            Assert.Equal(round == 0 ? 0 : 1_000, store.Count);
            for (var i = 0; i < 1_000; i++) store.Put(Encoding.UTF8.GetBytes($"{round}-{i}"), new JoinEntry(JoinKind.Features, 0, i, double.NaN, round * 1_000 + i), new byte[331]);
            // All of the rounds before, and nothing of them was written to disk since.
            store.Sweep(round * 1_000 + 500, (_, _, _) => { });
            await store.Checkpoint([(byte)round]);
            for (var i = 0; i < 500; i++) store.Put(Encoding.UTF8.GetBytes($"{round}-more-{i}"), new JoinEntry(JoinKind.Features, 0, i, double.NaN, round * 1_000 + 999), new byte[331]);
            store.Sweep(round * 1_000 + 999, (_, _, _) => { });
            Assert.Equal(501, store.Count);
            for (var i = 0; i < 499; i++) store.Put(Encoding.UTF8.GetBytes($"{round}-last-{i}"), new JoinEntry(JoinKind.Features, 0, i, double.NaN, round * 1_000 + 999), new byte[331]);
            await store.Checkpoint([(byte)round]);
        }
    }

    [Fact]
    public async Task One_folder_is_open_once_and_an_opening_that_did_not_end_begins_empty()
    {
        using (var store = OpenFaster())
        {
            Assert.Throws<IOException>(OpenFaster);
            store.Put("a"u8, new JoinEntry(JoinKind.Features, 0, 1, double.NaN, 1), [7]);
            await store.Checkpoint([1]);
        }
        File.WriteAllBytes(Path.Combine(_folder.File("pending"), "opening"), []);
        using var again = OpenFaster();
        Assert.Equal((0, 0), (again.Note.Length, again.Count));
    }
}
