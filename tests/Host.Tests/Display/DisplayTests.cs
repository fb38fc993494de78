using System.Diagnostics;
using Spectre.Console;
using StreamMLOps.Actors;
using StreamMLOps.Host.Tests.Commands;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host.Tests.Display;

public sealed class DisplayTests
{
    private readonly SetTime _time = new();
    private readonly PipelineClocks _clocks = new();

    [Fact]
    public void Rates_follow_what_happens_and_working_time_leaves_out_the_start()
    {
        var tracker = new FactsTracker(_clocks, _time);
        tracker.Next(FakeNodes.Status(0, 0));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0, tracker.Next(FakeNodes.Status(0, 0)).ScoreRate);
        NodeFacts facts = null!;
        for (var i = 1; i <= 20; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(0.5));
            _clocks.Predict.Add(Stopwatch.GetTimestamp(), 1000);
            _clocks.Learn.Add(Stopwatch.GetTimestamp(), 500);
            facts = tracker.Next(FakeNodes.Status(1000 * i, 500 * i));
        }
        Assert.Equal((2000, 1000), (facts.ScoreRate, facts.LearnRate));
        Assert.Equal((20_000, 10_000), (facts.Scored, facts.Learned));
        Assert.Equal(TimeSpan.FromSeconds(10), facts.Working);
        _time.Advance(TimeSpan.FromSeconds(20));
        facts = tracker.Next(FakeNodes.Status(20_000, 10_000));
        Assert.InRange(facts.ScoreRate, 0, 1);
        Assert.Equal(TimeSpan.FromSeconds(10), facts.Working);
        Assert.Equal(TimeSpan.FromSeconds(35), facts.Elapsed);
    }

    [Fact]
    public void The_plain_line_holds_every_fact()
    {
        var line = PlainDisplay.Line(new NodeFacts(FakeNodes.Status(1_234_567, 1_234_000, learner: LearnerState.WaitingForDatabase, deadLetters: 3), TimeSpan.FromSeconds(75), TimeSpan.FromSeconds(70), 1, 1, 98_765.4, 87_654.3, 200 << 20));
        Assert.Equal(
            "1:15  scored 1,234,567 (98,765/s, running)  learned 1,234,000 (87,654/s, waiting for database)  error 2.20 %  AUC 0.9876  log-loss 0.1000  features 12,345  version main/0/12341  stale 0 events (0.00 s)  backlog 567  dead letters 3  journal 5.0 MiB  memory 200 MiB",
            line);
    }

    [Fact]
    public void The_live_picture_holds_every_fact()
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text), Interactive = InteractionSupport.No });
        console.Profile.Width = 120;
        var display = new LiveDisplay(console, "malicious-url [x]", 2_000_000);
        console.Write(display.Render(new NodeFacts(FakeNodes.Status(1_000_000, 900_000, learner: LearnerState.WaitingForDatabase, detail: "[locked]"), TimeSpan.FromSeconds(75), TimeSpan.FromSeconds(70), 1, 1, 98_765.4, 87_654.3, 200 << 20)));
        foreach (var expected in new[] { "malicious-url [x]", "1:15", "98,765", "87,654", "1,000,000", "900,000", "running", "waiting for database: [locked]", "2.20 %", "0.9876", "12,345", "main/0/9001", "100,000", "5.0 MiB", "200 MiB", "50.00 %" })
            Assert.Contains(expected, text.ToString(), StringComparison.Ordinal);
    }

    private sealed class SetTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;

        public override long GetTimestamp() => _ticks;
    }

    [Fact]
    public void The_quality_of_answers_is_json_without_what_is_not_defined()
    {
        var table = new AnswerTable(Learning.LearningTask.Binary);
        table.Add(17, 0, 1, [0.25]);
        table.Add(18, 5_000, 0, [0.25]);
        using var bytes = new MemoryStream();
        using (var json = new System.Text.Json.Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            QualityReport.Write(json, "served", table.Report());
            json.WriteEndObject();
        }
        using var document = System.Text.Json.JsonDocument.Parse(bytes.ToArray());
        var served = document.RootElement.GetProperty("served");
        Assert.Equal((2, 0.5), (served.GetProperty("rows").GetInt32(), served.GetProperty("error").GetDouble()));
        Assert.Equal([(17, 1.0), (18, 0.0)], served.GetProperty("versions").EnumerateArray().Select(v => (v.GetProperty("version").GetInt32(), v.GetProperty("error").GetDouble())));
        var ages = served.GetProperty("ages").EnumerateArray().ToList();
        Assert.Equal([1, 1, 0, 0, 0, 0], ages.Select(a => a.GetProperty("rows").GetInt32()));
        Assert.Equal(1_000, ages[0].GetProperty("below-ms").GetInt64());
        Assert.False(ages[^1].TryGetProperty("below-ms", out _));
        Assert.False(ages[^1].TryGetProperty("error", out _));
    }
}
