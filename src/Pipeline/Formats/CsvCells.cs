namespace StreamMLOps.Pipeline;

/// <summary>
/// The cells of one CSV record (RFC 4180): separated by the delimiter; a cell in quotes may hold delimiters, line ends and doubled quotes.
/// </summary>
internal ref struct CsvCells(ReadOnlySpan<byte> record, byte delimiter)
{
    private readonly ReadOnlySpan<byte> _record = record.TrimEnd("\r\n"u8);
    private readonly byte _delimiter = delimiter;
    private int _next;
    private bool _escaped;

    /// <summary>The cell as it stands, its outer quotes taken off.</summary>
    public ReadOnlySpan<byte> Raw { get; private set; }

    /// <summary>Where the cell begins in the record.</summary>
    public int At { get; private set; }

    /// <summary>What is wrong with the record; null: nothing.</summary>
    public string? Fault { get; private set; }

    /// <summary>Moves to the next cell; no: there is none, or <see cref="Fault"/> says what is wrong.</summary>
    public bool Next()
    {
        if (_next > _record.Length) return false;
        At = _next;
        _escaped = false;
        if (_next < _record.Length && _record[_next] == '"') return Quoted();
        var length = _record[_next..].IndexOf(_delimiter);
        Raw = length < 0 ? _record[_next..] : _record.Slice(_next, length);
        _next += Raw.Length + 1;
        return true;
    }

    /// <summary>The cell's text, doubled quotes made single in the scratch, which must hold the cell.</summary>
    public readonly ReadOnlySpan<byte> Text(Span<byte> scratch)
    {
        if (!_escaped) return Raw;
        var used = 0;
        for (var i = 0; i < Raw.Length; i++)
        {
            scratch[used++] = Raw[i];
            if (Raw[i] == '"') i++;
        }
        return scratch[..used];
    }

    private bool Quoted()
    {
        var from = _next + 1;
        for (var at = from; ; at += 2)
        {
            var quote = _record[Math.Min(at, _record.Length)..].IndexOf((byte)'"');
            if (quote < 0) return Fail("a quote is not closed");
            at += quote;
            if (at + 1 < _record.Length && _record[at + 1] == '"')
            {
                _escaped = true;
                continue;
            }
            if (at + 1 < _record.Length && _record[at + 1] != _delimiter) return Fail("something follows a closing quote");
            Raw = _record[from..at];
            _next = at + 2;
            return true;
        }
    }

    private bool Fail(string fault)
    {
        Fault = fault;
        _next = _record.Length + 1;
        return false;
    }
}
