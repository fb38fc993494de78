using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Lines of svmlight (<see cref="SvmLightParser"/>); the rows have no id and no event time.</summary>
public sealed class SvmLightDecoder(int deadLetterBytes = DeadLetterFactory.DefaultLimit) : IDecoder
{
    private readonly DeadLetterFactory _deadLetters = new(deadLetterBytes);

    /// <inheritdoc/>
    public string Format => "svmlight";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        for (var i = 0; i < raw.Count; i++)
        {
            if (raw.IsCut(i, out _))
            {
                chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
                continue;
            }
            var fault = SvmLightParser.Parse(raw[i], chunk.Rows, out var column);
            if (fault == RowFault.None) chunk.EndRow(raw.OffsetOf(i));
            else if (fault == RowFault.Blank) chunk.Skipped++;
            else chunk.DeadLetters.Add(_deadLetters.Of(raw, i, fault, column, What(fault)));
        }
        return chunk;
    }

    private static string What(RowFault fault) => fault switch
    {
        RowFault.BadLabel => "the label is missing or is not a number",
        RowFault.BadIndex => "expected index:value with an index from 0 to 4294967295",
        RowFault.BadValue => "the value of a feature is not a number",
        RowFault.NotFinite => "a number, or the sum of a repeated feature, is not finite",
        RowFault.TooManyFeatures => $"the row has more than {RowBatch.MaxFeatures} features",
        _ => fault.ToString(),
    };
}
