namespace StreamMLOps.Pipeline;

/// <summary>The built-in generator (<see cref="UrlGenerator"/>) as a bounded log of one partition: svmlight lines, made as they are read.</summary>
public sealed class GeneratorSource(UrlGeneratorSettings settings, ChunkLimits? limits = null, FileCommitStore? commits = null) : LogSource(commits)
{
    private readonly ChunkLimits _limits = limits ?? new ChunkLimits();
    private readonly ulong _epoch = new UrlGenerator(settings).Epoch;

    /// <inheritdoc/>
    public override string Name => $"generator (seed {settings.Seed})";

    /// <summary>Dispatcher that makes the rows, behind an asynchronous boundary; null: made within the stream.</summary>
    public string? GeneratingDispatcher { get; init; }

    /// <inheritdoc/>
    protected override string? Dispatcher => GeneratingDispatcher;

    /// <inheritdoc/>
    public override IReadOnlyList<PartitionPosition> Partitions() => [new PartitionPosition(0, _epoch, 0)];

    /// <inheritdoc/>
    public override ILogReader Open(PartitionPosition from)
    {
        if (from != default && from.Epoch != _epoch)
        {
            throw new SourceException(
                $"{Name} has other settings than when it was read before: its epoch is {_epoch:x16}, the position is {from}. Put the former settings back, or start with an empty data folder.");
        }
        if (from.Next > settings.Rows)
        {
            throw new SourceException(
                $"{Name} ends at row {settings.Rows}, below row {from.Next} where reading is to go on: ask for at least as many rows as before, or start with an empty data folder.");
        }
        return new Reader(new UrlGenerator(settings), _epoch, from.Next, settings.Rows, _limits);
    }

    private sealed class Reader(UrlGenerator generator, ulong epoch, long next, long rows, ChunkLimits limits) : ILogReader
    {
        private long _next = next;

        public RawChunk? Read()
        {
            if (_next >= rows) return null;
            var chunk = new RawChunk(0, epoch, _next, records: limits.Rows);
            do
            {
                chunk.Advance(generator.Write(_next++, chunk.GetSpan(UrlGenerator.MaxRowBytes)));
                chunk.EndRecord();
            }
            while (_next < rows && chunk.Count < limits.Rows && chunk.ByteCount < limits.Bytes);
            chunk.To = _next;
            return chunk;
        }

        public void Dispose()
        {
        }
    }
}
