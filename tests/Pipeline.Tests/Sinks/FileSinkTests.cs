using System.Text;

namespace StreamMLOps.Pipeline.Tests;

public sealed class FileSinkTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static RecordBatch Batch(params string[] records)
    {
        var batch = new RecordBatch();
        foreach (var record in records) batch.Add(Encoding.UTF8.GetBytes(record));
        return batch;
    }

    [Fact]
    public async Task Each_record_becomes_a_line_and_opening_again_appends()
    {
        var path = _folder.File("deep/predictions.jsonl");
        await using (var sink = new FileSink(path))
        {
            await sink.Write(Batch("a", "b"));
            await sink.Write(Batch());
            await sink.Flush();
            await sink.Write(Batch("c"));
            await sink.Flush();
            Assert.Equal("a\nb\nc\n", File.ReadAllText(path));
        }
        await using (var sink = new FileSink(path)) await sink.Write(Batch("d"));
        Assert.Equal("a\nb\nc\nd\n", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("a\nb\ntorn", "a\nb\n")]
    [InlineData("torn", "")]
    [InlineData("a\n", "a\n")]
    [InlineData("", "")]
    public async Task A_torn_last_line_is_taken_off_on_opening(string before, string after)
    {
        var path = _folder.File("torn");
        File.WriteAllText(path, before);
        await using (var sink = new FileSink(path)) Assert.Equal(after, File.ReadAllText(path));
        Assert.Equal(after, File.ReadAllText(path));
    }

    [Fact]
    public async Task A_torn_last_line_longer_than_a_block_is_taken_off_too()
    {
        var path = _folder.File("torn");
        File.WriteAllText(path, "a\n" + new string('x', 100_000));
        await using var sink = new FileSink(path);
        Assert.Equal(2, new FileInfo(path).Length);
    }
}
