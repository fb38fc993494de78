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
    public static ulong Read(ReadOnlySpan<byte> source, scoped ref int at)
    {
        var n = at;
        // Nearly all numbers have one, two or three bytes.
        if ((uint)(n + 2) < (uint)source.Length)
        {
            uint a = source[n];
            if (a < 0x80)
            {
                at = n + 1;
                return a;
            }
            uint b = source[n + 1];
            if (b < 0x80)
            {
                at = n + 2;
                return a & 0x7F | b << 7;
            }
            uint c = source[n + 2];
            if (c < 0x80)
            {
                at = n + 3;
                return a & 0x7F | (b & 0x7F) << 7 | c << 14;
            }
        }
        return ReadLong(source, ref at);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong ReadLong(ReadOnlySpan<byte> source, scoped ref int at)
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
