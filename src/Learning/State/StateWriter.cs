using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace StreamMLOps.Learning;

/// <summary>
/// Writes canonical state: little-endian, fixed widths, no padding, arrays in an order that the state itself defines. Equal
/// states write equal bytes, so that equal hashes mean equal states.
/// </summary>
public sealed class StateWriter
{
    private readonly IBufferWriter<byte> _output;

    /// <summary>Writes to <paramref name="output"/>.</summary>
    public StateWriter(IBufferWriter<byte> output) => _output = output;

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    /// <summary>Opens a section: what it is and which format it has. <see cref="StateReader.Section"/> checks both.</summary>
    public void Section(string name, int format)
    {
        Text(name);
        Int32(format);
    }

    /// <summary>One byte.</summary>
    public void Byte(byte value) { Take(1)[0] = value; }

    /// <summary>0 or 1.</summary>
    public void Flag(bool value) => Byte(value ? (byte)1 : (byte)0);

    /// <summary>Four bytes.</summary>
    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);

    /// <summary>Four bytes.</summary>
    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

    /// <summary>Eight bytes.</summary>
    public void Int64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    /// <summary>Eight bytes.</summary>
    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    /// <summary>Eight bytes, the bits as they are (the sign of zero and the payload of a NaN included).</summary>
    public void Double(double value) => BinaryPrimitives.WriteDoubleLittleEndian(Take(8), value);

    /// <summary>Four bytes, the bits as they are.</summary>
    public void Single(float value) => BinaryPrimitives.WriteSingleLittleEndian(Take(4), value);

    /// <summary>UTF-8 with its length in bytes before it.</summary>
    public void Text(string value)
    {
        var count = Encoding.UTF8.GetByteCount(value);
        Int32(count);
        Encoding.UTF8.GetBytes(value, Take(count));
    }

    /// <summary>Raw bytes with their length before them.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        Raw(value);
    }

    /// <summary>An array of numbers with its length (in elements) before it.</summary>
    public void Array<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("StreamMLOps state needs a little-endian machine.");
        Int64(values.Length);
        // In slices: the bytes of a large array exceed what a span can address, and no buffer needs to hold all of it.
        for (var slice = 1 << 20; !values.IsEmpty; values = values[Math.Min(slice, values.Length)..])
            Raw(MemoryMarshal.AsBytes(values[..Math.Min(slice, values.Length)]));
    }

    private void Raw(ReadOnlySpan<byte> value)
    {
        while (!value.IsEmpty)
        {
            var count = Math.Min(value.Length, 1 << 20);
            value[..count].CopyTo(Take(count));
            value = value[count..];
        }
    }

    private Span<byte> Take(int count)
    {
        var span = _output.GetSpan(count)[..count];
        _output.Advance(count);
        Length += count;
        return span;
    }
}

/// <summary>128-bit hash (XXH3) of canonical state bytes.</summary>
/// <param name="High">Upper half.</param>
/// <param name="Low">Lower half.</param>
public readonly record struct StateHash(ulong High, ulong Low)
{
    /// <summary>Hash of bytes.</summary>
    public static StateHash Of(ReadOnlySpan<byte> bytes) => From(XxHash128.HashToUInt128(bytes));

    /// <summary>Hash of what <paramref name="save"/> writes; nothing is kept in memory.</summary>
    public static StateHash Of(Action<StateWriter> save)
    {
        var sink = new HashingSink();
        save(new StateWriter(sink));
        return From(sink.Finish());
    }

    /// <summary>Hash of a model's state.</summary>
    public static StateHash Of(IModel model) => Of(model.Save);

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    public static StateHash Parse(string text)
    {
        var value = UInt128.Parse(text, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        return From(value);
    }

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => $"{High:x16}{Low:x16}";

    private static StateHash From(UInt128 value) => new((ulong)(value >> 64), (ulong)value);

    // A span may be written to after it was advanced over, until the next one is asked for: bytes are hashed no earlier.
    private sealed class HashingSink : IBufferWriter<byte>
    {
        private readonly XxHash128 _hash = new();
        private byte[] _buffer = new byte[64 * 1024];
        private int _used;

        public UInt128 Finish()
        {
            Empty();
            return _hash.GetCurrentHashAsUInt128();
        }

        public void Advance(int count) => _used += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => Room(sizeHint);

        public Span<byte> GetSpan(int sizeHint = 0) => Room(sizeHint).Span;

        private Memory<byte> Room(int count)
        {
            count = Math.Max(1, count);
            if (_buffer.Length - _used < count) Empty();
            if (_buffer.Length < count) _buffer = new byte[count];
            return _buffer.AsMemory(_used);
        }

        private void Empty()
        {
            _hash.Append(_buffer.AsSpan(0, _used));
            _used = 0;
        }
    }
}
