namespace StreamMLOps.Pipeline;

/// <summary>Rows as another decoder makes them, without their labels: for <c>labels = none</c>, where no label is read.</summary>
/// <param name="decoder">Makes the rows.</param>
public sealed class UnlabelledDecoder(IDecoder decoder) : IDecoder
{
    /// <inheritdoc/>
    public string Format => decoder.Format;

    /// <inheritdoc/>
    public Chunk Decode(RawChunk raw)
    {
        var chunk = decoder.Decode(raw);
        chunk.Rows.ForgetLabels();
        return chunk;
    }
}
