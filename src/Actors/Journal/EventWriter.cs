using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Writes the head of an event: a format byte, then numbers (LEB128), fixed-width fields and texts.</summary>
internal sealed class EventWriter
{
    private readonly ArrayBufferWriter<byte> _output = new(256);

    public EventWriter(byte format) => _output.Write([format]);

    public int Length => _output.WrittenCount;

    public void Number(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        _output.Advance(Varint.Write(_output.GetSpan(Varint.MaxLength), (ulong)value));
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_output.GetSpan(8), value);
        _output.Advance(8);
    }

    public void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_output.GetSpan(8), value);
        _output.Advance(8);
    }

    public void Text(string value)
    {
        Number(Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, _output);
    }

    public void Range(OffsetRange range)
    {
        Number(range.Partition);
        UInt64(range.Epoch);
        Number(range.From);
        Number(range.To - range.From);
    }

    public byte[] ToArray(ReadOnlySpan<byte> tail = default)
    {
        var bytes = GC.AllocateUninitializedArray<byte>(_output.WrittenCount + tail.Length);
        _output.WrittenSpan.CopyTo(bytes);
        tail.CopyTo(bytes.AsSpan(_output.WrittenCount));
        return bytes;
    }
}

/// <summary>Reads what <see cref="EventWriter"/> wrote.</summary>
internal struct EventReader
{
    private readonly byte[] _bytes;
    private int _at;

    public EventReader(byte[] bytes, string kind, byte newest)
    {
        _bytes = bytes;
        if (bytes.Length == 0) throw new JournalFormatException($"an event of kind '{kind}' is empty");
        if (bytes[0] > newest)
            throw new JournalFormatException($"an event of kind '{kind}' has format {bytes[0]}, this program knows formats up to {newest}: the journal was written by a newer version, use that version or a later one");
        _at = 1;
    }

    public readonly int At => _at;

    public long Number() => (long)Varint.Read(_bytes, ref _at);

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public string Text() => Encoding.UTF8.GetString(Take((int)Number()));

    public OffsetRange Range()
    {
        var (partition, epoch, from) = ((int)Number(), UInt64(), Number());
        return new(partition, epoch, from, from + Number());
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > _bytes.Length - _at) throw new JournalFormatException("the event is cut short");
        _at += count;
        return _bytes.AsSpan(_at - count, count);
    }
}
