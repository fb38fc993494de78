// The label join over the pending store on disk, at the size of DESIGN's promise: rows that wait, labels at random, expiry, kill -9, reopening.
//   dotnet run -c Release --project benchmarks/Pending.Benchmarks -- fill 10000000 DIR      (ends by killing itself)
//   dotnet run -c Release --project benchmarks/Pending.Benchmarks -- reopen 10000000 DIR
using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

const int RowBytes = 330;
const int Batch = 256;
var (phase, count, folder) = (args[0], long.Parse(args[1], CultureInfo.InvariantCulture), args[2]);
if (phase == "fill" && Directory.Exists(folder)) throw new InvalidOperationException($"{folder} is there already");
var clock = Stopwatch.StartNew();
var counter = new Counter();
using var store = new FasterPendingStore(folder);
var row = new byte[RowBytes];
new Random(1).NextBytes(row);
if (phase == "reopen")
{
    var join = new LabelJoin(JoinState.Load(new StateReader(store.Note), count), store, counter);
    Report("opened", store.Count, clock);
    Join(join, count / 5, 100_000, seed: 3);
    Report("first 100,000 labels", 100_000, clock);
    return counter.Rows > 0 && join.Counts is { FeatureRemainder: 0, LabelRemainder: 0 } ? 0 : 1;
}
var whole = new LabelJoin(new JoinState(count), store, counter);
for (long i = 0; i < count; i++) whole.Features(0, i, Id(i), i, row);
Report("rows stored", count, clock);

clock.Restart();
Join(whole, count, count / 5, seed: 2);
Report($"labels joined, at random ({counter.Rows} learned)", count / 5, clock);

clock.Restart();
for (var i = count; i < count + count / 10; i++) whole.Features(0, i, Id(i), i, row); // time passes: the oldest tenth expires
Report($"rows stored while {counter.Expired} expired", count / 10, clock);

clock.Restart();
// What a learner would journal stands in for it here.
var state = new ArrayBufferWriter<byte>();
whole.State.Save(new StateWriter(state));
var checkpoint = store.Checkpoint(state.WrittenSpan);
var (longest, during) = (clock.Elapsed, 0L);
var began = longest;
for (var batch = 0; batch < 2_000 && !checkpoint.IsCompleted; batch++)
{
    var last = clock.Elapsed;
    Join(whole, count, Batch, seed: 4 + (ulong)batch);
    during += Batch;
    if (clock.Elapsed - last > longest) longest = clock.Elapsed - last;
}
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"checkpoint begun in {began.TotalMilliseconds:0.0} ms; {during} labels joined while it was under way; the longest pause of {Batch} of them, or of its beginning, {longest.TotalMilliseconds:0.0} ms"));
await checkpoint;
Report("checkpoint", store.Count, clock);
Console.WriteLine($"disk {new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length) >> 20} MiB");
if (whole.Counts is not { FeatureRemainder: 0, LabelRemainder: 0 }) return 1;
Process.GetCurrentProcess().Kill();
return 1;

void Join(LabelJoin join, long among, long labels, ulong seed)
{
    var ids = new List<ReadOnlyMemory<byte>>(Batch);
    var offset = join.State.Find(labels: true, 0)?.Next ?? 0;
    for (long k = 0; k < labels; k += ids.Count)
    {
        ids.Clear();
        for (var b = 0; b < Batch; b++) ids.Add(Id((long)(Mix(seed << 32 | (ulong)(k + b)) % (ulong)among)));
        store.Prefetch(ids);
        foreach (var id in ids) join.Label(0, offset++, id.Span, 0, 1, corrects: false);
    }
}

static byte[] Id(long i)
{
    var id = new byte[16];
    BinaryPrimitives.WriteUInt64BigEndian(id, Mix((ulong)i));
    BinaryPrimitives.WriteInt64BigEndian(id.AsSpan(8), i);
    return id;
}

static ulong Mix(ulong z)
{
    z += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void Report(string what, long count, Stopwatch clock)
{
    var status = File.ReadAllLines("/proc/self/status");
    long MiB(string key) => long.Parse(status.First(l => l.StartsWith(key, StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) >> 10;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {count} in {clock.Elapsed.TotalSeconds:0.00} s, {count / clock.Elapsed.TotalSeconds:0} a second, resident {MiB("VmRSS")} MiB (peak {MiB("VmHWM")})"));
}

internal sealed class Counter : IJoinSink
{
    public long Rows { get; private set; }

    public long Expired { get; private set; }

    public bool Learn(in JoinedPair pair, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row)
    {
        Rows += row.Length == 330 ? 1 : 0;
        return true;
    }

    public void Expire(int partition, long offset, ReadOnlySpan<byte> id, ReadOnlySpan<byte> row) => Expired++;

    public void Orphan(int partition, long offset)
    {
    }

    public void Correct(ReadOnlySpan<byte> id, double label, double weight)
    {
    }
}
