using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What a run did, at its end.</summary>
public static class Summary
{
    /// <summary>Writes it.</summary>
    public static void Write(TextWriter output, NodeFacts facts, PipelineSettings pipeline, DataFolder folder)
    {
        var (status, learner) = (facts.Status, facts.Status.Learner);
        var seconds = Math.Max(facts.Working.TotalSeconds, 1e-3);
        output.WriteLine();
        output.WriteLine(facts.Scored == 0 && facts.Learned == 0
            ? $"Nothing new: {Figures.Count(facts.ScoredInAll)} rows were scored and {Figures.Count(learner.Rows)} learned before."
            : $"{Figures.Count(facts.Scored)} rows scored and {Figures.Count(facts.Learned)} learned in {Figures.Seconds(facts.Working)}: {Figures.Rate(facts.Scored / seconds)} and {Figures.Rate(facts.Learned / seconds)} rows/s");
        Line(output, "model", $"{pipeline.Model.Kind} version {learner.Version}, {Figures.Count(learner.Features)} features");
        Line(output, "progressive", $"{string.Join(", ", facts.Quality.Select(q => $"{q.Name} {q.Value}"))} over {Figures.Count(learner.Rows)} rows");
        if (Served(status.Served) is { } served) Line(output, "served", served);
        foreach (var l in status.Ledger) Ledger(output, l);
        Line(output, "predictions", Destination(pipeline, pipeline.Sink.Predictions));
        Line(output, "dead letters", facts.DeadLetters == 0 ? "none" : $"{Figures.Count(facts.DeadLetters)} in {Destination(pipeline, pipeline.Sink.DeadLetters)}");
        Line(output, "journal", $"{Figures.Megabytes(learner.JournalBytes)} of events in {Relative(folder.Journal)}");
    }

    /// <summary>Where time went, by stage.</summary>
    public static void WriteStages(TextWriter output, PipelineClocks clocks, TimeSpan elapsed)
    {
        output.WriteLine();
        output.WriteLine($"    {"stage",-30} {"rows",12} {"busy",10} {"of time",8} {"rows/s busy",14}");
        foreach (var clock in clocks.All)
        {
            var busy = clock.Busy;
            if (clock.Chunks == 0) continue;
            output.WriteLine($"    {clock.Name,-30} {Figures.Count(clock.Rows),12} {Figures.Seconds(busy),10} {Figures.Percent(busy / elapsed),8} {Figures.Rate(clock.Rows / Math.Max(1e-6, busy.TotalSeconds)),14}");
        }
    }

    /// <summary>How to recompute a prediction later.</summary>
    public static void WriteNext(TextWriter output, DataFolder folder, bool predictionsAreInFolder, string? id)
    {
        output.WriteLine();
        if (predictionsAreInFolder)
        {
            output.WriteLine("Recompute any prediction, bit for bit:");
            output.WriteLine($"  {Program} audit --data-folder {Relative(folder.Path)} --id {id ?? "ID"}");
        }
        output.WriteLine("Fold the whole journal from nothing and compare every fingerprint:");
        output.WriteLine($"  {Program} verify --data-folder {Relative(folder.Path)}");
    }

    // What was answered before learning had come as far; in this run.
    private static string? Served(AnswerReport served)
    {
        var rows = served.Ages.Sum(a => a.Counts.Rows);
        if (rows == 0 || double.IsNaN(served.Ages.First(a => a.Counts.Rows > 0).Counts.Error)) return null;
        var error = served.Ages.Where(a => a.Counts.Rows > 0).Sum(a => a.Counts.Error * a.Counts.Rows) / rows;
        var isShare = served.Metrics.All(m => m.Name != "mae");
        return $"error {(isShare ? Figures.Percent(error) : Figures.Number(error))} over {Figures.Count(rows)} answers of this run that have labels";
    }

    private static string Destination(PipelineSettings pipeline, string name) =>
        pipeline.Sink.Kind == SinkKind.File ? Relative(name) : $"topic {name} at {pipeline.Kafka.BootstrapServers}";

    private static void Ledger(TextWriter output, LedgerLine l)
    {
        var balance = l.Balances ? l.Pending == 0 ? "balances" : "balances so far" : $"DOES NOT BALANCE: {l.ScoreRemainder} and {l.LearnRemainder} left over";
        Line(output, $"ledger {l.Partition}", $"{Figures.Count(l.Consumed)} consumed = {Figures.Count(l.Predicted)} predicted + {Figures.Count(l.DeadLettered)} dead-lettered + {Figures.Count(l.Skipped)} skipped");
        Line(output, "", $"{Figures.Count(l.Predicted)} predicted = {Figures.Count(l.Learned)} learned + {Figures.Count(l.Unlabelled)} unlabelled + {Figures.Count(l.Frozen)} frozen + {Figures.Count(l.Expired)} expired{(l.Duplicate + l.Waiting == 0 ? "" : $" + {Figures.Count(l.Duplicate)} duplicate + {Figures.Count(l.Waiting)} waiting")}{(l.Pending == 0 ? "" : $" + {Figures.Count(l.Pending)} positions pending")}: {balance}");
    }

    private static void Line(TextWriter output, string name, string text) => output.WriteLine($"  {name,-13} {text}");

    // As it can be typed here: "dotnet run" leaves the program off the path.
    private static string Program =>
        Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "streammlops" ? Relative(path) : "streammlops";

    private static string Relative(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }
}
