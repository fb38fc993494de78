namespace StreamMLOps.Learning;

/// <summary>
/// Counts of n characters or n words in a row (Cavnar and Trenkle, "N-Gram-Based Text Categorization", SDAIR 1994). Characters are those of Unicode; words
/// are longest runs of letters, digits and bytes beyond ASCII, joined by one blank. ASCII letters are taken in lower case.
/// </summary>
/// <param name="words">Words rather than characters.</param>
/// <param name="shortest">Smallest n, 1 to 8.</param>
/// <param name="longest">Largest n, from <paramref name="shortest"/> to 8.</param>
public sealed class NGramFeaturizer(bool words, int shortest, int longest) : ITextFeaturizer
{
    private const int MaxLength = 8;

    /// <inheritdoc/>
    public void Featurize(ReadOnlySpan<byte> text, NamedFeatures features)
    {
        Span<int> starts = stackalloc int[MaxLength];    // of the newest units, a ring
        Span<byte> gram = stackalloc byte[NamedFeatures.MaxNameBytes];
        Span<byte> prefix = [words ? (byte)'w' : (byte)'c', 0, (byte)'='];
        var count = 0;
        for (var i = 0; i < text.Length;)
        {
            var from = i;
            if (words) while (i < text.Length && TextBytes.IsWord(text[i])) i++;
            else do i++; while (i < text.Length && !TextBytes.IsFirst(text[i]));
            if (i == from)
            {
                i++;
                continue;
            }
            starts[count++ % MaxLength] = from;
            for (var n = shortest; n <= Math.Min(longest, count); n++)
            {
                prefix[1] = (byte)('0' + n);
                var whole = text[starts[(count - n) % MaxLength]..i];
                features.Add(prefix, words ? Joined(whole, gram) : whole, 1);
            }
        }
    }

    // What is between words, however much of it, is one blank.
    private static ReadOnlySpan<byte> Joined(ReadOnlySpan<byte> text, Span<byte> gram)
    {
        var length = 0;
        for (var i = 0; i < text.Length && length < gram.Length; i++)
        {
            if (TextBytes.IsWord(text[i])) gram[length++] = text[i];
            else if (TextBytes.IsWord(text[i + 1])) gram[length++] = (byte)' ';
        }
        return gram[..length];
    }
}
