using System.Globalization;

namespace StreamMLOps.Learning;

/// <summary>
/// A decimal number in text, <c>[+-] digits [. digits] [e [+-] digits]</c>, rounded correctly to double. Few digits and a small power of
/// ten are both exact as doubles, so one multiplication or division rounds once (Clinger, "How to Read Floating Point Numbers
/// Accurately", PLDI 1990); the rest goes to the library, whose parsing is exact too.
/// </summary>
internal static class DecimalNumber
{
    private const ulong LargestExact = 1UL << 53;

    private static ReadOnlySpan<double> PowersOfTen =>
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ];

    /// <summary>Reads the number at <paramref name="at"/> and moves behind it; what follows is the caller's to judge.</summary>
    /// <returns><see cref="RowFault.None"/>, <see cref="RowFault.BadValue"/>, or <see cref="RowFault.NotFinite"/> for nan, inf and what is too large.</returns>
    public static RowFault Parse(ReadOnlySpan<byte> text, ref int at, out double value)
    {
        value = 0;
        var start = at;
        var p = at;
        var negative = p < text.Length && text[p] == '-';
        if (p < text.Length && text[p] is (byte)'-' or (byte)'+') p++;
        if (p < text.Length && (text[p] | 0x20) is 'n' or 'i') return Named(text[p..]);

        ulong digits = 0;
        var exact = true;
        var first = p;
        for (; p < text.Length && IsDigit(text[p]); p++) Append(text[p]);
        var count = p - first;
        var scale = 0;
        if (p < text.Length && text[p] == '.')
        {
            first = ++p;
            for (; p < text.Length && IsDigit(text[p]); p++) Append(text[p]);
            scale = first - p;
            count -= scale;
        }
        if (count == 0) return RowFault.BadValue;
        if (p < text.Length && (text[p] | 0x20) == 'e' && !TryReadExponent(text, ref p, ref scale)) return RowFault.BadValue;

        at = p;
        if (exact && digits <= LargestExact && scale is >= -22 and <= 22)
            value = scale < 0 ? digits / PowersOfTen[-scale] : digits * PowersOfTen[scale];
        else
            return Library(text[start..p], out value);
        if (negative) value = -value;
        return RowFault.None;

        void Append(byte digit)
        {
            exact &= digits < 1_000_000_000_000_000_000;
            digits = digits * 10 + (uint)(digit - '0');
        }
    }

    private static bool TryReadExponent(ReadOnlySpan<byte> text, ref int p, ref int scale)
    {
        p++;
        var negative = p < text.Length && text[p] == '-';
        if (p < text.Length && text[p] is (byte)'-' or (byte)'+') p++;
        if (p == text.Length || !IsDigit(text[p])) return false;
        var exponent = 0;
        for (; p < text.Length && IsDigit(text[p]); p++) exponent = Math.Min(exponent * 10 + (text[p] - '0'), 100_000);
        scale += negative ? -exponent : exponent;
        return true;
    }

    private static RowFault Library(ReadOnlySpan<byte> token, out double value) =>
        !double.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out value) ? RowFault.BadValue
            : double.IsFinite(value) ? RowFault.None : RowFault.NotFinite;

    private static RowFault Named(ReadOnlySpan<byte> text)
    {
        var length = 0;
        while (length < text.Length && (uint)((text[length] | 0x20) - 'a') < 26) length++;
        Span<byte> lower = stackalloc byte[8];
        if (length > lower.Length) return RowFault.BadValue;
        for (var i = 0; i < length; i++) lower[i] = (byte)(text[i] | 0x20);
        var name = lower[..length];
        return name.SequenceEqual("nan"u8) || name.SequenceEqual("inf"u8) || name.SequenceEqual("infinity"u8) ? RowFault.NotFinite : RowFault.BadValue;
    }

    private static bool IsDigit(byte b) => (uint)(b - '0') <= 9;
}
