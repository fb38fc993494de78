using System.Buffers.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Reads one CSV record into a batch of rows.</summary>
internal ref struct CsvRowReader(ReadOnlySpan<byte> record, byte delimiter, CsvLayout layout, RecordSchema? schema, RowBatch rows, Span<byte> scratch, Span<bool> present)
{
    private readonly int _end = record.Length;
    private readonly Span<byte> _scratch = scratch;
    private readonly Span<bool> _present = present;
    private CsvCells _cells = new(record, delimiter);
    private double _label = double.NaN;
    private int _count;

    /// <summary>The record's id; empty where it has none.</summary>
    public ReadOnlySpan<byte> Id { get; private set; }

    /// <summary>The record's event time, or <see cref="Chunk.NoTime"/>.</summary>
    public long Time { get; private set; } = Chunk.NoTime;

    /// <summary>Why <see cref="Read"/> answered no.</summary>
    public RowFault Fault { get; private set; }

    /// <summary>The fault in words.</summary>
    public string FaultReason { get; private set; } = "";

    /// <summary>The byte where the fault is.</summary>
    public int FaultAt { get; private set; }

    /// <summary>Adds the record's row to the batch, or states the fault; the caller drops an unfinished row then.</summary>
    public bool Read()
    {
        rows.BeginRow();
        _present.Clear();
        var i = 0;
        for (; _cells.Next(); i++)
        {
            if (i == layout.Columns.Length) return Fail(RowFault.Malformed, $"there are more cells than the {layout.Columns.Length} columns");
            if (!ReadCell(layout.Columns[i])) return false;
        }
        if (_cells.Fault is { } fault) return Fail(RowFault.Malformed, fault);
        if (i < layout.Columns.Length) return Fail(RowFault.Malformed, $"there are {i} cells for {layout.Columns.Length} columns", _end);
        if (schema?.FirstMissing(_present) is { } missing and >= 0) return Fail(RowFault.MissingField, schema.Missing(missing), _end);
        return rows.TryEndRow(_label) is var end && end == RowFault.None
            || Fail(end, end == RowFault.TooManyFeatures ? $"the row has more than {RowBatch.MaxFeatures} features" : "a number, or the sum of a repeated feature, is not finite");
    }

    /// <summary>States a fault at the current cell, or at the byte <paramref name="at"/>.</summary>
    /// <returns>No, always.</returns>
    public bool Fail(RowFault fault, string reason, int at = -1)
    {
        (Fault, FaultReason, FaultAt) = (fault, reason, at < 0 ? _cells.At : at);
        return false;
    }

    private bool ReadCell(CsvColumn column)
    {
        if (column.Role == CsvRole.Ignored) return true;
        if (_cells.Raw.Trim(" \t"u8).IsEmpty) return true;
        switch (column.Role)
        {
            case CsvRole.Id:
                // The id outlives the cell: unescaped, it would lie in room that the next cell takes.
                if (_cells.Raw.Contains((byte)'"')) return Fail(RowFault.Malformed, "an id has a quote in it");
                Id = _cells.Raw;
                return Id.Length <= CsvMapping.MaxNameBytes || Fail(RowFault.TooLarge, $"the id is longer than {CsvMapping.MaxNameBytes} bytes");
            case CsvRole.Label:
                if (!NumberText.TryRead(_cells.Raw.Trim(" \t"u8), out _label)) return Fail(RowFault.BadLabel, $"the label (column '{column.Name}') is not a number");
                return double.IsFinite(_label) || Fail(RowFault.NotFinite, "the label is not finite");
            case CsvRole.EventTime:
                return ReadTime(_cells.Raw.Trim(" \t"u8));
            default:
                return ReadFeature(column);
        }
    }

    private bool ReadTime(ReadOnlySpan<byte> text)
    {
        if (EventTime.TryParse(text, out var time) || (Utf8Parser.TryParse(text, out time, out var used) && used == text.Length))
        {
            Time = time;
            return true;
        }
        return Fail(RowFault.Malformed, "the event time is neither milliseconds nor ISO 8601 text");
    }

    private bool ReadFeature(CsvColumn column)
    {
        if (column.Field >= 0) _present[column.Field] = true;
        var type = column.Field >= 0 ? schema!.TypeOf(column.Field) : FieldType.Number;
        if (type == FieldType.String) return AddText(column);
        var text = _cells.Raw.Trim(" \t"u8);
        var isFlag = NumberText.TryReadFlag(text, out var value);
        if (column.Field >= 0 && isFlag != (type == FieldType.Bool)) return Fail(RowFault.SchemaViolation, schema!.Violation(column.Field));
        if (!isFlag && !NumberText.TryRead(text, out value))
        {
            return column.Field >= 0
                ? Fail(RowFault.SchemaViolation, schema!.Violation(column.Field))
                : Fail(RowFault.BadValue, $"the value of column '{column.Name}' is not a number (a column of texts is a string in source.schema.fields)");
        }
        if (!double.IsFinite(value)) return Fail(RowFault.NotFinite, $"the value of column '{column.Name}' is not finite");
        if (column.IsIndex) rows.Add(column.Index, value);
        else rows.Add(column.Index, value, column.Utf8);
        return CountOne();
    }

    private bool AddText(CsvColumn column)
    {
        var prefix = column.Utf8.Length + 1;
        if (prefix + _cells.Raw.Length > CsvMapping.MaxNameBytes) return Fail(RowFault.TooLarge, $"the name of a feature (column and text) is longer than {CsvMapping.MaxNameBytes} bytes");
        column.Utf8.CopyTo(_scratch);
        _scratch[column.Utf8.Length] = (byte)'=';
        var text = _cells.Text(_scratch[prefix..]);
        text.CopyTo(_scratch[prefix..]);
        var name = _scratch[..(prefix + text.Length)];
        rows.Add(FeatureName.IndexOf(name, out _), 1, name);
        return CountOne();
    }

    private bool CountOne() => ++_count <= RowBatch.MaxFeatures || Fail(RowFault.TooManyFeatures, $"the row has more than {RowBatch.MaxFeatures} features");
}
