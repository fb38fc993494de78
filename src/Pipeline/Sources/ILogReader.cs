namespace StreamMLOps.Pipeline;

/// <summary>One reading of a one-partition log, forward from where it was opened. One owner; not thread-safe.</summary>
public interface ILogReader : IDisposable
{
    /// <summary>Reads the next chunk; null: there is no further record at present. May block on the file system.</summary>
    /// <exception cref="SourceException">The log became unreadable.</exception>
    RawChunk? Read();
}

/// <summary>How records are put together to chunks, and how large one may be.</summary>
/// <param name="Rows">Most records of a chunk.</param>
/// <param name="Bytes">A chunk is closed once it holds this many bytes (the last record may go beyond).</param>
/// <param name="RecordBytes">A longer record is cut here, and refused by the decoder as too large.</param>
public sealed record ChunkLimits(int Rows = 256, int Bytes = 512 * 1024, int RecordBytes = 16 * 1024 * 1024);
