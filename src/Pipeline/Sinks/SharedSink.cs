namespace StreamMLOps.Pipeline;

/// <summary>A sink that several legs write to, one after the other.</summary>
public sealed class SharedSink(ISink inner) : ISink
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public string Trouble => inner.Trouble;

    /// <inheritdoc/>
    public async ValueTask Write(RecordBatch records)
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await inner.Write(records).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask Flush()
    {
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await inner.Flush().ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
