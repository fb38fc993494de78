using System.Buffers;
using System.Buffers.Binary;
using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>
/// A snapshot as stored: format, hash of the state, the sequence numbers of the snapshots kept before it, the state. The hash
/// is checked before a byte of the state is believed.
/// </summary>
/// <param name="Bytes">The stored bytes.</param>
public sealed record SnapshotEnvelope(byte[] Bytes)
{
    public const string Manifest = "snapshot";
    private const byte Format = 1;
    private const int HashAt = 1, CountAt = 17, ListAt = 21;

    /// <summary>Saves the state of a fold.</summary>
    /// <param name="fold">The fold, between events.</param>
    /// <param name="earlier">Sequence numbers of the snapshots kept so far.</param>
    public static SnapshotEnvelope Of(LearnerFold fold, IReadOnlyList<long> earlier)
    {
        var output = new ArrayBufferWriter<byte>(1 << 20);
        var head = ListAt + 8 * earlier.Count;
        output.GetSpan(head)[..head].Clear();
        output.Advance(head);
        fold.Save(new StateWriter(output));
        var bytes = output.WrittenSpan.ToArray();
        var hash = StateHash.Of(bytes.AsSpan(head));
        bytes[0] = Format;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HashAt), hash.High);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HashAt + 8), hash.Low);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(CountAt), earlier.Count);
        for (var i = 0; i < earlier.Count; i++) BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(ListAt + 8 * i), earlier[i]);
        return new(bytes);
    }

    /// <summary>Hash of the state, as stored.</summary>
    public StateHash Hash => new(BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(HashAt)), BinaryPrimitives.ReadUInt64LittleEndian(Bytes.AsSpan(HashAt + 8)));

    /// <summary>The snapshots that were kept when this one was taken, ascending.</summary>
    public IReadOnlyList<long> Earlier
    {
        get
        {
            var list = new long[BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(CountAt))];
            for (var i = 0; i < list.Length; i++) list[i] = BinaryPrimitives.ReadInt64LittleEndian(Bytes.AsSpan(ListAt + 8 * i));
            return list;
        }
    }

    /// <summary>Checks the hash and makes the state.</summary>
    /// <exception cref="StateFormatException">The bytes are damaged or of a newer format.</exception>
    public LearnerFold Open(Func<Genesis, FoldDefinition> define)
    {
        if (Bytes.Length < ListAt) throw new StateFormatException("the snapshot is cut short");
        if (Bytes[0] > Format) throw new StateFormatException($"the snapshot has format {Bytes[0]}, this program knows formats up to {Format}: it was written by a newer version");
        var count = BinaryPrimitives.ReadInt32LittleEndian(Bytes.AsSpan(CountAt));
        if (count < 0 || count > (Bytes.Length - ListAt) / 8) throw new StateFormatException("the snapshot's list of earlier ones is damaged");
        var state = Bytes.AsMemory(ListAt + 8 * count);
        var found = StateHash.Of(state.Span);
        if (found != Hash) throw new StateFormatException($"the snapshot's bytes have hash {found} but were stored with {Hash}: they are damaged");
        return LearnerFold.Load(new StateReader(state), define);
    }
}

/// <summary>Which snapshots to keep: the newest few, and of the older ones about one for each doubling of age, so that old audits stay quick.</summary>
public static class SnapshotRetention
{
    /// <summary>The snapshots to delete.</summary>
    /// <param name="kept">Sequence numbers kept so far, ascending, the newest last.</param>
    /// <param name="recent">How many of the newest to keep in any case.</param>
    public static IReadOnlyList<long> Surplus(IReadOnlyList<long> kept, int recent)
    {
        var surplus = new List<long>();
        if (kept.Count <= recent) return surplus;
        var newest = kept[^1];
        var bucket = -1;
        // Oldest first: of those whose age falls between two powers of two the oldest stays.
        for (var i = 0; i < kept.Count - recent; i++)
        {
            var b = 64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)(newest - kept[i]));
            if (b == bucket) surplus.Add(kept[i]);
            bucket = b;
        }
        return surplus;
    }
}
