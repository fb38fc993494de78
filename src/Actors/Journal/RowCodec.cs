using System.Buffers.Binary;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// The compact form of a decoded row in the journal, format 1. A row is: flags; its range's ordinal (where the event has
/// several); offset as a delta in its range; label, id and time as the flags say; the number of features; for each feature
/// <c>(index - previous) * 2 + (value is not 1)</c>, its name where the row has names, and the value where it is not 1.
/// A value is a head byte and: 0..9, a whole number v with the value v / 10^head; 16..25, the same negated;
/// <see cref="SingleHead"/>, four bytes; <see cref="DoubleHead"/>, eight bytes. Every form gives back the exact bits.
/// </summary>
internal static class RowCodec
{
    private const byte NamedFlag = 1, IdFlag = 2, TimeFlag = 4;
    private const int LabelShift = 3; // two bits: 1, -1, 0, or eight bytes
    private const byte KnownFlags = 0b0001_1111;
    private const byte SingleHead = 32, DoubleHead = 33;
    private static readonly double[] PowersOfTen = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

    /// <summary>An upper bound of the bytes that writing a row needs.</summary>
    public static int MaxLength(Chunk chunk, int row)
    {
        var batch = chunk.Rows;
        var count = batch.Starts[row + 1] - batch.Starts[row];
        var bytes = 64 + chunk.IdOf(row).Length + count * 15;
        if (batch.HasNames)
            for (var k = batch.Starts[row]; k < batch.Starts[row + 1]; k++) bytes += 5 + batch.NameOf(k).Length;
        return bytes;
    }

    /// <summary>Writes row <paramref name="row"/> of the chunk.</summary>
    /// <param name="target">At least <see cref="MaxLength"/> bytes.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="row">The row's number in it.</param>
    /// <param name="range">Ordinal of the row's range in the event.</param>
    /// <param name="offsetDelta">Offset of the row less the offset after the previous row of its range.</param>
    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> target, Chunk chunk, int row, int range, long offsetDelta) => Write(target, chunk, row, range, offsetDelta, chunk.Rows.Labels[row]);

    /// <summary>Writes a row whose label is not known yet, for <see cref="Relabel"/>.</summary>
    public static int WriteWithoutLabel(Span<byte> target, Chunk chunk, int row) => Write(target, chunk, row, 0, 0, 0);

    /// <summary>Writes what <see cref="WriteWithoutLabel"/> wrote, with a label.</summary>
    /// <param name="target">At least eight bytes more than the row has.</param>
    /// <param name="row">The row.</param>
    /// <param name="label">Its label.</param>
    /// <returns>Bytes written.</returns>
    public static int Relabel(Span<byte> target, ReadOnlySpan<byte> row, double label)
    {
        var code = LabelCode(label);
        target[0] = (byte)(row[0] & ~(3 << LabelShift) | (code << LabelShift));
        target[1] = target[2] = 0; // range and offset
        var n = 3;
        if (code == 3)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(target[n..], label);
            n += 8;
        }
        row[3..].CopyTo(target[n..]);
        return n + row.Length - 3;
    }

    private static int Write(Span<byte> target, Chunk chunk, int row, int range, long offsetDelta, double label)
    {
        var batch = chunk.Rows;
        var from = batch.Starts[row];
        var to = batch.Starts[row + 1];
        var named = batch.HasNames && HasNames(batch, from, to);
        var id = chunk.IdOf(row);
        var time = chunk.TimeOf(row);
        var labelCode = LabelCode(label);
        var n = 0;
        target[n++] = (byte)((named ? NamedFlag : 0) | (id.IsEmpty ? 0 : IdFlag) | (time == Chunk.NoTime ? 0 : TimeFlag) | (labelCode << LabelShift));
        n += Varint.Write(target[n..], (ulong)range);
        n += Varint.Write(target[n..], (ulong)offsetDelta);
        if (labelCode == 3)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(target[n..], label);
            n += 8;
        }
        if (!id.IsEmpty)
        {
            n += Varint.Write(target[n..], (ulong)id.Length);
            id.CopyTo(target[n..]);
            n += id.Length;
        }
        if (time != Chunk.NoTime)
        {
            BinaryPrimitives.WriteInt64LittleEndian(target[n..], time);
            n += 8;
        }
        n += Varint.Write(target[n..], (ulong)(to - from));
        var indices = batch.Indices;
        var values = batch.Values;
        ulong previous = 0;
        for (var k = from; k < to; k++)
        {
            var value = values[k];
            var head = (indices[k] - previous) << 1;
            previous = indices[k];
            if (value == 1.0)
            {
                n += Varint.Write(target[n..], head);
                if (named) n += WriteName(target[n..], batch.NameOf(k));
                continue;
            }
            n += Varint.Write(target[n..], head | 1);
            if (named) n += WriteName(target[n..], batch.NameOf(k));
            n += WriteValue(target[n..], value);
        }
        return n;
    }

    /// <summary>Reads one row into <paramref name="batch"/>.</summary>
    /// <returns>The ordinal of the row's range and its offset delta; id and time lie in <paramref name="source"/>.</returns>
    public static (int Range, long OffsetDelta, Range Id, long Time) Read(ReadOnlySpan<byte> source, ref int at, RowBatch batch)
    {
        if (at >= source.Length) throw new JournalFormatException("the event is cut short");
        var flags = source[at++];
        if ((flags & ~KnownFlags) != 0) throw new JournalFormatException($"a row has the unknown flags {flags:x2}: the event was written by a newer version or is damaged");
        var range = (int)Varint.Read(source, ref at);
        var delta = (long)Varint.Read(source, ref at);
        var label = (flags >> LabelShift & 3) switch
        {
            0 => 1.0,
            1 => -1.0,
            2 => 0.0,
            _ => BinaryPrimitives.ReadDoubleLittleEndian(Take(source, ref at, 8)),
        };
        Range id = default;
        if ((flags & IdFlag) != 0)
        {
            var length = (int)Varint.Read(source, ref at);
            id = new Range(at, at + length);
            Take(source, ref at, length);
        }
        var time = (flags & TimeFlag) != 0 ? BinaryPrimitives.ReadInt64LittleEndian(Take(source, ref at, 8)) : Chunk.NoTime;
        var count = (int)Varint.Read(source, ref at);
        // A feature takes at least a byte: a damaged count never makes memory of it.
        if ((uint)count > RowBatch.MaxFeatures || count > source.Length - at) throw new JournalFormatException("a row claims more features than there are bytes: the event is damaged");
        var fault = (flags & NamedFlag) != 0 ? ReadNamed(source, ref at, batch, count, label) : ReadIndexed(source, ref at, batch, count, label);
        return fault == RowFault.None
            ? (range, delta, id, time)
            : throw new JournalFormatException($"a stored row is refused ({fault}): the event is damaged");
    }

    // The hot path of every replay: indices and values go straight into the batch.
    private static RowFault ReadIndexed(ReadOnlySpan<byte> source, scoped ref int at, RowBatch batch, int count, double label)
    {
        var row = batch.OpenRow(count);
        var n = at;
        var ascending = true;
        var sound = true;
        ulong index = 0;
        for (var k = 0; k < count; k++)
        {
            var head = Varint.Read(source, ref n);
            ascending &= k == 0 || head > 1;
            index += head >> 1;
            var value = 1.0;
            if ((head & 1) != 0)
            {
                value = ReadValue(source, ref n);
                sound &= double.IsFinite(value) && value != 0;
            }
            row.Set(k, (uint)index, value);
            sound &= index <= uint.MaxValue;
        }
        at = n;
        if (sound) return batch.CommitRow(count, ascending, label);
        batch.DropRow();
        return RowFault.NotFinite;
    }

    private static RowFault ReadNamed(ReadOnlySpan<byte> source, scoped ref int at, RowBatch batch, int count, double label)
    {
        batch.BeginRow();
        ulong index = 0;
        for (var k = 0; k < count; k++)
        {
            var head = Varint.Read(source, ref at);
            index += head >> 1;
            var name = Take(source, ref at, (int)Varint.Read(source, ref at));
            var value = (head & 1) == 0 ? 1.0 : ReadValue(source, ref at);
            if (index > uint.MaxValue) throw new JournalFormatException("a feature index exceeds 32 bits: the event is damaged");
            batch.Add((uint)index, value, name);
        }
        return batch.TryEndRow(label);
    }

    private static int LabelCode(double label) => BitConverter.DoubleToUInt64Bits(label) switch
    {
        0x3FF0000000000000 => 0,
        0xBFF0000000000000 => 1,
        0 => 2,
        _ => 3,
    };

    private static bool HasNames(RowBatch batch, int from, int to)
    {
        for (var k = from; k < to; k++)
            if (!batch.NameOf(k).IsEmpty) return true;
        return false;
    }

    private static int WriteName(Span<byte> target, ReadOnlySpan<byte> name)
    {
        var n = Varint.Write(target, (ulong)name.Length);
        name.CopyTo(target[n..]);
        return n + name.Length;
    }

    internal static int WriteValue(Span<byte> target, double value)
    {
        var magnitude = Math.Abs(value);
        // Values come from decimal text: the shortest power of ten that divides back to the same bits is nearly always small.
        if (magnitude < 2_000_000 && BitConverter.DoubleToInt64Bits(value) != BitConverter.DoubleToInt64Bits(-0.0))
        {
            foreach (var digits in (ReadOnlySpan<int>)[0, 2, 4, 6])
            {
                var scaled = (ulong)(magnitude * PowersOfTen[digits] + 0.5);
                if (scaled / PowersOfTen[digits] != magnitude || scaled > 0xFFF_FFFF) continue;
                target[0] = (byte)(digits | (value < 0 ? 16 : 0));
                return 1 + Varint.Write(target[1..], scaled);
            }
        }
        if ((float)value == value)
        {
            target[0] = SingleHead;
            BinaryPrimitives.WriteSingleLittleEndian(target[1..], (float)value);
            return 5;
        }
        target[0] = DoubleHead;
        BinaryPrimitives.WriteDoubleLittleEndian(target[1..], value);
        return 9;
    }

    internal static double ReadValue(ReadOnlySpan<byte> source, scoped ref int at)
    {
        var head = Take(source, ref at, 1)[0];
        if (head == SingleHead) return BinaryPrimitives.ReadSingleLittleEndian(Take(source, ref at, 4));
        if (head == DoubleHead) return BinaryPrimitives.ReadDoubleLittleEndian(Take(source, ref at, 8));
        var digits = head & 15;
        if (head > 25 || digits > 9) throw new JournalFormatException($"a value has the unknown head {head}: the event was written by a newer version or is damaged");
        var value = Varint.Read(source, ref at) / PowersOfTen[digits];
        return head >= 16 ? -value : value;
    }

    private static ReadOnlySpan<byte> Take(ReadOnlySpan<byte> source, scoped ref int at, int count)
    {
        if (count < 0 || count > source.Length - at) throw new JournalFormatException("the event is cut short");
        at += count;
        return source.Slice(at - count, count);
    }
}
