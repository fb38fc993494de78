namespace StreamMLOps.Pipeline.Tests;

public sealed class CommitMetadataTests
{
    [Fact]
    public void A_ledger_survives_as_text()
    {
        var committed = new CommittedPartition(new PartitionPosition(3, 0xff_00_00_00_00_00_00_01, 1_234_567_890_123), 1_234_567_890_000, 100, 23);
        var text = CommitMetadata.Write(committed);
        Assert.Equal("streammlops/2 ff00000000000001 1234567890000 100 23 0", text); // stored by brokers: it cannot change
        Assert.Equal(committed, CommitMetadata.Read(3, 1_234_567_890_123, text));
        var later = committed with { Start = 7 };
        Assert.Equal((later, -7L), (CommitMetadata.Read(3, 1_234_567_890_123, CommitMetadata.Write(later)), later.Remainder));
    }

    [Fact]
    public void A_ledger_of_before_beginnings_were_recorded_begins_where_its_counts_say()
    {
        var committed = CommitMetadata.Read(3, 500, "streammlops/1 ff00000000000001 190 7 3")!;
        Assert.Equal((300L, 0L, 190L), (committed.Start, committed.Remainder, committed.Predicted));
    }

    [Theory]
    [InlineData("")]
    [InlineData("some tool's own words")]
    [InlineData("streammlops/2 ff00000000000001 1 2 3")]
    [InlineData("streammlops/1 ff00000000000001 1 2 -3")]
    [InlineData("streammlops/1 ff00000000000001 1 2")]
    [InlineData("streammlops/2 ff00000000000001 1 2 3 -4")]
    [InlineData("streammlops/3 ff00000000000001 1 2 3 4")]
    public void What_others_wrote_is_no_ledger(string text) => Assert.Null(CommitMetadata.Read(0, 1, text));
}
