using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Journal;

public sealed class JournalEventSpecs
{
    private const string Recorded = "0301000000000000000200000000000000030000000000000001000700000000000000050a0602010100060103030211affe6771d6d18a5202000104000202";

    public static TheoryData<JournalEvent> Every => new()
    {
        Genesis.Create("urls", "main", 3, "{\"model\":\"x\"}", 123, [new(0, 7, 5), new(1, 8, 0)]),
        Genesis.Create("urls", "main", 3, "{}", 123, [new(0, 7, 5)], [new(0, 9, 2)]),
        Joined.Create(1, 2, 3, Chunk.NoTime, 50, [new JoinRange(true, new(0, 9, 2, 6), 40, 1, [0, 1, 0, 0, 0, 1], [1, 3])], [new JoinedStretch(0, 4, 50)], 0, 0, []),
        Learned.Create(1, 2, 3, [new(new(0, 7, 5, 15), 4, 3, 2, 1, 0)], 0, []),
        Learned.Create(1, 2, 3, [new(new(0, 7, 5, 15), 4, 3, 2, 1, 0)], 6, [], [new(0, new(3, PseudoClass.Positive)), new(4, new(4, PseudoClass.Negative))]),
        Skipped.Create(new(1, 8, 10, 400), "gone by retention", 5),
        Expired.Create(1, 8, [4, 9, 1000], 77),
        Frozen.Create("ada", "a bad feed", 9),
        Thawed.Create("ada", "the feed is good again", 10),
        Retracted.Create(5, 9, "ada", "labels were wrong", 11),
        Retracted.Create(5, 9, "ada", "pseudo-labels were wrong", 11, group: 3),
    };

    [Theory]
    [MemberData(nameof(Every))]
    public void Every_kind_comes_back_from_its_bytes(JournalEvent e)
    {
        var back = JournalEvent.Decode(e.Manifest, e.Bytes);
        Assert.Equivalent(e, back, strict: true);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void A_newer_format_is_refused_with_what_to_do(JournalEvent e)
    {
        var newer = e.Bytes.ToArray();
        newer[0] = 99;
        var refusal = Assert.Throws<JournalFormatException>(() => JournalEvent.Decode(e.Manifest, newer));
        Assert.Contains("newer version", refusal.Message);
        Assert.Contains(e.Manifest, refusal.Message);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Bytes_cut_short_are_refused(JournalEvent e)
    {
        for (var n = 0; n < e.Bytes.Length; n++) Assert.Throws<JournalFormatException>(() => JournalEvent.Decode(e.Manifest, e.Bytes[..n]));
    }

    [Fact]
    public void An_event_that_names_its_rows_by_position_has_the_bytes_that_it_will_always_have()
    {
        var e = Learned.Create(1, 2, 3, [new(new(0, 7, 5, 15), 6, 2, 1, 1, 0)], 6, "rows of the event"u8, [new(3, new(3, PseudoClass.Positive))], [new(0, 1, 4), new(0, 2, 2)]);
        Assert.True(Recorded == Convert.ToHexStringLower(e.Bytes), Convert.ToHexStringLower(e.Bytes));
        var back = (Learned)JournalEvent.Decode(e.Manifest, e.Bytes);
        Assert.Equal((true, false), (e.HasRows, back.HasRows));
        Assert.Equal((e.Before, e.After, e.Time, e.Rows), (back.Before, back.After, back.Time, back.Rows));
        Assert.Equivalent(e.Reference, back.Reference, strict: true);
        Assert.Equal(e.PseudoLabels, back.PseudoLabels);
        for (var n = 0; n < e.Bytes.Length; n++) Assert.Throws<JournalFormatException>(() => JournalEvent.Decode(e.Manifest, e.Bytes[..n]));
    }

    [Fact]
    public void The_bytes_of_retractions_with_and_without_a_group_are_what_they_were()
    {
        Assert.Equal("010509036164610562616420580B00000000000000", Convert.ToHexString(Retracted.Create(5, 9, "ada", "bad X", 11).Bytes));
        Assert.Equal("020509036164610562616420580B0000000000000003", Convert.ToHexString(Retracted.Create(5, 9, "ada", "bad X", 11, group: 3).Bytes));
    }

    [Fact]
    public void An_unknown_kind_is_refused() =>
        Assert.Contains("unknown kind 'merged'", Assert.Throws<JournalFormatException>(() => JournalEvent.Decode("merged", [1])).Message);
}
