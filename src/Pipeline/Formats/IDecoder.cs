namespace StreamMLOps.Pipeline;

/// <summary>Turns the records of one format into canonical rows. Stateless: equal records give equal rows, bit for bit.</summary>
public interface IDecoder
{
    /// <summary>Name of the format in settings.</summary>
    string Format { get; }

    /// <summary>
    /// Decodes all records. A record that is no row becomes a dead letter of the chunk, a blank one is counted as skipped; nothing
    /// is thrown for bad input. The caller keeps (and disposes) <paramref name="raw"/>.
    /// </summary>
    Chunk Decode(RawChunk raw);
}
