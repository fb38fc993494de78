namespace StreamMLOps.Pipeline;

/// <summary>
/// ISO 8601 text to milliseconds since 1970 UTC: <c>2024-02-29</c>, <c>2024-02-29T23:59</c>, <c>...:59</c>, <c>...:59.123456</c>, each with
/// <c>Z</c>, <c>+01:00</c>, <c>+0100</c> or nothing, which means UTC: the machine's own zone must not change what is read.
/// </summary>
internal static class EventTime
{
    public static bool TryParse(ReadOnlySpan<byte> text, out long milliseconds)
    {
        milliseconds = 0;
        if (!Take(ref text, 4, out var year) || !Take(ref text, (byte)'-') || !Take(ref text, 2, out var month)
            || !Take(ref text, (byte)'-') || !Take(ref text, 2, out var day)) return false;
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month)) return false;
        milliseconds = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Utc).Subtract(DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMillisecond;
        if (text.IsEmpty) return true;

        if (text[0] is not ((byte)'T' or (byte)'t' or (byte)' ')) return false;
        text = text[1..];
        if (!Take(ref text, 2, out var hour) || !Take(ref text, (byte)':') || !Take(ref text, 2, out var minute)) return false;
        var second = 0;
        var fraction = 0;
        if (Take(ref text, (byte)':'))
        {
            if (!Take(ref text, 2, out second)) return false;
            if (Take(ref text, (byte)'.') || Take(ref text, (byte)','))
            {
                if (!TakeFraction(ref text, out fraction)) return false;
            }
        }
        // 60: a leap second is the first moment of the next minute, as in Unix time.
        if (hour > 23 || minute > 59 || second > 60) return false;
        milliseconds += hour * 3_600_000L + minute * 60_000L + second * 1_000L + fraction;
        return TakeZone(ref text, ref milliseconds) && text.IsEmpty;
    }

    private static bool TakeZone(ref ReadOnlySpan<byte> text, ref long milliseconds)
    {
        if (text.IsEmpty || Take(ref text, (byte)'Z') || Take(ref text, (byte)'z')) return true;
        var east = Take(ref text, (byte)'+');
        if (!east && !Take(ref text, (byte)'-')) return false;
        if (!Take(ref text, 2, out var hours)) return false;
        var colon = Take(ref text, (byte)':');
        var minutes = 0;
        if ((colon || !text.IsEmpty) && !Take(ref text, 2, out minutes)) return false;
        if (hours > 23 || minutes > 59) return false;
        milliseconds -= (east ? 1 : -1) * (hours * 3_600_000L + minutes * 60_000L);
        return true;
    }

    private static bool Take(ref ReadOnlySpan<byte> text, byte c)
    {
        if (text.IsEmpty || text[0] != c) return false;
        text = text[1..];
        return true;
    }

    private static bool Take(ref ReadOnlySpan<byte> text, int digits, out int value)
    {
        value = 0;
        if (text.Length < digits) return false;
        foreach (var c in text[..digits])
        {
            if (c is < (byte)'0' or > (byte)'9') return false;
            value = value * 10 + (c - '0');
        }
        text = text[digits..];
        return true;
    }

    // Milliseconds; what is finer is cut off.
    private static bool TakeFraction(ref ReadOnlySpan<byte> text, out int milliseconds)
    {
        milliseconds = 0;
        var digits = 0;
        for (; digits < text.Length && text[digits] is >= (byte)'0' and <= (byte)'9'; digits++)
        {
            if (digits < 3) milliseconds = milliseconds * 10 + (text[digits] - '0');
        }
        for (var i = digits; i < 3; i++) milliseconds *= 10;
        text = text[digits..];
        return digits is > 0 and <= 9;
    }
}
