using System.Globalization;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Makes dead letters of records that are no rows, with reasons for people.</summary>
/// <param name="limit">Most bytes of the record that a dead letter holds.</param>
/// <param name="stage">Where they fail.</param>
internal sealed class DeadLetterFactory(int limit, string stage = "decode")
{
    public const int DefaultLimit = 64 * 1024;
    private const int ExcerptBytes = 32;

    /// <summary>The dead letter of record <paramref name="i"/>, whose fault is at the byte <paramref name="at"/>.</summary>
    public DeadLetter Of(RawChunk raw, int i, RowFault fault, int at, string what)
    {
        var record = raw[i];
        raw.IsCut(i, out var length);
        at = Math.Clamp(at, 0, record.Length);
        var reason = string.Create(CultureInfo.InvariantCulture, $"{what}, at byte {at}{Excerpt(record, at)}");
        return Letter(raw, i, fault, OnOneLine(reason), length);
    }

    /// <summary>The dead letter of a record that is here only in part.</summary>
    public DeadLetter TooLarge(RawChunk raw, int i)
    {
        raw.IsCut(i, out var length);
        return Letter(raw, i, RowFault.TooLarge, raw.RefusalOf(i) ?? string.Create(CultureInfo.InvariantCulture, $"a record of {length} bytes is larger than the limit of {raw[i].Length}"), length);
    }

    private DeadLetter Letter(RawChunk raw, int i, RowFault fault, string reason, long length)
    {
        var record = raw[i];
        return new DeadLetter(raw.Partition, raw.Epoch, raw.OffsetOf(i), stage, fault, reason, record[..Math.Min(record.Length, limit)].ToArray(), length);
    }

    private static string Excerpt(ReadOnlySpan<byte> record, int at)
    {
        var rest = record[at..];
        if (rest.IsEmpty) return " (the end of the record)";
        var excerpt = Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, ExcerptBytes)]);
        return rest.Length > ExcerptBytes ? $": {excerpt} ..." : $": {excerpt}";
    }

    private static string OnOneLine(string text)
    {
        if (!text.Any(char.IsControl)) return text;
        return string.Create(text.Length, text, (to, from) =>
        {
            for (var i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) ? '\ufffd' : from[i];
        });
    }
}
