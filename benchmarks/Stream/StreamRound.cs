using System.Diagnostics;
using StreamMLOps.Actors;
using StreamMLOps.Host;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Benchmarks;

/// <summary>One file through a fresh node, both legs and the journal on; then an audit of 100 predictions, and a recovery.</summary>
/// <param name="Rows">Rows scored and learned.</param>
/// <param name="Seconds">From the first row committed to the last row applied by the replica.</param>
/// <param name="CpuMicroseconds">CPU time of the process a row.</param>
/// <param name="AllocatedPerRow">Managed bytes allocated a row, events included.</param>
/// <param name="Memory">Resident MiB at a fifth, at three fifths and at the end of the file.</param>
/// <param name="AuditSeconds">Audit of 100 random predictions.</param>
/// <param name="RecoverySeconds">A learner started again: snapshot and the events after it.</param>
/// <param name="Features">Features of the recovered model.</param>
internal sealed record StreamRound(long Rows, double Seconds, double CpuMicroseconds, double AllocatedPerRow, long[] Memory, double AuditSeconds, double RecoverySeconds, long Features)
{
    public double RowsPerSecond => Rows / Seconds;

    public override string ToString() =>
        $"{RowsPerSecond:N0} rows/s ({Rows:N0} in {Seconds:F2} s), {CpuMicroseconds:F1} us of CPU and {AllocatedPerRow:F0} bytes a row, {string.Join(" / ", Memory)} MiB resident, audit of 100 {AuditSeconds:F2} s, recovery of {Features:N0} features {RecoverySeconds:F2} s";

    /// <param name="pipeline">Settings of the pipeline: its files.</param>
    /// <param name="folder">A data folder of the round's own.</param>
    /// <param name="details">Whether to show where the time went.</param>
    /// <param name="check">Whether to audit and recover in the end.</param>
    public static async Task<StreamRound> Run(string pipeline, string folder, bool details, bool check = true)
    {
        var hocon = HoconDocument.Parse($"stream-mlops {{ data-folder = \"{folder}\", pipelines.bench {{ {pipeline} }} }}", "benchmark");
        var settings = NodeSettingsReader.Read(hocon).Settings!;
        using var held = DataFolder.Hold(folder);
        var journal = SqliteJournal.Open(held.Journal, settings.Journal.LockTimeout);
        var options = new NodeOptions(settings, settings.Pipelines[0], held, AkkaConfiguration.For(ConfigNode.Map.Empty, journal.ConnectionString, held.Log, verbose: false), TimeProvider.System);

        using var process = Process.GetCurrentProcess();
        var memory = new List<(long Rows, long MiB)>();
        PipelineStatus status;
        (long Ticks, TimeSpan Cpu, long Allocated, long Rows) first = default, last;
        var audit = 0.0;
        await using (var node = await new NodeFactory().Start(options, CancellationToken.None))
        {
            do
            {
                await Task.Delay(20);
                status = await node.Status();
                process.Refresh();
                var scored = status.Score.Committed.Sum(c => c.Predicted);
                last = (Stopwatch.GetTimestamp(), process.TotalProcessorTime, GC.GetTotalAllocatedBytes(), status.Learner.Rows);
                if (first.Ticks == 0 && scored > 0) first = last;
                memory.Add((status.Learner.Rows, process.WorkingSet64 >> 20));
                if (status.Refusal is { } refusal) throw new InvalidOperationException(refusal);
            }
            while (!status.Finished);

            await node.Stop();
            if (details) Stages(node.Clocks);
            if (check) audit = await Audit(node, settings.Pipelines[0].Sink.Predictions, last.Rows);
        }
        var (recovery, features) = check ? await Recover(options) : default;
        journal.Close();
        var rows = last.Rows - first.Rows;
        return new StreamRound(
            rows,
            Stopwatch.GetElapsedTime(first.Ticks, last.Ticks).TotalSeconds,
            (last.Cpu - first.Cpu).TotalMicroseconds / rows,
            (double)(last.Allocated - first.Allocated) / rows,
            [.. new[] { 0.2, 0.6, 1.0 }.Select(part => memory.First(m => m.Rows >= part * last.Rows).MiB)],
            audit,
            recovery,
            features);
    }

    private static async Task<double> Audit(INode node, string path, long rows)
    {
        var predictions = Sample(path, rows);
        var started = Stopwatch.GetTimestamp();
        var audited = await node.Audit(predictions, 0, CancellationToken.None);
        if (audited.Any(a => a.Outcome != AuditOutcome.Identical)) throw new InvalidOperationException("a prediction does not recompute identically");
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static List<Prediction> Sample(string path, long rows)
    {
        var random = new Random(1);
        var wanted = Enumerable.Range(0, 100).Select(_ => random.NextInt64(rows)).ToHashSet();
        return [.. File.ReadLines(path).Where((_, i) => wanted.Contains(i)).Select(line => PredictionReader.TryParse(System.Text.Encoding.UTF8.GetBytes(line), out var p, out var why) ? p : throw new InvalidOperationException(why))];
    }

    // What a learner does when it starts: newest snapshot, hash checked, then the events after it.
    private static async Task<(double Seconds, long Features)> Recover(NodeOptions options)
    {
        var system = Akka.Actor.ActorSystem.Create("recovery", Akka.Configuration.ConfigurationFactory.ParseString("akka.actor.provider = local").WithFallback(options.Akka));
        var reader = new JournalReader(system);
        var learner = (await reader.Learners())[0];
        var started = Stopwatch.GetTimestamp();
        using var fold = await reader.Rebuild(learner, Define);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var features = fold!.Learner.Model.Features;
        await system.Terminate();
        return (seconds, features);
    }

    private static FoldDefinition Define(Genesis genesis)
    {
        var settings = SettingsText.Read(genesis.Settings);
        var (model, featurize) = PipelineSettings.ReadGenesis(settings);
        return new FoldDefinition(model, featurize.Create(), PipelineSettings.ReadLabelHorizon(settings)) { Drift = DriftSettings.ReadGenesis(settings).Watches };
    }

    private static void Stages(PipelineClocks clocks)
    {
        foreach (var c in clocks.All)
            Console.WriteLine($"  {c.Name,-32} {c.Busy.TotalMilliseconds,8:F0} ms {(c.Rows > 0 ? $"{c.Busy.TotalMicroseconds / c.Rows,8:F2} us/row" : "")} in {c.Chunks:N0} calls");
    }
}
