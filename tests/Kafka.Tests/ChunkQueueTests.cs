namespace StreamMLOps.Pipeline.Tests;

/// <summary>Commits while partitions come and go, one step at a time.</summary>
public sealed class ChunkQueueTests
{
    private const ulong Epoch = 1;
    private readonly ChunkQueue _queue = new(capacity: 4, commits: true);
    private int _woken;

    public ChunkQueueTests() => _queue.OnReady(() => _woken++);

    [Fact]
    public void A_full_queue_takes_no_more_until_one_is_taken()
    {
        var p = Assign(0, 0);
        for (var i = 0; i < 4; i++) Assert.True(Add(p, i, i + 1));
        using (var refused = new RawChunk(0, Epoch, 4)) Assert.False(_queue.TryAdd(p, refused, TimeSpan.FromMilliseconds(1)));
        Take().Dispose();
        Assert.True(_queue.HasRoom);
        Assert.True(Add(p, 4, 5));
    }

    [Fact]
    public void Who_found_nothing_is_woken_once()
    {
        var p = Assign(0, 0);
        Assert.False(_queue.TryTake(out _, out _, out _));
        Add(p, 0, 1);
        Add(p, 1, 2);
        Assert.Equal(1, _woken);
    }

    [Fact]
    public void What_waits_of_a_partition_that_was_taken_away_is_thrown_away()
    {
        var gone = Assign(0, 0);
        var stays = Assign(1, 0);
        Add(gone, 0, 10);
        Add(stays, 0, 10);
        Add(gone, 10, 20);
        _queue.Release([gone], TimeSpan.Zero);
        using var next = Take();
        Assert.Equal(1, next.Partition);
        Assert.False(_queue.TryTake(out _, out var ended, out _));
        Assert.False(ended);
    }

    [Fact]
    public void Nothing_is_committed_of_a_partition_that_was_taken_away()
    {
        var gone = Assign(0, 0);
        Add(gone, 0, 10);
        Take().Dispose();
        _queue.Release([gone], TimeSpan.Zero);
        Assert.Empty(_queue.Due([Commit(0, 10)]));
        Assert.Empty(_queue.Committed());
    }

    [Fact]
    public void A_partition_that_comes_back_waits_until_the_stream_gave_back_what_it_had()
    {
        var before = Assign(0, 0);
        Add(before, 0, 10);
        Add(before, 10, 20);
        Take().Dispose();
        Take().Dispose();
        _queue.Release([before], TimeSpan.Zero);

        var after = Assign(0, 5); // another member had it meanwhile and committed 5
        Add(after, 5, 15);
        Assert.False(_queue.TryTake(out _, out _, out _));
        Assert.Empty(_queue.Due([Commit(0, 10)]));
        Assert.False(_queue.TryTake(out _, out _, out _));
        Assert.Empty(_queue.Due([Commit(0, 20)]));
        Assert.Equal(1, _woken);
        Take().Dispose();
        var due = _queue.Due([Commit(0, 15)]);
        Assert.Same(after, Assert.Single(due).Partition);
        _queue.Take(due);
        Assert.Equal([Commit(0, 15)], _queue.Committed());
    }

    [Fact]
    public void A_commit_that_is_under_way_when_the_partition_goes_is_the_last_one()
    {
        var p = Assign(0, 0);
        Add(p, 0, 10);
        Add(p, 10, 20);
        Take().Dispose();
        Take().Dispose();
        var underWay = _queue.Due([Commit(0, 10)]);
        _queue.Release([p], TimeSpan.Zero);
        _queue.Take(underWay);
        Assert.Empty(_queue.Due([Commit(0, 20)]));

        Add(Assign(0, 10), 10, 20);
        using var again = Take(); // nothing of the former assignment is out any more
        Assert.Equal(10, again.From);
    }

    [Fact]
    public void A_commit_that_has_to_be_tried_again_is_let_go_when_the_partition_goes()
    {
        var p = Assign(0, 0);
        Add(p, 0, 10);
        Take().Dispose();
        var waiting = _queue.Due([Commit(0, 10)]);
        _queue.Recheck(waiting);
        Assert.Single(waiting);
        _queue.Release([p], TimeSpan.Zero);
        _queue.Recheck(waiting);
        Assert.Empty(waiting);
        Add(Assign(0, 0), 0, 10);
        Take().Dispose();
    }

    [Fact]
    public async Task A_release_waits_for_the_commits_of_what_the_stream_has()
    {
        var p = Assign(0, 0);
        Add(p, 0, 10);
        Take().Dispose();
        var release = Task.Run(() => _queue.Release([p], TimeSpan.FromMinutes(1)));
        var due = _queue.Due([Commit(0, 10)]);
        Assert.Single(due);
        Assert.False(release.IsCompleted);
        _queue.Take(due);
        await release.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task A_release_waits_for_nothing_once_the_stream_has_failed()
    {
        var p = Assign(0, 0);
        Add(p, 0, 10);
        Take().Dispose();
        var release = Task.Run(() => _queue.Release([p], TimeSpan.FromMinutes(1)));
        _queue.Close(abandon: true);
        await release.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public void The_last_commits_can_be_asked_for_after_the_end_and_none_is_added()
    {
        var p = Assign(0, 0);
        Add(p, 0, 10);
        Add(p, 10, 20);
        Take().Dispose();
        Take().Dispose();
        _queue.Take(_queue.Due([Commit(0, 10)]));
        _queue.Close(abandon: false);
        _queue.Release([p], TimeSpan.Zero);
        Assert.Empty(_queue.Due([Commit(0, 20)]));
        Assert.Equal([Commit(0, 10)], _queue.Committed());
    }

    [Fact]
    public void A_failure_comes_after_what_was_read_before_it()
    {
        Add(Assign(0, 0), 0, 10);
        _queue.End(new SourceException("gone"));
        Take().Dispose();
        Assert.False(_queue.TryTake(out _, out var ended, out var failure));
        Assert.True(ended);
        Assert.Equal("gone", failure!.Message);
    }

    private static CommittedPartition Commit(int partition, long next) => new(new PartitionPosition(partition, Epoch, next), next, 0, 0);

    private AssignedPartition Assign(int number, long next)
    {
        var partition = new AssignedPartition(new PartitionPosition(number, Epoch, next), null);
        _queue.Assign([partition]);
        return partition;
    }

    private bool Add(AssignedPartition partition, long from, long to) => _queue.TryAdd(partition, new RawChunk(partition.Number, Epoch, from) { To = to }, TimeSpan.Zero);

    private RawChunk Take()
    {
        Assert.True(_queue.TryTake(out var chunk, out _, out _));
        return chunk!;
    }
}
