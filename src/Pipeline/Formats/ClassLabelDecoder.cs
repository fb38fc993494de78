using System.Globalization;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Rows as another decoder makes them, but for those whose label is no class: for models of many classes, whose labels are whole numbers from 0 to
/// below a limit. Such a record is a dead letter before it is scored, so that nothing that cannot be learned reaches a model.
/// </summary>
/// <param name="decoder">Makes the rows.</param>
/// <param name="classes">What labels are below.</param>
/// <param name="deadLetterBytes">Most bytes of the record that a dead letter holds.</param>
/// <param name="stage">Stage of the dead letters.</param>
public sealed class ClassLabelDecoder(IDecoder decoder, long classes, int deadLetterBytes = DeadLetterFactory.DefaultLimit, string stage = "decode") : IDecoder
{
    private readonly DeadLetterFactory _deadLetters = new(deadLetterBytes, stage);

    /// <inheritdoc/>
    public string Format => decoder.Format;

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = decoder.Decode(raw);
        foreach (var label in chunk.Rows.Labels)
            if (!IsClass(label)) return WithoutOthers(chunk, raw);
        return chunk;
    }

    private bool IsClass(double label) => double.IsNaN(label) || (label >= 0 && label < classes && label == Math.Floor(label));

    // Rare: the rows that stay are copied.
    private Chunk WithoutOthers(Chunk chunk, RawChunk raw)
    {
        using (chunk)
        {
            var sound = new Chunk(chunk.Range, chunk.Count) { Skipped = chunk.Skipped };
            var (record, letter) = (0, 0);
            for (var i = 0; i < chunk.Count; i++)
            {
                var (offset, label) = (chunk.OffsetOf(i), chunk.Rows.Labels[i]);
                while (letter < chunk.DeadLetters.Count && chunk.DeadLetters[letter].Offset < offset) sound.DeadLetters.Add(chunk.DeadLetters[letter++]);
                if (IsClass(label))
                {
                    sound.Rows.TryCopy(chunk.Rows, i);
                    sound.EndRow(offset, chunk.IdOf(i), chunk.TimeOf(i));
                    continue;
                }
                while (raw.OffsetOf(record) < offset) record++;
                sound.DeadLetters.Add(_deadLetters.Of(raw, record, RowFault.BadLabel, 0, string.Create(CultureInfo.InvariantCulture, $"the label {label} is no class: labels are whole numbers from 0 to {classes - 1} (max-classes of the model sets the limit)")));
            }
            while (letter < chunk.DeadLetters.Count) sound.DeadLetters.Add(chunk.DeadLetters[letter++]);
            return sound;
        }
    }
}
