using System.Buffers;
using System.Text.Unicode;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// CSV records (RFC 4180), one row each. A column's cell is the value of the feature of that name; an empty cell means absent; a column that
/// the schema calls a text gives the feature <c>column=text</c> with the value 1. The columns are named in settings, or by the first record
/// of the log, which is then no row but skipped.
/// </summary>
public sealed class CsvDecoder : IDecoder
{
    private readonly CsvMapping _mapping;
    private readonly RecordSchema? _schema;
    private readonly Lazy<CsvLayout> _layout;
    private readonly DeadLetterFactory _deadLetters;
    private readonly bool _hasHeader;

    /// <param name="mapping">Which columns hold what.</param>
    /// <param name="header">Reads the log's first record; called once, when the first records are decoded, and only where the mapping names no columns.</param>
    /// <param name="schema">Types of columns, or null.</param>
    /// <param name="deadLetterBytes">Most bytes of the record that a dead letter holds.</param>
    /// <exception cref="SourceException">A mapped column is not among the mapping's own columns.</exception>
    public CsvDecoder(CsvMapping mapping, Func<byte[]>? header = null, SchemaSettings? schema = null, int deadLetterBytes = DeadLetterFactory.DefaultLimit)
    {
        _mapping = mapping;
        _schema = RecordSchema.Of(schema);
        _deadLetters = new DeadLetterFactory(deadLetterBytes);
        _hasHeader = mapping.Columns.IsEmpty;
        // A header that could not be read is asked for again: the file may be back then.
        _layout = _hasHeader
            ? new Lazy<CsvLayout>(() => CsvLayout.Of(mapping, mapping.ReadHeader(header?.Invoke() ?? throw new SourceException("source.csv.columns: names no columns, and the source has no header line")), _schema), LazyThreadSafetyMode.PublicationOnly)
            : new Lazy<CsvLayout>(CsvLayout.Of(mapping, mapping.Columns, _schema));
    }

    /// <inheritdoc/>
    public string Format => "csv";

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var layout = _layout.Value;
        var chunk = new Chunk(raw.Range, Math.Max(1, raw.Count)) { Skipped = raw.To - raw.From - raw.Count };
        var longest = 0;
        for (var i = 0; i < raw.Count; i++) longest = Math.Max(longest, raw[i].Length);
        var scratch = ArrayPool<byte>.Shared.Rent(longest + CsvMapping.MaxNameBytes);
        var present = ArrayPool<bool>.Shared.Rent(_schema?.Count ?? 0);
        for (var i = 0; i < raw.Count; i++)
        {
            if (raw.IsCut(i, out _))
            {
                chunk.DeadLetters.Add(_deadLetters.TooLarge(raw, i));
                continue;
            }
            if ((_hasHeader && raw.OffsetOf(i) == 0) || !raw[i].ContainsAnyExcept(" \t\r\n"u8))
            {
                chunk.Skipped++;
                continue;
            }
            var row = new CsvRowReader(raw[i], (byte)_mapping.Delimiter, layout, _schema, chunk.Rows, scratch, present.AsSpan(0, _schema?.Count ?? 0));
            if (!Utf8.IsValid(raw[i])) row.Fail(RowFault.Malformed, "the record is not UTF-8", 0);
            else if (row.Read())
            {
                chunk.EndRow(raw.OffsetOf(i), row.Id, row.Time);
                continue;
            }
            chunk.Rows.DropRow();
            chunk.DeadLetters.Add(_deadLetters.Of(raw, i, row.Fault, row.FaultAt, row.FaultReason));
        }
        ArrayPool<byte>.Shared.Return(scratch);
        ArrayPool<bool>.Shared.Return(present);
        return chunk;
    }
}
