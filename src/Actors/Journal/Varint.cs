using System.Runtime.CompilerServices;

namespace StreamMLOps.Actors;

/// <summary>LEB128 numbers: seven bits a byte, least significant first.</summary>
internal static class Varint
{
    /// <summary>Most bytes of one number.</summary>
    public const int MaxLength = 10;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(Span<byte> target, ulong value)
    {
        var n = 0;
        while (value >= 0x80)
        {
            target[n++] = (byte)(value | 0x80);
            value >>= 7;
        }
        target[n++] = (byte)value;
        return n;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(ReadOnlySpan<byte> source, ref int at)
    {
        if ((uint)at < (uint)source.Length)
        {
            var b = source[at];
            if (b < 0x80)
            {
                at++;
                return b;
            }
        }
        return ReadLong(source, ref at);
    }

    private static ulong ReadLong(ReadOnlySpan<byte> source, ref int at)
    {
        var result = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if ((uint)at >= (uint)source.Length) throw new JournalFormatException("the event is cut short");
            var b = source[at++];
            result |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return result;
        }
        throw new JournalFormatException("a number of the event has more than 64 bits: the bytes are damaged");
    }
}

/// <summary>Journal bytes that cannot be read: of a newer format, or damaged. The message says which.</summary>
public sealed class JournalFormatException(string message) : Exception(message);
