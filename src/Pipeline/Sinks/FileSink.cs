using System.Buffers;
using Microsoft.Win32.SafeHandles;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Appends each record as a line to a file, which holds whole lines at any time: opening takes off a last line that a crash tore,
/// and a failed write is taken back. Records have no line end in them.
/// </summary>
public sealed class FileSink : ISink
{
    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private long _length;
    private long _flushed;

    /// <summary>Opens the file for appending, or makes it, with its folder.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public FileSink(string path)
    {
        _path = path;
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
        _handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        _length = WholeLines(_handle);
        RandomAccess.SetLength(_handle, _length);
        _flushed = -1;
    }

    /// <inheritdoc/>
    public string Name => $"file {_path}";

    /// <inheritdoc/>
    public ValueTask Write(RecordBatch records)
    {
        if (records.Count == 0) return ValueTask.CompletedTask;
        var lines = ArrayPool<byte>.Shared.Rent(records.ByteCount + records.Count);
        try
        {
            var used = 0;
            for (var i = 0; i < records.Count; i++)
            {
                var record = records[i];
                record.CopyTo(lines.AsSpan(used));
                used += record.Length;
                lines[used++] = (byte)'\n';
            }
            RandomAccess.Write(_handle, lines.AsSpan(0, used), _length);
            Volatile.Write(ref _length, _length + used);
            return ValueTask.CompletedTask;
        }
        catch (IOException e)
        {
            TakeBack();
            return ValueTask.FromException(new IOException($"{Name} cannot be written: {e.Message}", e));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(lines);
        }
    }

    /// <inheritdoc/>
    public async ValueTask Flush()
    {
        var length = Volatile.Read(ref _length);
        if (length == _flushed) return;
        await Task.Run(() => RandomAccess.FlushToDisk(_handle)).ConfigureAwait(false);
        _flushed = length;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _handle.Dispose();
        return ValueTask.CompletedTask;
    }

    private void TakeBack()
    {
        try
        {
            RandomAccess.SetLength(_handle, _length);
        }
        catch (IOException)
        {
            // The write's own failure is the one to tell; opening the file again takes the torn line off.
        }
    }

    private static long WholeLines(SafeFileHandle handle)
    {
        Span<byte> block = stackalloc byte[4096];
        for (var end = RandomAccess.GetLength(handle); end > 0;)
        {
            var from = Math.Max(0, end - block.Length);
            var read = RandomAccess.Read(handle, block[..(int)(end - from)], from);
            var at = block[..read].LastIndexOf((byte)'\n');
            if (at >= 0) return from + at + 1;
            end = from;
        }
        return 0;
    }
}
