using System.Globalization;
using System.Reflection;
using System.Runtime.Serialization;

namespace StreamMLOps.Pipeline;

/// <summary>How settings are spelled: names of enumerations, sizes and durations.</summary>
public static class Spelling
{
    // Powers of 1024 for K and KiB, of 1000 for kB, as HOCON has them.
    private static readonly (string Unit, long Bytes)[] SizeUnits =
    [
        ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000),
        ("G", 1L << 30), ("M", 1L << 20), ("K", 1L << 10), ("bytes", 1), ("byte", 1), ("B", 1), ("", 1),
    ];

    private static readonly (string Unit, long Ticks)[] TimeUnits =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("min", TimeSpan.TicksPerMinute), ("us", TimeSpan.TicksPerMicrosecond),
        ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Reads <c>4096</c>, <c>64 KiB</c>, <c>1.5 MiB</c>, <c>2 MB</c>.</summary>
    public static bool TryParseBytes(string text, out long bytes) => TryParse(text, SizeUnits, out bytes);

    /// <summary>Reads <c>20ms</c>, <c>1.5 s</c>, <c>2 min</c>; the unit is required.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        var read = TryParse(text, TimeUnits, out var ticks);
        duration = TimeSpan.FromTicks(ticks);
        return read;
    }

    /// <summary>Writes bytes in the largest unit that is exact: <c>64 KiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        foreach (var (unit, size) in SizeUnits[..3])
            if (bytes != 0 && bytes % size == 0) return string.Create(CultureInfo.InvariantCulture, $"{bytes / size} {unit}");
        return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
    }

    /// <summary>Writes a duration: <c>20ms</c>, <c>5s</c>.</summary>
    public static string Duration(TimeSpan duration) => duration.Ticks % TimeSpan.TicksPerSecond == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{duration.Ticks / TimeSpan.TicksPerSecond}s")
        : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds}ms");

    /// <summary>The name of an enumeration's value in settings: <c>SvmLight</c> is <c>svmlight</c>; or what its <see cref="EnumMemberAttribute"/> says.</summary>
    public static string Of<T>(T value)
        where T : struct, Enum => typeof(T).GetField(value.ToString())?.GetCustomAttribute<EnumMemberAttribute>()?.Value ?? value.ToString().ToLowerInvariant();

    /// <summary>Text in quotes, so that canonical lines cannot be confused.</summary>
    internal static string Quote(string text) => ConfigNodes.Quote(text, always: true);

    private static bool TryParse(string text, (string Unit, long Factor)[] units, out long value)
    {
        value = 0;
        text = text.Trim();
        var digits = text.AsSpan().TrimEnd("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        var unit = text[digits.Length..];
        foreach (var (name, factor) in units)
        {
            if (name != unit) continue;
            if (!decimal.TryParse(digits.TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || number > long.MaxValue / factor) return false;
            value = (long)(number * factor);
            return true;
        }
        return false;
    }
}
