using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What to run.</summary>
/// <param name="Layers">Settings, later ones over earlier ones.</param>
/// <param name="Pipeline">Name of the pipeline; null where there is only one.</param>
/// <param name="Audit">Predictions to audit at the end, chosen at random.</param>
/// <param name="Stages">Whether the summary shows where time went.</param>
/// <param name="Plain">Lines even on a terminal.</param>
/// <param name="Verbose">Warnings of the actors to standard error, too.</param>
/// <param name="Broker">The demo's own broker, which ends the run once all of its rows are learned; null where there is none.</param>
public sealed record RunRequest(IReadOnlyList<HoconDocument> Layers, string? Pipeline, int Audit, bool Stages, bool Plain, bool Verbose, EmbeddedBroker? Broker = null);

/// <summary>Runs one pipeline until its source ends or a person stops it.</summary>
public sealed class RunCommand(INodeFactory nodes, Terminal terminal, TimeProvider time)
{
    public async Task<int> Run(RunRequest request, CancellationToken stop)
    {
        var validated = SettingsFile.Validate(request.Layers);
        var settings = validated.Settings!;
        var pipeline = Choose(settings, request.Pipeline);
        RefuseMissingFile(pipeline);

        using var folder = DataFolder.Hold(settings.DataFolder);
        var journal = await JournalStores.Open(settings.Journal, folder, terminal.Error.WriteLine, stop).ConfigureAwait(false);
        folder.Remember(Together(request.Layers));
        var akka = AkkaConfiguration.For(validated.Akka, journal.ConnectionString, folder.Log, request.Verbose, journal.ProviderName);
        int status;
        await using (var node = await nodes.Start(new NodeOptions(settings, pipeline, folder, akka, time), stop).ConfigureAwait(false))
            status = await Watch(node, request, pipeline, folder, stop).ConfigureAwait(false);
        if (journal is SqliteJournal sqlite) sqlite.Checkpoint();
        journal.Close();
        return status;
    }

    private async Task<int> Watch(INode node, RunRequest request, PipelineSettings pipeline, DataFolder folder, CancellationToken stop)
    {
        var tracker = new FactsTracker(node.Clocks, time);
        NodeFacts? facts = null;
        IDisplay display = terminal.Live is { } live && !request.Plain
            ? new LiveDisplay(live, $"{pipeline.Name} · {Describe(pipeline.Source)}", pipeline.Source.Kind == SourceKind.Generator ? pipeline.Source.Generator.Rows : null)
            : new PlainDisplay(terminal.Out);
        await display.Run(async show =>
        {
            using var ticks = new PeriodicTimer(TimeSpan.FromMilliseconds(100), time);
            var shown = TimeSpan.MinValue;
            while (!stop.IsCancellationRequested)
            {
                var status = await node.Status().ConfigureAwait(false);
                facts = tracker.Next(status);
                var done = status.Finished || status.Refusal is not null || request.Broker?.Advance(status) == true;
                if (done || shown == TimeSpan.MinValue || facts.Elapsed - shown >= display.Interval)
                {
                    shown = facts.Elapsed;
                    show(facts);
                }
                if (done || !await ticks.WaitForNextTickAsync(CancellationToken.None).ConfigureAwait(false)) return;
            }
        }).ConfigureAwait(false);

        if (facts?.Status.Refusal is { } refusal) throw new BadInputException(refusal);
        if (stop.IsCancellationRequested) terminal.Out.WriteLine("Stopping: what is in flight is scored, learned and stored first. Ctrl-C again stops at once; what was learned stays learned.");
        try
        {
            facts = tracker.Next(await node.Stop().ConfigureAwait(false));
        }
        catch (TimeoutException e)
        {
            terminal.Error.WriteLine(request.Verbose ? e.ToString() : "The legs did not drain in time: is the database away? What is not in the journal is learned at the next start; nothing is lost.");
            return ExitStatus.Failed;
        }
        Summary.Write(terminal.Out, facts, pipeline, folder);
        if (request.Stages) Summary.WriteStages(terminal.Out, node.Clocks, facts.Working);
        var balance = facts.Status.Ledger.All(l => l.Balances) ? ExitStatus.Ok : ExitStatus.Differs;
        if (stop.IsCancellationRequested)
        {
            terminal.Out.WriteLine("Run it again to go on from here.");
            return balance;
        }
        var audited = request.Audit == 0 ? ExitStatus.Ok : await Audit(node, request, pipeline, folder, stop).ConfigureAwait(false);
        return balance != ExitStatus.Ok ? balance : audited;
    }

    private async Task<int> Audit(INode node, RunRequest request, PipelineSettings pipeline, DataFolder folder, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        var chosen = request.Broker?.Kept() ?? PredictionFile.Sample(pipeline.Sink.Predictions, TextReader.Null, request.Audit, seed: Random.Shared.Next());
        var results = await node.Audit(chosen, 0, stop).ConfigureAwait(false);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(AuditReport.Total(results, time.GetElapsedTime(started)));
        // Identical ones all look alike: the last of them show what was compared. All others are shown.
        var shown = results.Where(r => r.Outcome != AuditOutcome.Identical).Concat(results.Where(r => r.Outcome == AuditOutcome.Identical).TakeLast(2));
        foreach (var r in shown) terminal.Out.WriteLine($"  {AuditReport.Line(r)}");
        Summary.WriteNext(terminal.Out, folder, pipeline.Sink.Kind == SinkKind.File, results.Count > 0 ? results[^1].Prediction.Id : null);
        return AuditReport.Status(results);
    }

    private static PipelineSettings Choose(NodeSettings settings, string? name)
    {
        var names = string.Join(", ", settings.Pipelines.Select(p => p.Name));
        if (settings.Pipelines.Length == 0) throw new BadInputException("the settings name no pipeline; add stream-mlops.pipelines.NAME { }");
        if (name is not null) return settings.Pipelines.FirstOrDefault(p => p.Name == name) ?? throw new BadInputException($"there is no pipeline '{name}'; there are: {names}");
        return settings.Pipelines.Length == 1 ? settings.Pipelines[0] : throw new BadInputException($"the settings name several pipelines; choose one with --pipeline: {names}");
    }

    private static void RefuseMissingFile(PipelineSettings pipeline)
    {
        var source = pipeline.Source;
        if (source.Kind != SourceKind.File) return;
        if (Directory.Exists(source.Path)) throw new BadInputException($"data file {source.Path} is a folder");
        if (!File.Exists(source.Path)) throw new BadInputException($"data file {source.Path} is not there");
    }

    internal static HoconDocument Together(IReadOnlyList<HoconDocument> layers) =>
        HoconDocument.Of("settings.conf", layers.Aggregate(Learning.ConfigNode.Map.Empty, (lower, layer) => lower.Overlay(layer.Root)));

    private static string Describe(SourceSettings source) => source.Kind switch
    {
        SourceKind.File => Path.GetFileName(source.Path),
        SourceKind.Kafka => $"topic {source.Topic}",
        _ => $"generator, seed {source.Generator.Seed}",
    };
}
