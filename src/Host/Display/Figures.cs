using System.Globalization;

namespace StreamMLOps.Host;

/// <summary>Figures for people.</summary>
internal static class Figures
{
    public static string Count(long n) => n.ToString("N0", CultureInfo.InvariantCulture);

    public static string Rate(double rowsPerSecond) => rowsPerSecond.ToString("N0", CultureInfo.InvariantCulture);

    public static string Percent(double share) => double.IsNaN(share) ? "-" : (share * 100).ToString("0.00", CultureInfo.InvariantCulture) + " %";

    public static string Number(double value) => double.IsNaN(value) ? "-" : value.ToString("0.0000", CultureInfo.InvariantCulture);

    public static string Megabytes(long bytes) => (bytes / 1048576.0).ToString(bytes < 10 << 20 ? "0.0" : "0", CultureInfo.InvariantCulture) + " MiB";

    public static string Seconds(TimeSpan? time) => time is { } t ? Seconds(t) : "-";

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString(time.TotalSeconds < 10 ? "0.00" : "0", CultureInfo.InvariantCulture) + " s";

    public static string Clock(TimeSpan time) => time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);

    /// <summary>Round-trip digits and bits: <c>0.5 (3fe0000000000000)</c>.</summary>
    public static string Exact(double value) =>
        string.Create(CultureInfo.InvariantCulture, $"{value:R} ({BitConverter.DoubleToUInt64Bits(value):x16})");
}
