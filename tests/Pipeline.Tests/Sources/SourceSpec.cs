using System.Text;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using Akka.TestKit.Xunit2;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>What holds for every log of one partition, whatever is behind it.</summary>
public abstract class SourceSpec : TestKit
{
    protected const int Rows = 1_000;

    protected TemporaryFolder Folder { get; } = new();

    protected FileCommitStore Commits => new(Folder.Path);

    /// <summary>The same log of <see cref="Rows"/> records each time.</summary>
    protected abstract LogSource Open(ChunkLimits limits, FileCommitStore? commits = null);

    protected override void AfterAll()
    {
        base.AfterAll();
        Folder.Dispose();
    }

    [Fact]
    public async Task Every_record_is_read_once_in_order_and_every_offset_is_accounted_for()
    {
        var source = Open(new ChunkLimits(Rows: 64));
        var chunks = await Chunks(source.ReadFrom(source.Partitions()));

        Assert.Equal(0, chunks[0].From);
        Assert.Equal(Rows, chunks[^1].To);
        Assert.All(chunks.Zip(chunks.Skip(1)), pair => Assert.Equal(pair.First.To, pair.Second.From));
        Assert.All(chunks, chunk => Assert.Equal(chunk.To - chunk.From, chunk.Records.Count));
        Assert.All(chunks, chunk => Assert.InRange(chunk.Records.Count, 1, 64));
        Assert.Single(chunks.Select(chunk => chunk.Epoch).Distinct());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(500)]
    [InlineData(999)]
    [InlineData(1000)]
    public async Task Equal_records_stand_at_equal_offsets_wherever_reading_starts(int from)
    {
        var source = Open(new ChunkLimits(Rows: 100));
        var all = await Records(source.ReadFrom(source.Partitions()));
        var rest = await Records(source.ReadFrom([source.Partitions()[0] with { Next = from }]));

        Assert.Equal(all.Skip(from), rest);
        Assert.Equal(all.Skip(from), await Records(Open(new ChunkLimits(Rows: 7)).ReadFrom([source.Partitions()[0] with { Next = from }])));
    }

    [Theory]
    [InlineData(1, 1 << 20)]
    [InlineData(64, 1 << 20)]
    [InlineData(4096, 1 << 20)]
    [InlineData(4096, 1)]
    [InlineData(4096, 5_000)]
    public async Task Chunk_limits_do_not_change_the_records(int rows, int bytes)
    {
        var expected = await Records(Open(new ChunkLimits()).ReadFrom([default]));
        Assert.Equal(Rows, expected.Count);
        Assert.Equal(expected, await Records(Open(new ChunkLimits(rows, bytes)).ReadFrom([default])));
    }

    [Fact]
    public async Task A_small_range_far_inside_is_read_without_the_rest()
    {
        var source = Open(new ChunkLimits(Rows: 1));
        var all = await Records(source.ReadFrom([default]));
        var position = source.Partitions()[0];
        foreach (var offset in new[] { 998, 3, 517, 516, 0 })
            Assert.Equal([all[offset]], await Records(source.ReadFrom([position with { Next = offset }]).Take(1)));
    }

    [Fact]
    public async Task Another_epoch_fails_the_stream_in_one_line_that_says_what_to_do()
    {
        var source = Open(new ChunkLimits());
        var position = source.Partitions()[0];
        var failure = await Assert.ThrowsAsync<SourceException>(() => Records(source.ReadFrom([position with { Epoch = position.Epoch + 1 }])));

        Assert.Contains(source.Name, failure.Message);
        Assert.Contains("start with an empty data folder", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task A_log_that_ends_below_the_position_fails_the_stream_in_one_line_that_says_what_to_do()
    {
        var source = Open(new ChunkLimits());
        var failure = await Assert.ThrowsAsync<SourceException>(() => Records(source.ReadFrom([source.Partitions()[0] with { Next = Rows + 1 }])));

        Assert.Contains(source.Name, failure.Message);
        Assert.Contains("row 1000", failure.Message);
        Assert.Contains("1001", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Positions_of_another_source_fail_the_stream()
    {
        var source = Open(new ChunkLimits());
        var failure = await Assert.ThrowsAsync<SourceException>(() => Records(source.ReadFrom([new PartitionPosition(3, 1, 0)])));
        Assert.Contains("another source", failure.Message);
    }

    [Fact]
    public async Task A_group_goes_on_from_what_it_committed_also_in_a_new_process()
    {
        var source = Open(new ChunkLimits(Rows: 100), Commits);
        var all = await Records(source.ReadFrom([default]));
        var subscription = source.Subscribe("score");
        Assert.Empty(subscription.Committed());
        Assert.Equal(all, await Records(subscription.Chunks));

        var committed = new CommittedPartition(source.Partitions()[0] with { Next = 300 }, Predicted: 290, DeadLettered: 7, Skipped: 3);
        await subscription.Commit([committed]);
        Assert.Equal([committed], subscription.Committed());

        var again = Open(new ChunkLimits(Rows: 100), Commits);
        Assert.Equal([committed], again.Subscribe("score").Committed());
        Assert.Equal(all.Skip(300), await Records(again.Subscribe("score").Chunks));
        Assert.Equal(all, await Records(again.Subscribe("another").Chunks));
    }

    [Fact]
    public void Without_a_commit_store_a_group_is_refused()
    {
        Assert.Contains("commit store", Assert.Throws<SourceException>(() => Open(new ChunkLimits()).Subscribe("score")).Message);
    }

    [Fact]
    public async Task A_stream_that_is_cancelled_early_ends_with_all_stages_stopped()
    {
        var source = Open(new ChunkLimits(Rows: 1));
        Assert.Equal(3, (await Records(source.ReadFrom([default]).Take(3))).Count);
        await AwaitAssertAsync(() => Assert.Equal(0, OpenFiles()));
    }

    /// <summary>Handles this process has open below the test's folder; 0 where the system does not tell.</summary>
    protected int OpenFiles() => Directory.Exists("/proc/self/fd")
        ? Directory.EnumerateFiles("/proc/self/fd").Count(fd => File.ResolveLinkTarget(fd, false)?.FullName.StartsWith(Folder.Path, StringComparison.Ordinal) == true)
        : 0;

    protected async Task<List<ReadChunk>> Chunks(Source<RawChunk, Akka.NotUsed> chunks)
    {
        var read = await chunks.RunWith(Sink.Seq<RawChunk>(), Sys.Materializer()).WaitAsync(TimeSpan.FromSeconds(30));
        return [.. read.Select(chunk =>
        {
            using (chunk)
            {
                var records = Enumerable.Range(0, chunk.Count).Select(i => (chunk.OffsetOf(i), Encoding.UTF8.GetString(chunk[i]))).ToList();
                return new ReadChunk(chunk.Epoch, chunk.From, chunk.To, records);
            }
        })];
    }

    protected async Task<List<(long Offset, string Text)>> Records(Source<RawChunk, Akka.NotUsed> chunks) =>
        [.. (await Chunks(chunks)).SelectMany(chunk => chunk.Records)];

    protected sealed record ReadChunk(ulong Epoch, long From, long To, List<(long Offset, string Text)> Records);
}
