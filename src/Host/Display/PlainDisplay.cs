using System.Globalization;

namespace StreamMLOps.Host;

/// <summary>One line a second, for logs and pipes.</summary>
public sealed class PlainDisplay(TextWriter output) : IDisplay
{
    public TimeSpan Interval => TimeSpan.FromSeconds(1);

    public Task Run(Func<Action<NodeFacts>, Task> watch) => watch(facts => output.WriteLine(Line(facts)));

    /// <summary>The facts as a line.</summary>
    public static string Line(NodeFacts f) => string.Create(CultureInfo.InvariantCulture,
        $"{Figures.Clock(f.Elapsed)}  scored {Figures.Count(f.ScoredInAll)} ({Figures.Rate(f.ScoreRate)}/s, {f.ScoreState})  learned {Figures.Count(f.Status.Learner.Rows)} ({Figures.Rate(f.LearnRate)}/s, {f.LearnState})  {string.Join("  ", f.Quality.Where(q => q.Name != "F1").Select(q => $"{q.Name} {q.Value}"))}  features {Figures.Count(f.Status.Learner.Features)}  version {f.Status.Learner.Version}  stale {f.Status.StaleEvents} events ({Figures.Seconds(f.StaleFor)})  backlog {Figures.Count(f.Status.Backlog)}  dead letters {Figures.Count(f.DeadLetters)}  journal {Figures.Megabytes(f.Status.Learner.JournalBytes)}  memory {Figures.Megabytes(f.MemoryBytes)}");
}
