using System.Buffers.Text;

namespace StreamMLOps.Learning;

/// <summary>
/// Reads svmlight lines, <c>label index:value index:value ... # comment</c>, from bytes to rows. <c>qid:</c> pairs are passed over; blanks, tabs and
/// a carriage return at the end are separators; indices are any <see cref="uint"/>, in any order; values are rounded correctly.
/// </summary>
public static class SvmLightParser
{
    /// <summary>Adds the row of one line to the batch, or adds nothing and says why.</summary>
    /// <param name="line">The line, with or without its end.</param>
    /// <param name="batch">Receives exactly one row where the answer is <see cref="RowFault.None"/>.</param>
    /// <param name="column">The byte, counted from 0, where the fault is.</param>
    public static RowFault Parse(ReadOnlySpan<byte> line, RowBatch batch, out int column)
    {
        column = 0;
        var at = SkipBlanks(line, 0);
        if (at == line.Length || line[at] == '#') return RowFault.Blank;
        column = at;
        var fault = Number(line, ref at, out var label);
        if (fault != RowFault.None || !AtSeparator(line, at)) return fault == RowFault.NotFinite ? fault : RowFault.BadLabel;
        batch.BeginRow();
        var count = 0;
        for (at = SkipBlanks(line, at); at < line.Length && line[at] != '#'; at = SkipBlanks(line, at))
        {
            column = at;
            if (line[at..].StartsWith("qid:"u8))
            {
                while (!AtSeparator(line, at)) at++;
                continue;
            }
            fault = RowFault.BadIndex;
            if (Utf8Parser.TryParse(line[at..], out uint index, out var used) && line[at] != '+' && at + used < line.Length && line[at + used] == ':')
            {
                at += used + 1;
                column = at;
                fault = Number(line, ref at, out var value);
                if (fault == RowFault.None && !AtSeparator(line, at)) fault = RowFault.BadValue;
                if (fault == RowFault.None && ++count > RowBatch.MaxFeatures) fault = RowFault.TooManyFeatures;
                if (fault == RowFault.None) batch.Add(index, value);
            }
            if (fault == RowFault.None) continue;
            batch.DropRow();
            return fault;
        }
        return batch.TryEndRow(label);
    }

    private static RowFault Number(ReadOnlySpan<byte> line, ref int at, out double value)
    {
        if (!Utf8Parser.TryParse(line[at..], out value, out var used)) return RowFault.BadValue;
        at += used;
        return double.IsFinite(value) ? RowFault.None : RowFault.NotFinite;
    }

    private static bool AtSeparator(ReadOnlySpan<byte> line, int at) => at >= line.Length || line[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' or (byte)'#';

    private static int SkipBlanks(ReadOnlySpan<byte> line, int at)
    {
        while (at < line.Length && line[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') at++;
        return at;
    }
}
