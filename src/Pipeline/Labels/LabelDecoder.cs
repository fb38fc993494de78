using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Labels as JSON objects, one a record (<see cref="LabelMessage"/>), to the rows of <see cref="LabelRows"/>.</summary>
public sealed class LabelDecoder(LabelMapping? mapping = null, int deadLetterBytes = DeadLetterFactory.DefaultLimit) : IDecoder
{
    /// <summary>Stage of the dead letters: their positions are of the labels' log.</summary>
    public const string Stage = "decode-label";

    private const int MaxIdBytes = 1_024; // as of the rows
    private const string NotFinite = "label or weight is no finite number";
    private readonly PlainLabelReader _plain = new(mapping ?? new LabelMapping());
    private readonly LabelMapping _mapping = mapping ?? new LabelMapping();
    private readonly DeadLetterFactory _deadLetters = new(deadLetterBytes, Stage);

    /// <inheritdoc/>
    public string Format => "json";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        Span<byte> id = stackalloc byte[MaxIdBytes];
        for (var i = 0; i < raw.Count; i++)
        {
            var record = raw[i];
            if (raw.IsCut(i, out _)) chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
            else if (!record.ContainsAnyExcept(" \t\r\n"u8)) chunk.Skipped++;
            else if (_plain.TryRead(record, id, out var plain))
            {
                if (!LabelRows.Add(chunk, raw.OffsetOf(i), id[..plain.IdLength], plain.Time, plain.Label, plain.Corrects, plain.Weight)) chunk.DeadLetters.Add(_deadLetters.Of(raw, i, RowFault.NotFinite, 0, NotFinite));
            }
            else if (!LabelMessage.TryParse(record, _mapping, out var label, out var reason)) chunk.DeadLetters.Add(_deadLetters.Of(raw, i, RowFault.Malformed, 0, reason));
            else if (!Encoding.UTF8.TryGetBytes(label.Id, id, out var length)) chunk.DeadLetters.Add(_deadLetters.Of(raw, i, RowFault.TooLarge, 0, $"the id is longer than {MaxIdBytes} bytes"));
            else if (!LabelRows.Add(chunk, raw.OffsetOf(i), id[..length], label.Time, label.Label, label.Corrects, label.Weight)) chunk.DeadLetters.Add(_deadLetters.Of(raw, i, RowFault.NotFinite, 0, NotFinite));
        }
        return chunk;
    }
}
