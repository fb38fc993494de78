using System.Buffers;
using System.Globalization;

namespace StreamMLOps.Pipeline;

/// <summary>JSON tokens as UTF-8 bytes, for lines that are written too often for a general writer. All return the bytes written.</summary>
internal static class JsonText
{
    /// <summary>Most bytes of a number of any type.</summary>
    public const int MaxNumber = 32;

    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(c => (byte)c), (byte)'"', (byte)'\\']);

    /// <summary>Most bytes that <paramref name="count"/> bytes of UTF-8 need within quotes.</summary>
    public static int MaxEscaped(int count) => count * 6;

    /// <summary>The content of a string, without its quotes.</summary>
    public static int Write(Span<byte> to, ReadOnlySpan<byte> utf8)
    {
        var used = 0;
        for (int at; (at = utf8.IndexOfAny(Escaped)) >= 0; utf8 = utf8[(at + 1)..])
        {
            utf8[..at].CopyTo(to[used..]);
            used += at;
            used += Escape(to[used..], utf8[at]);
        }
        utf8.CopyTo(to[used..]);
        return used + utf8.Length;
    }

    public static int Write(Span<byte> to, long number)
    {
        number.TryFormat(to, out var used, default, CultureInfo.InvariantCulture);
        return used;
    }

    /// <summary>The shortest digits that give the same bits back; in quotes what JSON has no number for.</summary>
    public static int Write(Span<byte> to, double number)
    {
        if (double.IsFinite(number))
        {
            number.TryFormat(to, out var used, default, CultureInfo.InvariantCulture);
            return used;
        }
        ReadOnlySpan<byte> text = double.IsNaN(number) ? "\"NaN\""u8 : number > 0 ? "\"Infinity\""u8 : "\"-Infinity\""u8;
        text.CopyTo(to);
        return text.Length;
    }

    private static int Escape(Span<byte> to, byte c)
    {
        to[0] = (byte)'\\';
        if (c is (byte)'"' or (byte)'\\')
        {
            to[1] = c;
            return 2;
        }
        "u00"u8.CopyTo(to[1..]);
        to[4] = (byte)('0' + (c >> 4));
        to[5] = (byte)((c & 15) < 10 ? '0' + (c & 15) : 'a' + (c & 15) - 10);
        return 6;
    }
}
