using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace StreamMLOps.Learning;

/// <summary>State bytes that cannot be read: of a newer format, of another kind, or damaged. The message says which and what to do.</summary>
public sealed class StateFormatException(string message) : Exception(message);

/// <summary>Reads what <see cref="StateWriter"/> wrote, checking lengths before it trusts them.</summary>
public sealed class StateReader(ReadOnlyMemory<byte> bytes)
{
    private ReadOnlyMemory<byte> _rest = bytes;

    /// <summary>Bytes not yet read.</summary>
    public int Remaining => _rest.Length;

    /// <summary>Reads a section head: must be <paramref name="name"/>, in a format up to <paramref name="newest"/>.</summary>
    /// <returns>The format.</returns>
    public int Section(string name, int newest)
    {
        var found = Text();
        if (found != name) throw new StateFormatException($"expected the state of '{name}' but found '{found}'");
        var format = Int32();
        if (format < 1) throw new StateFormatException($"state of '{name}' has the impossible format {format}: the bytes are damaged");
        return format <= newest
            ? format
            : throw new StateFormatException($"state of '{name}' has format {format}, this program knows formats up to {newest}: it was written by a newer version, use that version or a later one");
    }

    /// <summary>One byte.</summary>
    public byte Byte() => Take(1)[0];

    /// <summary>0 or 1.</summary>
    public bool Flag() => Byte() switch { 0 => false, 1 => true, var b => throw new StateFormatException($"a flag is {b}: the bytes are damaged") };

    /// <summary>Four bytes.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    /// <summary>Four bytes.</summary>
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    /// <summary>Eight bytes.</summary>
    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    /// <summary>Eight bytes.</summary>
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Eight bytes.</summary>
    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    /// <summary>Four bytes.</summary>
    public float Single() => BinaryPrimitives.ReadSingleLittleEndian(Take(4));

    /// <summary>UTF-8 with its length before it.</summary>
    public string Text() => Encoding.UTF8.GetString(Take(Int32()));

    /// <summary>Raw bytes with their length before them.</summary>
    public byte[] Bytes() => Take(Int32()).ToArray();

    /// <summary>An array of numbers with its length before it.</summary>
    public T[] Array<T>() where T : unmanaged
    {
        var result = new T[ArrayLength<T>()];
        Fill<T>(result);
        return result;
    }

    /// <summary>Reads an array into the start of <paramref name="target"/>, which must be long enough.</summary>
    /// <returns>Elements read.</returns>
    public int Array<T>(Span<T> target) where T : unmanaged
    {
        var length = ArrayLength<T>();
        if (length > target.Length) throw new StateFormatException($"an array has {length} elements where at most {target.Length} fit: the bytes are damaged");
        Fill(target[..length]);
        return length;
    }

    /// <summary>An array of numbers as it lies in the bytes, without a copy: for arrays so large that a copy is felt.</summary>
    public ReadOnlySpan<T> View<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Take(checked(ArrayLength<T>() * Marshal.SizeOf<T>())));

    private int ArrayLength<T>() where T : unmanaged
    {
        var length = Int64();
        return length >= 0 && length <= _rest.Length / Marshal.SizeOf<T>()
            ? (int)length
            : throw new StateFormatException($"an array claims {length} elements but only {_rest.Length} bytes follow: the bytes are cut short or damaged");
    }

    private void Fill<T>(Span<T> target) where T : unmanaged => Take(target.Length * Marshal.SizeOf<T>()).CopyTo(MemoryMarshal.AsBytes(target));

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count < 0 || count > _rest.Length) throw new StateFormatException($"{count} bytes expected but {_rest.Length} follow: the bytes are cut short or damaged");
        var span = _rest.Span[..count];
        _rest = _rest[count..];
        return span;
    }
}
