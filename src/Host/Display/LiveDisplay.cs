using Spectre.Console;
using Spectre.Console.Rendering;
using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>A table on a terminal, redrawn four times a second.</summary>
/// <param name="console">The terminal.</param>
/// <param name="title">What runs.</param>
/// <param name="expected">Records of a bounded source, null where unknown.</param>
public sealed class LiveDisplay(IAnsiConsole console, string title, long? expected) : IDisplay
{
    public TimeSpan Interval => TimeSpan.FromMilliseconds(250);

    public Task Run(Func<Action<NodeFacts>, Task> watch) =>
        console.Live(new Text("starting ...")).AutoClear(false).StartAsync(live => watch(facts =>
        {
            live.UpdateTarget(Render(facts));
            live.Refresh();
        }));

    /// <summary>The facts as a picture.</summary>
    public IRenderable Render(NodeFacts f)
    {
        var legs = new Table { Border = TableBorder.Rounded, Title = new TableTitle($"[bold]{Markup.Escape(title)}[/]  [grey]{Figures.Clock(f.Elapsed)}[/]") };
        legs.AddColumn("leg");
        legs.AddColumn(new TableColumn("rows/s").RightAligned().Width(11));
        legs.AddColumn(new TableColumn("rows").RightAligned().Width(14));
        legs.AddColumn(new TableColumn("state").Width(36));
        legs.AddRow(new Markup("score"), new Markup($"[bold]{Figures.Rate(f.ScoreRate)}[/]"), new Text(Figures.Count(f.ScoredInAll)), State(f.ScoreState, f.Status.Score.State is ScoreLegState.Running or ScoreLegState.Finished));
        legs.AddRow(new Markup("learn"), new Markup($"[bold]{Figures.Rate(f.LearnRate)}[/]"), new Text(Figures.Count(f.Status.Learner.Rows)), State(f.LearnState, f.Status.Learner.State is LearnerState.Running or LearnerState.Finished));

        var facts = new Grid();
        for (var i = 0; i < 3; i++)
        {
            facts.AddColumn(new GridColumn().PadLeft(i == 0 ? 2 : 3).PadRight(1).NoWrap());
            facts.AddColumn(new GridColumn().RightAligned().PadRight(0).NoWrap());
        }
        var quality = f.Quality.Where(q => q.Name != "F1").Concat(Enumerable.Repeat(("", ""), 3)).ToArray();
        Row(facts, quality[0], ("version", f.Status.Learner.Version.ToString()), ("backlog", Figures.Count(f.Status.Backlog)));
        Row(facts, quality[1], ("stale events", Figures.Count(f.Status.StaleEvents)), ("journal", Figures.Megabytes(f.Status.Learner.JournalBytes)));
        Row(facts, quality[2], ("stale for", Figures.Seconds(f.StaleFor)), ("memory", Figures.Megabytes(f.MemoryBytes)));
        Row(facts, ("features", Figures.Count(f.Status.Learner.Features)), ("snapshot", Figures.Count(f.Status.Learner.Snapshot)), ("dead letters", Figures.Count(f.DeadLetters)));

        return expected is > 0 ? new Rows(legs, facts, Progress(f.Consumed, expected.Value)) : new Rows(legs, facts);
    }

    private static IRenderable Progress(long consumed, long expected)
    {
        const int width = 60;
        var share = Math.Min(1.0, (double)consumed / expected);
        var done = (int)(share * width);
        return new Markup($"  [green]{new string('━', done)}[/][grey]{new string('─', width - done)}[/] {Figures.Percent(share)}\n");
    }

    private static Markup State(string text, bool well) => new(well ? $"[green]{Markup.Escape(text)}[/]" : $"[yellow]{Markup.Escape(text)}[/]");

    private static void Row(Grid grid, params (string Name, string Value)[] facts) =>
        grid.AddRow([.. facts.SelectMany(f => new IRenderable[] { new Markup($"[grey]{Markup.Escape(f.Name)}[/]"), new Text(f.Value) })]);
}
