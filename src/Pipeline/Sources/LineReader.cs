using System.Buffers;
using System.IO.Compression;
using System.IO.Hashing;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Reads lines of a plain or gzip file as chunks. Holds one buffer, which grows with the longest line up to the record limit;
/// what a line has beyond the limit is counted and let go.
/// </summary>
internal sealed class LineReader : ILogReader
{
    private const int EpochBytes = 64 * 1024;
    private const int BufferBytes = 256 * 1024;
    private const byte LineEnd = (byte)'\n';

    private readonly FileSourceSettings _settings;
    private readonly Func<ulong, LineIndex> _indexOf;
    private readonly FileStream _file;
    private readonly Stream _stream;
    private readonly bool _gzip;
    private byte[] _buffer;
    private int _start;          // where the current line starts in the buffer
    private int _scanned;        // no line end in [_start, _scanned)
    private int _end;            // where the buffered bytes end
    private long _cut;           // bytes of the current line beyond the record limit, let go
    private long _bufferOffset;  // where the buffer starts in the file; means something for plain files only
    private long _row;           // number of the current line
    private ulong _expected;     // epoch of the position reading started from; 0: any
    private LineIndex? _index;

    /// <summary>Opens the file and reads its first line's hash.</summary>
    public LineReader(FileSourceSettings settings, Func<ulong, LineIndex> indexOf)
    {
        _settings = settings;
        _indexOf = indexOf;
        _file = OpenFile(settings.Path);
        _buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            _gzip = StartsAsGzip(_file);
            if (_gzip && settings.Follow) throw new SourceException($"file {settings.Path} is gzip, which cannot be followed: give a plain file, or read it without follow.");
            _stream = _gzip ? new GZipStream(_file, CompressionMode.Decompress) : _file;
            Epoch = ReadEpoch();
        }
        catch (Exception e)
        {
            Dispose();
            if (e is IOException or UnauthorizedAccessException) throw Unreadable(e);
            throw;
        }
    }

    /// <summary>Hash of the first line; 0 while there is none.</summary>
    public ulong Epoch { get; private set; }

    /// <summary>Goes forward to a position; called once, before the first read.</summary>
    /// <exception cref="SourceException">It belongs to another log, or the file ends below it.</exception>
    public void MoveTo(PartitionPosition position)
    {
        if (position is { Epoch: 0, Next: 0 }) return;
        _expected = position.Epoch;
        CheckEpoch();
        if (!_gzip) SeekBelow(position.Next);
        while (_row < position.Next)
        {
            if (!Skip(position.Next)) throw Short(position);
        }
    }

    /// <inheritdoc/>
    public RawChunk? Read()
    {
        if (Epoch == 0)
        {
            if ((Epoch = ReadEpoch()) == 0) return null;
            CheckEpoch();
        }
        if (!_gzip && _cut == 0) Index.Add(_row, _bufferOffset + _start);
        var limits = _settings.Limits;
        RawChunk? chunk = null;
        while (TryReadLine(out var line, out var length))
        {
            chunk ??= new RawChunk(0, Epoch, _row, records: limits.Rows);
            chunk.Add(line);
            if (length > line.Length) chunk.MarkCut(length);
            chunk.To = ++_row;
            if (chunk.Count >= limits.Rows || chunk.ByteCount >= limits.Bytes) break;
        }
        return chunk;
    }

    public void Dispose()
    {
        _stream?.Dispose();
        _file.Dispose();
        var buffer = Interlocked.Exchange(ref _buffer!, null);
        if (buffer is not null) ArrayPool<byte>.Shared.Return(buffer);
    }

    private LineIndex Index => _index ??= _indexOf(Epoch);

    // The line is without its line end (LF or CR LF) and cut at the limit; length is that of the whole line.
    private bool TryReadLine(out ReadOnlySpan<byte> line, out long length)
    {
        var limit = _settings.Limits.RecordBytes;
        while (true)
        {
            var at = _buffer.AsSpan(_scanned, _end - _scanned).IndexOf(LineEnd);
            if (at >= 0)
            {
                TakeLine(_scanned + at, limit, out line, out length);
                _start = _scanned = _scanned + at + 1;
                return true;
            }
            if (_end - _start > limit)
            {
                var over = _end - _start - limit;
                _cut += over;
                _bufferOffset += over;
                _end -= over;
            }
            _scanned = _end;
            if (Fill()) continue;
            if (_settings.Follow || (_start == _end && _cut == 0))
            {
                line = default;
                length = 0;
                return false;
            }
            TakeLine(_end, limit, out line, out length);
            _start = _scanned = _end;
            return true;
        }
    }

    private void TakeLine(int end, int limit, out ReadOnlySpan<byte> line, out long length)
    {
        if (end > _start && _cut == 0 && _buffer[end - 1] == '\r') end--;
        length = end - _start + _cut;
        line = _buffer.AsSpan(_start, Math.Min(end - _start, limit));
        _cut = 0;
    }

    // Reads on behind what is buffered; false at the end of the file.
    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _bufferOffset += _start;
            _scanned -= _start;
            _end -= _start;
            _start = 0;
        }
        if (_end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        try
        {
            var read = _stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0 && _settings.Follow && _file.Length < _file.Position)
            {
                throw new SourceException($"file {_settings.Path} was cut below row {_row} while it was read: put the complete file back, or start with an empty data folder.");
            }
            _end += read;
            return read > 0;
        }
        catch (InvalidDataException e)
        {
            throw new SourceException($"file {_settings.Path} is damaged gzip data behind row {_row} ({e.Message}): put an intact copy there.", e);
        }
        catch (IOException e)
        {
            throw Unreadable(e);
        }
    }

    private ulong ReadEpoch()
    {
        int at;
        while ((at = _buffer.AsSpan(_start, _end - _start).IndexOf(LineEnd)) < 0 && _end - _start < EpochBytes && Fill())
        {
        }
        if (at < 0 && (_start == _end || (_settings.Follow && _end - _start < EpochBytes))) return 0;
        var line = _buffer.AsSpan(_start, Math.Min(at < 0 ? _end - _start : at, EpochBytes));
        if (line.Length < EpochBytes && line is [.., (byte)'\r']) line = line[..^1];
        return Math.Max(1, XxHash3.HashToUInt64(line));
    }

    // Takes up to the target's line out of the buffer, then reads on; false at the end of the file.
    private bool Skip(long target)
    {
        var buffered = _buffer.AsSpan(_start, _end - _start);
        var lines = buffered.Count(LineEnd);
        if (_row + lines >= target)
        {
            for (; _row < target; _row++) _start += _buffer.AsSpan(_start, _end - _start).IndexOf(LineEnd) + 1;
            _scanned = _start;
            return true;
        }
        var tail = buffered.LastIndexOf(LineEnd) + 1;
        _row += lines;
        if (!_gzip && tail > 0) Index.Add(_row, _bufferOffset + _start + tail);
        var inLine = tail < buffered.Length;
        // Only the last byte is kept: it tells whether an unfinished line precedes the end of the file.
        _start = _scanned = inLine ? _end - 1 : _end;
        if (Fill()) return true;
        if (!inLine || _settings.Follow) return false;
        _row++;
        _start = _scanned = _end;
        return true;
    }

    private void SeekBelow(long target)
    {
        if (Epoch == 0) return;
        var (row, offset) = Index.Below(target);
        if (row == 0) return;
        // A file rewritten in place with the same first line would be read from the middle of a line: count from its beginning then.
        _file.Position = offset - 1;
        if (_file.ReadByte() != LineEnd) (row, offset) = (0, 0);
        _file.Position = _bufferOffset = offset;
        _row = row;
        _start = _scanned = _end = 0;
    }

    private void CheckEpoch()
    {
        if (_expected == 0 || Epoch == 0 || _expected == Epoch) return;
        throw new SourceException(
            $"file {_settings.Path} is not the file that was read before: its first line has the hash {Epoch:x16}, the position to go on from is of {_expected:x16}. "
            + "Put that file back, or start with an empty data folder.");
    }

    private static FileStream OpenFile(string path)
    {
        try
        {
            return new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                BufferSize = 0,
                Options = FileOptions.SequentialScan,
            });
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new SourceException($"file {path} does not exist: check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SourceException($"file {path} cannot be read: {e.Message}", e);
        }
    }

    private static bool StartsAsGzip(FileStream file)
    {
        Span<byte> magic = stackalloc byte[2];
        var read = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false);
        file.Position = 0;
        return read == 2 && magic is [0x1f, 0x8b];
    }

    private SourceException Unreadable(Exception e) => new($"file {_settings.Path} cannot be read: {e.Message}", e);

    private SourceException Short(PartitionPosition position) => new(
        $"file {_settings.Path} ends at row {_row}, below row {position.Next} where reading is to go on: it was cut or replaced. "
        + "Put the complete file back, or start with an empty data folder.");
}
