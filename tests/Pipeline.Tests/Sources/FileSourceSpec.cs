using System.IO.Compression;
using System.Text;
using Akka.Streams;
using Akka.Streams.Dsl;

namespace StreamMLOps.Pipeline.Tests;

public sealed class PlainFileSourceSpec : FileSourceSpec
{
    protected override void Write(string path, byte[] content) => File.WriteAllBytes(path, content);

    [Fact]
    public async Task A_file_that_grows_stays_the_same_log()
    {
        var path = Folder.File("grows");
        Write(path, "a\nb\n"u8.ToArray());
        var source = Source(path);
        var before = source.Partitions()[0];
        File.AppendAllText(path, "c\n");

        Assert.Equal(before, source.Partitions()[0]);
        Assert.Equal([(2, "c")], await Records(source.ReadFrom([before with { Next = 2 }])));
    }

    [Fact]
    public async Task A_followed_file_gives_lines_as_they_are_completed()
    {
        var path = Folder.File("followed");
        Write(path, []);
        var source = new FileSource(new FileSourceSettings(path, Follow: true) { FollowInterval = TimeSpan.FromMilliseconds(5) });
        var queue = source.ReadFrom(source.Partitions()).RunWith(Sink.Queue<RawChunk>(), Sys.Materializer());

        var pulled = queue.PullAsync();
        File.AppendAllText(path, "a\nb");
        Assert.Equal("a", Text(await pulled.WaitAsync(TimeSpan.FromSeconds(10))));
        pulled = queue.PullAsync();
        File.AppendAllText(path, "c\n");
        Assert.Equal("bc", Text(await pulled.WaitAsync(TimeSpan.FromSeconds(10))));

        pulled = queue.PullAsync();
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(2);
        var failure = await Assert.ThrowsAsync<SourceException>(() => pulled.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Contains("was cut below row 2", failure.Message);

        static string Text(Akka.Util.Option<RawChunk> chunk) => Encoding.UTF8.GetString(chunk.Value.Bytes.Span);
    }

    [Fact]
    public async Task Distant_rows_are_found_through_the_index_that_reading_leaves_behind()
    {
        const int lines = 200_000;
        var path = Folder.File("long");
        Write(path, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, lines).Select(i => $"{i:x}{new string('x', i % 40)}\n"))));
        var source = Source(path, new ChunkLimits(Rows: 1));
        var position = source.Partitions()[0];
        for (var i = 0; i < 200; i++)
        {
            var row = i * 7919L * 31 % lines;
            Assert.Equal([(row, $"{row:x}{new string('x', (int)(row % 40))}")], await Records(source.ReadFrom([position with { Next = row }]).Take(1)));
        }
    }

    [Fact]
    public async Task A_file_rewritten_in_place_is_read_by_counting_its_lines_not_by_stale_places()
    {
        var path = Folder.File("rewritten");
        Write(path, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(i => i == 0 ? "first\n" : $"{i:d8}\n"))));
        var source = Source(path, new ChunkLimits(Rows: 1));
        var position = source.Partitions()[0];
        await Records(source.ReadFrom([position with { Next = 99_999 }]));
        Write(path, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(i => i == 0 ? "first\n" : $"{i:d10}\n"))));

        Assert.Equal([(99_999, "0000099999")], await Records(source.ReadFrom([position with { Next = 99_999 }])));
    }
}

public sealed class GzipFileSourceSpec : FileSourceSpec
{
    protected override void Write(string path, byte[] content)
    {
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Fastest);
        gzip.Write(content);
    }

    [Fact]
    public void A_gzip_file_cannot_be_followed()
    {
        var path = Folder.File("rows.gz");
        Write(path, "a\n"u8.ToArray());
        Assert.Contains("cannot be followed", Assert.Throws<SourceException>(() => new FileSource(new FileSourceSettings(path, Follow: true)).Partitions()).Message);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.99)]
    public async Task A_damaged_or_torn_gzip_file_fails_the_stream(double keep)
    {
        var path = Folder.File("torn.gz");
        Write(path, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"{i * 7919L % 100_003}\n"))));
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(int)(bytes.Length * keep)]);
        var torn = await Assert.ThrowsAsync<SourceException>(() => Records(Source(path).ReadFrom([default])));
        Assert.Contains("damaged gzip", torn.Message);

        bytes.AsSpan(bytes.Length / 2, 100).Fill(0xff);
        File.WriteAllBytes(path, bytes);
        var damaged = await Assert.ThrowsAsync<SourceException>(() => Records(Source(path).ReadFrom([default])));
        Assert.Contains("damaged gzip", damaged.Message);
    }
}

/// <summary>What holds for files, plain or gzip.</summary>
public abstract class FileSourceSpec : SourceSpec
{
    protected abstract void Write(string path, byte[] content);

    protected override LogSource Open(ChunkLimits limits, FileCommitStore? commits = null)
    {
        var path = Folder.File("rows.svm");
        if (!File.Exists(path)) Write(path, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, Rows).Select(i => $"+1 {i}:{new string('1', i % 50)}\n"))));
        return Source(path, limits, commits);
    }

    protected static FileSource Source(string path, ChunkLimits? limits = null, FileCommitStore? commits = null) =>
        new(new FileSourceSettings(path) { Limits = limits ?? new ChunkLimits() }, commits);

    private async Task<List<(long Offset, string Text)>> Read(string content, ChunkLimits? limits = null)
    {
        var path = Folder.File("content");
        Write(path, Encoding.UTF8.GetBytes(content));
        return await Records(Source(path, limits).ReadFrom([default]));
    }

    [Theory]
    [InlineData("a\nb\nc\n")]
    [InlineData("a\nb\nc")]
    [InlineData("a\r\nb\r\nc\r\n")]
    [InlineData("a\r\nb\r\nc")]
    public async Task Line_ends_of_either_kind_and_a_missing_last_one_give_the_same_records(string content) =>
        Assert.Equal([(0, "a"), (1, "b"), (2, "c")], await Read(content));

    [Fact]
    public async Task Blank_lines_keep_their_offsets() => Assert.Equal([(0, ""), (1, "a"), (2, ""), (3, ""), (4, "b")], await Read("\na\n\r\n\nb\n"));

    [Fact]
    public async Task An_empty_file_has_no_records_and_epoch_0()
    {
        Assert.Empty(await Read(""));
        Assert.Equal([default], Source(Folder.File("content")).Partitions());
    }

    [Fact]
    public void The_epoch_does_not_depend_on_the_line_end_or_on_what_follows()
    {
        var epochs = new[] { "first", "first\n", "first\r\n", "first\nsecond" }.Select(content =>
        {
            Write(Folder.File("content"), Encoding.UTF8.GetBytes(content));
            return Source(Folder.File("content")).Partitions()[0].Epoch;
        });
        Assert.Single(epochs.Distinct());
    }

    [Theory]
    [InlineData(100)]
    [InlineData(300_000)]
    public async Task A_line_above_the_limit_is_cut_and_counted_and_the_next_keeps_its_offset(int limit)
    {
        var path = Folder.File("oversize");
        var length = limit * 5 + 17;
        Write(path, Encoding.UTF8.GetBytes($"a\n{new string('x', length)}\nb\n{new string('y', limit)}\n{new string('z', limit + 1)}"));
        var source = Source(path, new ChunkLimits(RecordBytes: limit));
        var chunks = await source.ReadFrom([default]).RunWith(Sink.Seq<RawChunk>(), Sys.Materializer());
        var records = chunks.SelectMany(chunk => Enumerable.Range(0, chunk.Count).Select(i =>
            (Offset: chunk.OffsetOf(i), Cut: chunk.IsCut(i, out var whole), Whole: whole, chunk[i].Length))).ToList();

        Assert.Equal([(0, false, 1, 1), (1, true, length, limit), (2, false, 1, 1), (3, false, limit, limit), (4, true, limit + 1, limit)], records);
        Assert.Equal([(2, "b")], await Records(source.ReadFrom([source.Partitions()[0] with { Next = 2 }]).Take(1).Select(c => { c.To = 3; return c; }).Via(FirstOnly())));
    }

    private static Flow<RawChunk, RawChunk, Akka.NotUsed> FirstOnly() => Flow.Create<RawChunk>().Select(chunk =>
    {
        var first = new RawChunk(chunk.Partition, chunk.Epoch, chunk.From);
        first.Add(chunk[0]);
        chunk.Dispose();
        return first;
    });

    [Fact]
    public void A_missing_file_is_one_clear_line()
    {
        var failure = Assert.Throws<SourceException>(() => Source(Folder.File("absent")).Partitions());
        Assert.Contains("absent does not exist", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void A_folder_is_no_file() => Assert.Contains("cannot be read", Assert.Throws<SourceException>(() => Source(Folder.Path).Partitions()).Message);
}
