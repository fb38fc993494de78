namespace StreamMLOps.Pipeline.Tests;

public sealed class CommitMetadataTests
{
    [Fact]
    public void A_ledger_survives_as_text()
    {
        var committed = new CommittedPartition(new PartitionPosition(3, 0xff_00_00_00_00_00_00_01, 1_234_567_890_123), 1_234_567_890_000, 100, 23);
        var text = CommitMetadata.Write(committed);
        Assert.Equal("streammlops/1 ff00000000000001 1234567890000 100 23", text); // stored by brokers: it cannot change
        Assert.Equal(committed, CommitMetadata.Read(3, 1_234_567_890_123, text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("some tool's own words")]
    [InlineData("streammlops/2 ff00000000000001 1 2 3")]
    [InlineData("streammlops/1 ff00000000000001 1 2 -3")]
    [InlineData("streammlops/1 ff00000000000001 1 2")]
    public void What_others_wrote_is_no_ledger(string text) => Assert.Null(CommitMetadata.Read(0, 1, text));
}
