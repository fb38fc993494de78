using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class DeadLetterAlarmTests
{
    private readonly List<string> _said = [];

    private static DeadLetter[] Letters(int count, string what = "the label is not a number") =>
        [.. Enumerable.Range(0, count).Select(i => new DeadLetter(0, 1, i, "decode", RowFault.BadLabel, $"{what}, at byte {i}: x", [], 0))];

    [Fact]
    public void It_is_raised_above_the_share_with_the_commonest_cause_and_an_example_and_ends_below()
    {
        var alarm = new DeadLetterAlarm("p", 0.05, 1_000, _said.Add);
        alarm.Count(50, Letters(10));
        Assert.Empty(_said); // sixty records say nothing yet
        alarm.Count(150, []);
        Assert.False(alarm.State.Raised);
        alarm.Count(150, Letters(20, "a quote is not closed"));
        Assert.True(alarm.State.Raised);
        Assert.Contains("pipeline p: 7.9 % of the latest 380 records", Assert.Single(_said).Replace("7.9%", "7.9 %", StringComparison.Ordinal));
        Assert.Contains("most often: a quote is not closed; for example 0-0: a quote is not closed, at byte 0", _said[0]);
        for (var i = 0; i < 30; i++) alarm.Count(100, []);
        Assert.False(alarm.State.Raised);
        Assert.Equal(2, _said.Count);
        Assert.Equal([("a quote is not closed", 20L), ("the label is not a number", 10L)], alarm.Causes.Select(c => (c.Cause, c.Count)));
    }

    [Fact]
    public void A_share_of_one_never_raises_it()
    {
        var alarm = new DeadLetterAlarm("p", 1, 1_000, _said.Add);
        alarm.Count(0, Letters(5_000));
        Assert.False(alarm.State.Raised);
    }

    [Fact]
    public void Causes_without_end_do_not_make_memory_without_end()
    {
        var alarm = new DeadLetterAlarm("p", 1, 1_000, _said.Add);
        for (var i = 0; i < 2_000; i++) alarm.Count(0, Letters(1, $"cause {i}"));
        Assert.Equal(DeadLetterAlarm.MaxCauses + 1, alarm.Causes.Count);
        Assert.Equal(2_000, alarm.Causes.Sum(c => c.Count));
    }
}
