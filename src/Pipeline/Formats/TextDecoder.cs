using System.Text.Unicode;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>How a text becomes features.</summary>
public enum TextSplit
{
    /// <summary>Words: longest runs of letters and digits, ASCII letters in lower case; a word's value is how often it is there.</summary>
    Words,

    /// <summary>The text as it is, as one named feature of the value 1: for featurizers that take it apart, as those of URLs do.</summary>
    Whole,
}

/// <summary>Where the label of a text is.</summary>
public enum TextLabel
{
    /// <summary>It has none.</summary>
    None,

    /// <summary>Before the first tab: <c>LABEL TAB TEXT</c>.</summary>
    Tab,
}

/// <summary>How records of raw text are read.</summary>
/// <param name="Split">How a text becomes features.</param>
/// <param name="Label">Where the label is.</param>
public sealed record TextMapping(TextSplit Split = TextSplit.Words, TextLabel Label = TextLabel.None)
{
    internal ConfigNode.Map ToConfig() => ConfigNode.Of(("label", Spelling.Of(Label)), ("split", Spelling.Of(Split)));
}

/// <summary>
/// Raw text and URLs, one a record: a row whose tokens are its features. Bytes above 127 belong to words, so that words of any script
/// stay whole; no other rule of a language is applied, and equal bytes give equal rows.
/// </summary>
public sealed class TextDecoder(TextMapping mapping, int deadLetterBytes = DeadLetterFactory.DefaultLimit) : IDecoder
{
    /// <summary>Longest token in bytes; a whole text may be longer.</summary>
    public const int MaxTokenBytes = 1_024;

    /// <summary>Longest text that is one feature, in bytes.</summary>
    public const int MaxWholeBytes = 16 * 1_024;

    private readonly DeadLetterFactory _deadLetters = new(deadLetterBytes);

    /// <inheritdoc/>
    public string Format => "text";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        Span<byte> token = stackalloc byte[MaxTokenBytes];
        for (var i = 0; i < raw.Count; i++)
        {
            if (raw.IsCut(i, out _))
            {
                chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
            }
            else if (!raw[i].ContainsAnyExcept(" \t\r\n"u8))
            {
                chunk.Skipped++;
            }
            else if (Read(raw[i], chunk.Rows, token, out var fault, out var at, out var reason))
            {
                chunk.EndRow(raw.OffsetOf(i));
            }
            else
            {
                chunk.Rows.DropRow();
                chunk.DeadLetters.Add(_deadLetters.Of(raw, i, fault, at, reason));
            }
        }
        return chunk;
    }

    private bool Read(ReadOnlySpan<byte> record, RowBatch rows, Span<byte> token, out RowFault fault, out int at, out string reason)
    {
        (fault, at, reason) = (RowFault.Malformed, 0, "the record is not UTF-8");
        if (!Utf8.IsValid(record)) return false;
        rows.BeginRow();
        var label = double.NaN;
        var text = record.TrimEnd(" \t\r\n"u8);
        if (mapping.Label == TextLabel.Tab)
        {
            var tab = text.IndexOf((byte)'\t');
            (fault, reason) = (RowFault.BadLabel, "the record has no label before a tab");
            if (tab < 0 || !NumberText.TryRead(text[..tab].Trim((byte)' '), out label)) return false;
            (fault, reason) = (RowFault.NotFinite, "the label is not finite");
            if (!double.IsFinite(label)) return false;
            at = tab + 1;
            text = text[at..];
        }
        text = text.TrimStart(" \t"u8);
        if (mapping.Split == TextSplit.Whole)
        {
            (fault, reason) = (RowFault.TooLarge, $"a text that is one feature is longer than {MaxWholeBytes} bytes");
            if (text.Length > MaxWholeBytes) return false;
            if (!text.IsEmpty) rows.Add((uint)System.IO.Hashing.XxHash3.HashToUInt64(text), 1, text);
        }
        else if (!AddWords(text, rows, token, out fault, out var inText, out reason))
        {
            at += inText;
            return false;
        }
        fault = rows.TryEndRow(label);
        reason = fault == RowFault.TooManyFeatures ? $"the row has more than {RowBatch.MaxFeatures} features" : "a number is not finite";
        return fault == RowFault.None;
    }

    private static bool AddWords(ReadOnlySpan<byte> text, RowBatch rows, Span<byte> token, out RowFault fault, out int at, out string reason)
    {
        (fault, reason) = (RowFault.None, "");
        var count = 0;
        for (at = 0; at < text.Length;)
        {
            if (!IsWord(text[at]))
            {
                at++;
                continue;
            }
            var from = at;
            while (at < text.Length && IsWord(text[at])) at++;
            var length = at - from;
            if (length > MaxTokenBytes || ++count > RowBatch.MaxFeatures)
            {
                at = from;
                (fault, reason) = length > MaxTokenBytes
                    ? (RowFault.TooLarge, $"a word is longer than {MaxTokenBytes} bytes")
                    : (RowFault.TooManyFeatures, $"the text has more than {RowBatch.MaxFeatures} words");
                return false;
            }
            for (var i = 0; i < length; i++) token[i] = text[from + i] is var c and >= (byte)'A' and <= (byte)'Z' ? (byte)(c | 0x20) : text[from + i];
            // A word of digits is a word, not the index of a feature: its name is kept.
            rows.Add((uint)System.IO.Hashing.XxHash3.HashToUInt64(token[..length]), 1, token[..length]);
        }
        return true;
    }

    private static bool IsWord(byte c) => char.IsAsciiLetterOrDigit((char)c) || c >= 0x80;
}
