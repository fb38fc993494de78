namespace StreamMLOps.Pipeline.Tests;

public sealed class FileCommitStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CommittedPartition Committed(int partition, long next) => new(new PartitionPosition(partition, ulong.MaxValue - 5, next), next - 2, 1, 1);

    [Fact]
    public void Partitions_and_groups_are_kept_apart()
    {
        var store = new FileCommitStore(_folder.File("new"));
        store.Write("score", [Committed(1, 10), Committed(0, 5)]);
        store.Write("other", [Committed(0, 99)]);
        store.Write("score", [Committed(1, 20)]);

        foreach (var reader in new[] { store, new FileCommitStore(_folder.File("new")) })
        {
            Assert.Equal([Committed(0, 5), Committed(1, 20)], reader.Read("score"));
            Assert.Equal([Committed(0, 99)], reader.Read("other"));
            Assert.Empty(reader.Read("unknown"));
        }
        Assert.Equal(["commits.json"], Directory.EnumerateFiles(_folder.File("new")).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"format":1,"groups":{"score":[{"partition":0}]}}""")]
    [InlineData("""{"format":1,"groups":{"score":[{"partition":0,"epoch":"zz","next":1,"predicted":1,"deadLettered":0,"skipped":0}]}}""")]
    public void A_damaged_store_is_one_clear_line(string content)
    {
        File.WriteAllText(_folder.File("commits.json"), content);
        var failure = Assert.Throws<SourceException>(() => new FileCommitStore(_folder.Path).Read("score"));
        Assert.Contains("commits.json is damaged", failure.Message);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void A_newer_format_is_refused()
    {
        File.WriteAllText(_folder.File("commits.json"), """{"format":2}""");
        Assert.Contains("use the newer version", Assert.Throws<SourceException>(() => new FileCommitStore(_folder.Path).Read("score")).Message);
    }

    [Fact]
    public async Task Any_thread_may_read_while_one_commits()
    {
        var store = new FileCommitStore(_folder.Path);
        var writer = Task.Run(() =>
        {
            for (var i = 2; i < 50; i++) store.Write("score", [Committed(0, i)]);
        });
        var seen = 0L;
        while (!writer.IsCompleted)
        {
            var next = store.Read("score").Select(p => p.Position.Next).DefaultIfEmpty(0).Single();
            Assert.True(next >= seen);
            seen = next;
        }
        await writer;
        Assert.Equal([Committed(0, 49)], store.Read("score"));
    }
}
