using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// JSON objects, one a record, with the fields where the <see cref="JsonMapping"/> says; other fields are passed over. A feature's
/// value is a number, a number in a string, or a boolean (1 or 0); null means absent. Where the mapping allows it, objects within are
/// flattened (<c>a.b</c>), numbers of an array are known by their place (<c>v.0</c>) and its texts as <c>tags=text</c>; a text that a schema
/// expects becomes <c>name=text</c> with the value 1. Names become indices by <see cref="FeatureName"/>.
/// </summary>
public sealed class JsonDecoder : IDecoder
{
    private readonly JsonMapping _mapping;
    private readonly JsonPaths _paths;
    private readonly RecordSchema? _schema;
    private readonly DeadLetterFactory _deadLetters;

    /// <exception cref="ArgumentException">Two paths of the mapping overlap, or one is empty.</exception>
    public JsonDecoder(JsonMapping? mapping = null, int deadLetterBytes = DeadLetterFactory.DefaultLimit, SchemaSettings? schema = null)
    {
        _schema = RecordSchema.Of(schema);
        _mapping = mapping ?? new JsonMapping();
        _paths = JsonPaths.Of(_mapping);
        _deadLetters = new DeadLetterFactory(deadLetterBytes);
    }

    /// <inheritdoc/>
    public string Format => "json";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        var bytes = ArrayPool<byte>.Shared.Rent(JsonScratch.Bytes(_mapping));
        var present = ArrayPool<bool>.Shared.Rent(_schema?.Count ?? 0);
        var scratch = new JsonScratch(bytes, present.AsSpan(0, _schema?.Count ?? 0), _mapping);
        for (var i = 0; i < raw.Count; i++)
        {
            if (raw.IsCut(i, out _)) chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
            else if (Decode(raw, i, chunk, scratch) is { } letter) chunk.DeadLetters.Add(letter);
        }
        ArrayPool<byte>.Shared.Return(bytes);
        ArrayPool<bool>.Shared.Return(present);
        return chunk;
    }

    private DeadLetter? Decode(RawChunk raw, int i, Chunk chunk, JsonScratch scratch)
    {
        var record = raw[i];
        if (!record.ContainsAnyExcept(" \t\r\n"u8))
        {
            chunk.Skipped++;
            return null;
        }
        if (!Utf8.IsValid(record)) return _deadLetters.Of(raw, i, RowFault.Malformed, FirstInvalid(record), "the record is not UTF-8");

        var row = new JsonRowReader(record, chunk.Rows, _mapping, _schema, scratch);
        try
        {
            if (row.Read(_paths))
            {
                chunk.EndRow(raw.OffsetOf(i), row.Id, row.Time);
                return null;
            }
        }
        catch (JsonException e)
        {
            row.Fail(RowFault.Malformed, $"not JSON: {e.Message.Split(" LineNumber:")[0].TrimEnd('.')}", PositionOf(e, record));
        }
        catch (InvalidOperationException)
        {
            // Thrown for text that cannot be unescaped: half of a surrogate pair.
            row.Fail(RowFault.Malformed, "a text has an escape that is no character");
        }
        chunk.Rows.DropRow();
        return _deadLetters.Of(raw, i, row.Fault, row.FaultAt, row.FaultReason);
    }

    private static int PositionOf(JsonException e, ReadOnlySpan<byte> record)
    {
        var at = 0;
        for (var line = e.LineNumber ?? 0; line > 0; line--) at += record[at..].IndexOf((byte)'\n') + 1;
        return at + (int)(e.BytePositionInLine ?? 0);
    }

    private static int FirstInvalid(ReadOnlySpan<byte> record)
    {
        var at = 0;
        while (at < record.Length && Rune.DecodeFromUtf8(record[at..], out _, out var used) == OperationStatus.Done) at += used;
        return at;
    }
}
