using System.Globalization;

namespace StreamMLOps.Learning;

/// <summary>
/// Parts of a moment as features of their own: <c>hour=13</c>, <c>weekday=1</c> (Monday is 1), <c>day=31</c>, <c>month=12</c>, and <c>weekend</c>; UTC, the Gregorian calendar before its time too.
/// The text is milliseconds since 1970.
/// </summary>
public sealed class DateFeaturizer : ITextFeaturizer
{
    private static readonly long Least = new DateTimeOffset(DateTime.MinValue, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private static readonly long Most = new DateTimeOffset(DateTime.MaxValue, TimeSpan.Zero).ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public void Featurize(ReadOnlySpan<byte> text, NamedFeatures features)
    {
        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds) || milliseconds < Least || milliseconds > Most)
        {
            features.Add("date.unknown"u8, default, 1);
            return;
        }
        var moment = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        var weekday = moment.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)moment.DayOfWeek;
        Add("hour="u8, moment.Hour, features);
        Add("weekday="u8, weekday, features);
        Add("day="u8, moment.Day, features);
        Add("month="u8, moment.Month, features);
        if (weekday > 5) features.Add("weekend"u8, default, 1);
    }

    private static void Add(ReadOnlySpan<byte> prefix, int part, NamedFeatures features)
    {
        Span<byte> digits = stackalloc byte[2];
        part.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        features.Add(prefix, digits[..length], 1);
    }
}
