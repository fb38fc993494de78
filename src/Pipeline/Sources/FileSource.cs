namespace StreamMLOps.Pipeline;

/// <summary>Settings of a <see cref="FileSource"/>.</summary>
/// <param name="Path">A file of lines, plain or gzip (told by its first bytes).</param>
/// <param name="Follow">Wait for growth at the end of the file instead of completing; plain files only.</param>
public sealed record FileSourceSettings(string Path, bool Follow = false)
{
    /// <summary>Sizes of chunks and records.</summary>
    public ChunkLimits Limits { get; init; } = new();

    /// <summary>How often a followed file is looked at once its end is reached.</summary>
    public TimeSpan FollowInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Dispatcher for the blocking reads; null: reads are fused into the stream.</summary>
    public string? Dispatcher { get; init; } = LogSource.BlockingDispatcher;
}

/// <summary>
/// A file of lines as a log of one partition. Each line is a record, blank ones and a last one without line end included; its
/// offset is its number from 0. The epoch is a hash of the first line (up to 64 KiB), so a file that is appended to stays the same
/// log; an empty file has epoch 0 and no records. In a followed file a line counts once its line end is there.
/// </summary>
public sealed class FileSource(FileSourceSettings settings, FileCommitStore? commits = null) : LogSource(commits)
{
    private LineIndex? _index;

    /// <inheritdoc/>
    public override string Name => $"file {settings.Path}";

    /// <inheritdoc/>
    protected override string? Dispatcher => settings.Dispatcher;

    /// <inheritdoc/>
    protected override TimeSpan? Follow => settings.Follow ? settings.FollowInterval : null;

    /// <inheritdoc/>
    public override IReadOnlyList<PartitionPosition> Partitions()
    {
        using var reader = new LineReader(settings, IndexOf);
        return [new PartitionPosition(0, reader.Epoch, 0)];
    }

    /// <inheritdoc/>
    public override ILogReader Open(PartitionPosition from)
    {
        var reader = new LineReader(settings, IndexOf);
        try
        {
            reader.MoveTo(from);
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    private LineIndex IndexOf(ulong epoch)
    {
        var index = Volatile.Read(ref _index);
        if (index?.Epoch == epoch) return index;
        var renewed = new LineIndex(epoch);
        Volatile.Write(ref _index, renewed);
        return renewed;
    }
}
