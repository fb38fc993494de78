using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using FASTER.core;

namespace StreamMLOps.Pipeline;

/// <summary>
/// A pending store in Microsoft FASTER: a hash index in memory over one log, of which the newest part is in memory and the rest on disk. Every
/// change is appended, so the log is in the order of stamps, and sweeping is reading it from its beginning and cutting that off. Source:
/// Chandramouli et al., FASTER: A Concurrent Key-Value Store with In-Place Updates, SIGMOD 2018.
/// </summary>
/// <remarks>What was stored after the last <see cref="Checkpoint"/> is gone with the process; the note says up to where the store knows.</remarks>
public sealed class FasterPendingStore : IPendingStore
{
    private const int HeaderBytes = 32; // kind, partition, offset, label, stamp
    private const int SweepBatch = 256;
    private static readonly string[] Parts = ["index-checkpoints", "cpr-checkpoints"];
    private readonly string _folder;
    private readonly FileStream _lock;
    private readonly IDevice _device;
    private readonly FasterKV<SpanByte, SpanByte> _store;
    private readonly ClientSession<SpanByte, SpanByte, SpanByte, SpanByteAndMemory, long, Functions> _session;
    private readonly Functions _functions = new();
    private readonly Dictionary<UInt128, byte[]?> _prefetched = [];
    private long _sweptTo;
    private byte[] _value = new byte[1024];
    private byte[] _lastId = new byte[64];
    private int _lastLength = -1; // none
    private bool _lastFound;
    private Task _checkpoint = Task.CompletedTask;

    /// <summary>Opens the newest sound checkpoint of a folder, or begins empty.</summary>
    /// <param name="folder">A folder of the store's own.</param>
    /// <param name="memoryBytes">Memory for the newest part of the log, a power of two from 16 MiB on.</param>
    /// <param name="expectedIds">About how many ids there will be; the index takes eight bytes for each.</param>
    /// <exception cref="IOException">Another store has the folder open: two over one log read each other's half-written pages.</exception>
    public FasterPendingStore(string folder, long memoryBytes = 256 << 20, long expectedIds = 1 << 24)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        _lock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        // FASTER trusts the bytes of a log, and damaged ones end the process. An opening that did not come to its end is not tried twice: this is a cache.
        var opening = Path.Combine(folder, "opening");
        if (File.Exists(opening)) Clear(folder);
        File.WriteAllBytes(opening, []);
        _device = Devices.CreateLogDevice(Path.Combine(folder, "log"));
        // Nothing is changed in place, so pages are written soon after they are full: what a checkpoint has to write is a quarter of the memory at most.
        var log = new LogSettings { LogDevice = _device, MemorySizeBits = Bits(memoryBytes), PageSizeBits = 20, SegmentSizeBits = 26, MutableFraction = 0.25, PreallocateLog = true };
        // One write of the index after the other, from a task of its own: reads of the join come in between.
        var checkpoints = new CheckpointSettings { CheckpointDir = Path.Combine(folder, "checkpoints"), ThrottleCheckpointFlushDelayMs = 0 };
        // A bucket is a line of the cache: seven ids.
        _store = new FasterKV<SpanByte, SpanByte>(1L << Math.Max(10, Bits(expectedIds / 8)), log, checkpoints);
        // A checkpoint that a kill cut short lacks the file that ends it: the one before it is whole.
        foreach (var (token, note, count) in Notes().Where(n => IsWhole(n.Token)).Take(1))
        {
            _store.Recover(token, token);
            (Note, Count) = (note, count);
        }
        _session = _store.For(_functions).NewSession<Functions>();
        File.Delete(opening);
    }

    /// <inheritdoc/>
    public byte[] Note { get; } = [];

    /// <inheritdoc/>
    public long Count { get; private set; }

    /// <summary>Awaited before a checkpoint is completed; for specs of what happens meanwhile.</summary>
    internal Func<Task>? BeforeCompletion { get; set; }

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> id, out JoinEntry entry, IBufferWriter<byte>? row = null)
    {
        entry = default;
        var found = TryRead(id, out var value);
        Remember(id, found);
        if (!found) return false;
        entry = Entry(value);
        row?.Write(value[HeaderBytes..]);
        return true;
    }

    /// <inheritdoc/>
    public unsafe void Put(ReadOnlySpan<byte> id, in JoinEntry entry, ReadOnlySpan<byte> row = default)
    {
        // Nearly always the id that was just asked for.
        if (!(IsLast(id) ? _lastFound : TryRead(id, out _))) Count++;
        Remember(id, found: true);
        var length = HeaderBytes + row.Length;
        if (length > _value.Length) _value = new byte[length * 2];
        Write(_value, entry);
        row.CopyTo(_value.AsSpan(HeaderBytes));
        fixed (byte* k = id, v = _value)
        {
            var key = SpanByte.FromPointer(k, id.Length);
            var to = SpanByte.FromPointer(v, length);
            _session.Upsert(ref key, ref to);
        }
        if (_prefetched.Count > 0 && Key(id) is var hash && _prefetched.ContainsKey(hash)) _prefetched[hash] = _value[..length];
    }

    /// <inheritdoc/>
    public bool IsOnDisk => _store.Log.HeadAddress > _store.Log.BeginAddress;

    /// <inheritdoc/>
    // What is in memory is not copied: it is as near there.
    public void Prefetch(IReadOnlyList<ReadOnlyMemory<byte>> ids) => Ask(ids, all: false);

    private unsafe void Ask(IReadOnlyList<ReadOnlyMemory<byte>> ids, bool all)
    {
        _prefetched.Clear();
        _functions.Found.Clear();
        for (var i = 0; i < ids.Count; i++)
        {
            fixed (byte* k = ids[i].Span)
            {
                var key = SpanByte.FromPointer(k, ids[i].Length);
                SpanByte input = default;
                var output = new SpanByteAndMemory();
                var status = _session.Read(ref key, ref input, ref output, i);
                if (all && !status.IsPending) _prefetched[Key(ids[i].Span)] = status.Found ? _functions.Value.ToArray() : null;
            }
        }
        _session.CompletePending(wait: true);
        foreach (var (i, value) in _functions.Found) _prefetched[Key(ids[(int)i].Span)] = value;
        _functions.Found.Clear();
    }

    /// <inheritdoc/>
    public bool Sweep(long stamp, SweptEntry swept, int most = int.MaxValue)
    {
        var log = _store.Log;
        var end = Math.Max(_sweptTo, log.BeginAddress);
        if (end >= log.TailAddress) return true;
        var (judged, all) = (0, true);
        var ids = new List<ReadOnlyMemory<byte>>(SweepBatch);
        var entries = new List<JoinEntry>(SweepBatch);
        _prefetched.Clear();
        using (var scan = log.Scan(end, log.TailAddress))
        {
            while (scan.GetNext(out var info))
            {
                if (!info.Tombstone)
                {
                    var entry = Entry(scan.GetValue().AsReadOnlySpan());
                    if (entry.Stamp >= stamp) break;
                    ids.Add(scan.GetKey().ToByteArray());
                    entries.Add(entry);
                }
                end = scan.NextAddress;
                if (ids.Count < SweepBatch) continue;
                judged += ids.Count;
                Judge();
                if (judged < most) continue;
                all = false;
                break;
            }
        }
        Judge();
        _prefetched.Clear();
        _sweptTo = end;
        // A checkpoint under way has what was there when it began.
        if (!_checkpoint.IsCompleted) return all;
        // Whole pages alone: a log that begins within a page may lack the page's first half on disk, and FASTER's recovery reads all of it.
        log.ShiftBeginAddress(end, snapToPageStart: true);
        return all;

        // What was stored again since is further on in the log, and alive there.
        void Judge()
        {
            Ask(ids, all: true);
            for (var i = 0; i < ids.Count; i++)
            {
                if (!_prefetched.TryGetValue(Key(ids[i].Span), out var value) || value is null || Entry(value) != entries[i]) continue;
                Remove(ids[i].Span);
                swept(ids[i].Span, Entry(value), value.AsSpan(HeaderBytes));
            }
            ids.Clear();
            entries.Clear();
        }
    }

    /// <inheritdoc/>
    public Task Checkpoint(ReadOnlySpan<byte> note)
    {
        if (!_checkpoint.IsCompleted || !_store.TryInitiateFullCheckpoint(out var token, CheckpointType.FoldOver)) throw new InvalidOperationException("a checkpoint is under way already");
        // The note is there first: a checkpoint that is whole is never without it.
        var bytes = new byte[8 + note.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Count);
        note.CopyTo(bytes.AsSpan(8));
        var path = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"note-{DateTime.UtcNow.Ticks:x16}-{token:N}"));
        File.WriteAllBytes(path, bytes);
        // What is stored before the version has changed belongs to the checkpoint. After that it belongs to the next one, and opening takes it back.
        while (_store.SystemState.Phase is Phase.PREP_INDEX_CHECKPOINT or Phase.PREPARE) _session.Refresh();
        return _checkpoint = Task.Run(Complete);
    }

    private async Task Complete()
    {
        if (BeforeCompletion is { } wait) await wait().ConfigureAwait(false);
        CrashPoints.Pass(CrashPoints.InCheckpoint);
        await _store.CompleteCheckpointAsync().ConfigureAwait(false);
        CrashPoints.Pass(CrashPoints.AfterCheckpoint);
        foreach (var (old, _, _) in Notes().Skip(2).ToList())
        {
            foreach (var file in Directory.EnumerateFiles(_folder, $"note-*-{old:N}")) File.Delete(file);
            foreach (var kind in Parts)
                if (Path.Combine(_folder, "checkpoints", kind, old.ToString()) is var stale && Directory.Exists(stale)) Directory.Delete(stale, recursive: true);
        }
    }

    public void Dispose()
    {
        // Whoever took it has been told if it failed; a store that closes has no use for it.
        Task.WhenAny(_checkpoint).Wait();
        _session.Dispose();
        _store.Dispose();
        _device.Dispose();
        _lock.Dispose();
    }

    private static void Clear(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
            if (Path.GetFileName(file) is not ("lock" or "opening")) File.Delete(file);
        if (Path.Combine(folder, "checkpoints") is var checkpoints && Directory.Exists(checkpoints)) Directory.Delete(checkpoints, recursive: true);
    }

    private unsafe void Remove(ReadOnlySpan<byte> id)
    {
        fixed (byte* k = id)
        {
            var key = SpanByte.FromPointer(k, id.Length);
            _session.Delete(ref key);
        }
        Count--;
        if (IsLast(id)) _lastFound = false;
        if (Key(id) is var hash && _prefetched.ContainsKey(hash)) _prefetched[hash] = null;
    }

    // The value lies in a buffer of the store's until the next reading.
    private unsafe bool TryRead(ReadOnlySpan<byte> id, out ReadOnlySpan<byte> value)
    {
        if (_prefetched.Count > 0 && _prefetched.TryGetValue(Key(id), out var prefetched))
        {
            value = prefetched;
            return prefetched is not null;
        }
        fixed (byte* k = id)
        {
            var key = SpanByte.FromPointer(k, id.Length);
            SpanByte input = default;
            var output = new SpanByteAndMemory();
            var status = _session.Read(ref key, ref input, ref output);
            var found = status.Found;
            if (status.IsPending)
            {
                _functions.Found.Clear();
                _session.CompletePending(wait: true);
                found = _functions.Found.GetValueOrDefault(0) is not null;
            }
            value = found ? _functions.Value : default;
            return found;
        }
    }

    private bool IsLast(ReadOnlySpan<byte> id) => _lastLength == id.Length && id.SequenceEqual(_lastId.AsSpan(0, _lastLength));

    private void Remember(ReadOnlySpan<byte> id, bool found)
    {
        if (id.Length > _lastId.Length) _lastId = new byte[id.Length * 2];
        id.CopyTo(_lastId);
        (_lastLength, _lastFound) = (id.Length, found);
    }

    private bool IsWhole(Guid token) => Parts.All(kind => new FileInfo(Path.Combine(_folder, "checkpoints", kind, token.ToString(), "info.dat.0")) is { Exists: true, Length: > 0 });

    // The newest first.
    private IEnumerable<(Guid Token, byte[] Note, long Count)> Notes()
    {
        foreach (var file in Directory.EnumerateFiles(_folder, "note-*").OrderDescending(StringComparer.Ordinal))
        {
            var bytes = File.ReadAllBytes(file);
            if (bytes.Length >= 8 && Guid.TryParse(Path.GetFileName(file).Split('-')[^1], out var token))
                yield return (token, bytes[8..], BinaryPrimitives.ReadInt64LittleEndian(bytes));
        }
    }

    private static UInt128 Key(ReadOnlySpan<byte> id) => System.IO.Hashing.XxHash128.HashToUInt128(id);

    private static int Bits(long value) => System.Numerics.BitOperations.Log2((ulong)Math.Max(1, value));

    private static void Write(Span<byte> to, in JoinEntry e)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, (int)e.Kind);
        BinaryPrimitives.WriteInt32LittleEndian(to[4..], e.Partition);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], e.Offset);
        BinaryPrimitives.WriteDoubleLittleEndian(to[16..], e.Label);
        BinaryPrimitives.WriteInt64LittleEndian(to[24..], e.Stamp);
    }

    private static JoinEntry Entry(ReadOnlySpan<byte> from) => new(
        (JoinKind)BinaryPrimitives.ReadInt32LittleEndian(from),
        BinaryPrimitives.ReadInt32LittleEndian(from[4..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[8..]),
        BinaryPrimitives.ReadDoubleLittleEndian(from[16..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[24..]));

    private sealed class Functions : SpanByteFunctions<long>
    {
        private byte[] _buffer = new byte[1024];
        private int _length;

        /// <summary>By number of the question, what was read from disk; null: there is nothing.</summary>
        public Dictionary<long, byte[]?> Found { get; } = [];

        /// <summary>The last value that was read.</summary>
        public ReadOnlySpan<byte> Value => _buffer.AsSpan(0, _length);

        // A value changed in place would keep its old place in the log, which is the order of stamps.
        public override bool ConcurrentWriter(ref SpanByte key, ref SpanByte input, ref SpanByte src, ref SpanByte dst, ref SpanByteAndMemory output, ref UpsertInfo upsertInfo) => false;

        public override bool SingleReader(ref SpanByte key, ref SpanByte input, ref SpanByte value, ref SpanByteAndMemory dst, ref ReadInfo readInfo) => Take(ref value);

        public override bool ConcurrentReader(ref SpanByte key, ref SpanByte input, ref SpanByte value, ref SpanByteAndMemory dst, ref ReadInfo readInfo) => Take(ref value);

        public override void ReadCompletionCallback(ref SpanByte key, ref SpanByte input, ref SpanByteAndMemory output, long ctx, Status status, RecordMetadata recordMetadata)
        {
            Found[ctx] = status.Found ? Value.ToArray() : null;
        }

        private bool Take(ref SpanByte value)
        {
            var bytes = value.AsReadOnlySpan();
            if (bytes.Length > _buffer.Length) _buffer = new byte[bytes.Length * 2];
            bytes.CopyTo(_buffer);
            _length = bytes.Length;
            return true;
        }
    }
}
