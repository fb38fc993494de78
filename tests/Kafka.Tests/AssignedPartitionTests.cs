namespace StreamMLOps.Pipeline.Tests;

/// <summary>Offsets without records, as transactions and compaction leave them.</summary>
public sealed class AssignedPartitionTests
{
    private static readonly ChunkLimits Limits = new(Rows: 4, Bytes: 100, RecordBytes: 10);
    private readonly AssignedPartition _partition = new(new PartitionPosition(2, 7, 100), null);

    [Fact]
    public void Consecutive_offsets_are_not_stored_one_by_one()
    {
        Add(100, 101, 102);
        Assert.False(_partition.Open!.HasGaps);
        Holds(from: 100, to: 103, 100, 101, 102);
    }

    [Fact]
    public void A_gap_before_the_first_record_belongs_to_its_chunk()
    {
        Add(105, 106);
        Holds(from: 100, to: 107, 105, 106);
    }

    [Fact]
    public void A_gap_between_records_keeps_each_at_its_offset()
    {
        Add(100, 101, 104, 105);
        Holds(from: 100, to: 106, 100, 101, 104, 105);
    }

    [Fact]
    public void A_transaction_marker_at_the_end_is_accounted_for()
    {
        Add(100, 101);
        _partition.SkipTo(103, Limits);
        Holds(from: 100, to: 103, 100, 101);
        Add(103, 105);
        Holds(from: 100, to: 106, 100, 101, 103, 105);
    }

    [Fact]
    public void Markers_alone_make_a_chunk_without_records()
    {
        _partition.SkipTo(100, Limits);
        Assert.Null(_partition.Open);
        _partition.SkipTo(102, Limits);
        Holds(from: 100, to: 102);
    }

    [Fact]
    public void What_lies_behind_is_left_out()
    {
        Add(100, 101, 100, 101, 102);
        _partition.SkipTo(50, Limits);
        Holds(from: 100, to: 103, 100, 101, 102);
    }

    [Fact]
    public void The_next_chunk_begins_where_the_last_one_ended()
    {
        Add(100, 101);
        _partition.SkipTo(103, Limits);
        using var first = _partition.Open!;
        _partition.HandedOver(first.ByteCount);
        Add(103);
        Holds(from: 103, to: 104, 103);
    }

    [Fact]
    public void A_chunk_is_full_by_rows_or_by_bytes_and_a_long_record_is_cut()
    {
        Assert.False(_partition.Add(100, new byte[1], Limits));
        Assert.False(_partition.Add(101, new byte[11], Limits));
        Assert.True(_partition.Open!.IsCut(1, out var length));
        Assert.Equal(11, length);
        Assert.False(_partition.Add(102, [], Limits));
        Assert.True(_partition.Add(103, [], Limits));
        Assert.True(new AssignedPartition(default, null).Add(0, new byte[10], Limits with { Bytes = 10 }));
    }

    private void Add(params long[] offsets)
    {
        foreach (var offset in offsets) _partition.Add(offset, [(byte)offset], Limits with { Rows = 100 });
    }

    private void Holds(long from, long to, params long[] offsets)
    {
        var chunk = _partition.Open!;
        Assert.Equal((from, to), (chunk.From, chunk.To));
        Assert.Equal(to, _partition.Next);
        Assert.Equal(offsets, Enumerable.Range(0, chunk.Count).Select(chunk.OffsetOf));
        Assert.All(Enumerable.Range(0, chunk.Count), i => Assert.Equal((byte)offsets[i], chunk[i][0]));
    }
}
