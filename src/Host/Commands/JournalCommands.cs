using StreamMLOps.Actors;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What to audit.</summary>
/// <param name="DataFolder">The data folder; null: the default.</param>
/// <param name="Config">Settings in place of those that ran last, for sources that have moved.</param>
/// <param name="Predictions">File of predictions, <c>-</c> for standard input; null: the data folder's.</param>
/// <param name="Ids">Only these.</param>
/// <param name="Sample">Only so many, chosen at random; 0: all.</param>
/// <param name="Seed">Seed of the choice.</param>
/// <param name="Explain">Features named in the explanation of each; 0: none is explained.</param>
/// <param name="Verbose">Warnings of the actors to standard error, too.</param>
public sealed record AuditRequest(string? DataFolder, string? Config, string? Predictions, IReadOnlyCollection<string> Ids, int Sample, int Seed, int Explain, bool Verbose);

/// <summary>Commands that read a journal: they run beside a node that writes to it.</summary>
public sealed class JournalCommands(INodeFactory nodes, Terminal terminal, TimeProvider time)
{
    /// <summary>Recomputes predictions.</summary>
    public async Task<int> Audit(AuditRequest request, CancellationToken stop)
    {
        var (folder, settings, akka) = Settings(request.DataFolder, request.Config);
        using (folder)
        {
            var file = request.Predictions ?? DefaultPredictions(settings, folder);
            var chosen = request.Ids.Count > 0 ? PredictionFile.Find(file, terminal.In, request.Ids)
                : request.Sample > 0 ? PredictionFile.Sample(file, terminal.In, request.Sample, request.Seed)
                : [.. PredictionFile.Read(file, terminal.In)];
            var started = time.GetTimestamp();
            await using var journal = await Open(folder, settings, akka, request.Verbose, stop).ConfigureAwait(false);
            var results = await journal.Audit(chosen, request.Explain, stop).ConfigureAwait(false);
            foreach (var r in results)
            {
                terminal.Out.WriteLine(AuditReport.Line(r));
                if (request.Explain > 0)
                    foreach (var line in AuditReport.Explanation(r)) terminal.Out.WriteLine(line);
            }
            terminal.Out.WriteLine(AuditReport.Total(results, time.GetElapsedTime(started)));
            return AuditReport.Status(results);
        }
    }

    /// <summary>Folds every learner's journal from nothing.</summary>
    public async Task<int> Verify(string? dataFolder, bool verbose, CancellationToken stop)
    {
        var (folder, settings, akka) = Settings(dataFolder, null);
        using (folder)
        {
            await using var journal = await Open(folder, settings, akka, verbose, stop).ConfigureAwait(false);
            var learners = await journal.Learners().ConfigureAwait(false);
            if (learners.Count == 0) throw new BadInputException($"journal {folder.Journal} holds no learner");
            var status = ExitStatus.Ok;
            foreach (var learner in learners)
            {
                var started = time.GetTimestamp();
                var v = await journal.Verify(learner, _ => { }, stop).ConfigureAwait(false);
                terminal.Out.WriteLine($"{(v.IsSound ? "sound  " : "FAULTY ")} {learner}: {Figures.Count(v.Events)} events, {Figures.Count(v.Rows)} rows learned, version {Figures.Count(v.Sequence)}, fingerprint {v.Fingerprint:x16}, state {v.Hash}, learned {v.LearnedHash}, {Figures.Count(v.Snapshots)} snapshots compared, in {Figures.Seconds(time.GetElapsedTime(started))}");
                foreach (var fault in v.Faults) terminal.Out.WriteLine($"        {fault}");
                if (!v.IsSound) status = ExitStatus.Differs;
            }
            return status;
        }
    }

    /// <summary>Accounts for every record: what was scored, as its group committed it (in the data folder, or at the broker), and what the learners' states say.</summary>
    public async Task<int> Ledger(string? dataFolder, string? config, bool json, bool verbose, CancellationToken stop)
    {
        var (folder, settings, akka) = Settings(dataFolder, config);
        using (folder)
        {
            await using var journal = await Open(folder, settings, akka, verbose, stop).ConfigureAwait(false);
            var learners = await journal.Learners().ConfigureAwait(false);
            if (learners.Count == 0) throw new BadInputException($"journal {folder.Journal} holds no learner");
            var commits = new FileCommitStore(folder.Commits);
            var sides = new Dictionary<string, ScoredSide>(); // lineages share their pipeline's group
            var status = ExitStatus.Ok;
            foreach (var learner in learners)
            {
                var ledger = await journal.Ledger(learner, stop).ConfigureAwait(false);
                if (!sides.TryGetValue(ledger.Pipeline, out var scored)) sides.Add(ledger.Pipeline, scored = await Task.Run(() => Scored(ledger.Pipeline, settings, commits), stop).WaitAsync(stop).ConfigureAwait(false));
                terminal.Out.WriteLine(json ? LedgerReport.Json(ledger, scored) : LedgerReport.Text(ledger, scored));
                if (!LedgerReport.Balances(ledger, scored)) status = ExitStatus.Differs;
                else if (scored.Unknown.Length > 0 && status == ExitStatus.Ok) status = ExitStatus.Failed;
            }
            return status;
        }
    }

    /// <summary>Shows what weighs most in the newest model of each learner.</summary>
    public async Task<int> Weights(string? dataFolder, string? config, int most, bool verbose, CancellationToken stop)
    {
        var (folder, settings, akka) = Settings(dataFolder, config);
        using (folder)
        {
            await using var journal = await Open(folder, settings, akka, verbose, stop).ConfigureAwait(false);
            var learners = await journal.Learners().ConfigureAwait(false);
            if (learners.Count == 0) throw new BadInputException($"journal {folder.Journal} holds no learner");
            foreach (var learner in learners)
            {
                var weights = await journal.Weights(learner, most, stop).ConfigureAwait(false);
                if (weights is null) terminal.Out.WriteLine($"{learner}: this kind of model has no weights; audit --explain N says what its answers are made of, if it can");
                else
                    foreach (var line in AuditReport.Weights(learner, weights)) terminal.Out.WriteLine(line);
            }
            return ExitStatus.Ok;
        }
    }

    private static ScoredSide Scored(string pipeline, NodeSettings? settings, FileCommitStore commits)
    {
        try
        {
            return new ScoredSide(settings?.Pipelines.FirstOrDefault(p => p.Name == pipeline)?.CreateSource(commits, KafkaConnector.Confluent).Committed(pipeline) ?? commits.Read(pipeline));
        }
        catch (SourceUnavailableException e)
        {
            return new ScoredSide([], e.Message);
        }
    }

    /// <summary>Moves the events that recovery does not need to files.</summary>
    public async Task<int> Archive(string? dataFolder, string? config, bool verbose, CancellationToken stop)
    {
        var (folder, settings, akka) = Settings(dataFolder, config);
        using (folder)
        {
            await using var journal = await Open(folder, settings, akka, verbose, stop).ConfigureAwait(false);
            var learners = await journal.Learners().ConfigureAwait(false);
            if (learners.Count == 0) throw new BadInputException($"journal {folder.Journal} holds no learner");
            foreach (var learner in learners)
            {
                var a = await journal.Archive(learner, stop).ConfigureAwait(false);
                terminal.Out.WriteLine($"{learner}: {(a.To < a.From ? "nothing to move" : $"events {Figures.Count(a.From)} to {Figures.Count(a.To)}, {Figures.Count(a.Bytes)} bytes, moved to {(settings ?? Within(folder, NodeSettingsReader.Read().Settings))!.Journal.Archive}")}; {a.Kept}");
            }
            return ExitStatus.Ok;
        }
    }

    private (DataFolder Folder, NodeSettings? Settings, ConfigNode.Map Akka) Settings(string? dataFolder, string? config)
    {
        var named = config is null ? null : SettingsFile.Validate([SettingsFile.Read(config)]);
        var folder = DataFolder.Read(dataFolder ?? named?.Settings!.DataFolder ?? DefaultFolder());
        if (named is null && File.Exists(folder.Settings)) named = SettingsFile.Validate([SettingsFile.Read(folder.Settings)]);
        return (folder, Within(folder, named?.Settings), named?.Akka ?? ConfigNode.Map.Empty);
    }

    // A data folder that was moved takes its archive with it.
    private static NodeSettings? Within(DataFolder folder, NodeSettings? settings)
    {
        if (settings is null) return null;
        var inner = Path.GetRelativePath(settings.DataFolder, settings.Journal.Archive);
        return Path.IsPathRooted(inner) || inner.StartsWith("..", StringComparison.Ordinal) ? settings : settings with { Journal = settings.Journal with { Archive = Path.Combine(folder.Path, inner) } };
    }

    private async Task<IJournal> Open(DataFolder folder, NodeSettings? settings, ConfigNode.Map akka, bool verbose, CancellationToken stop)
    {
        settings ??= Within(folder, NodeSettingsReader.Read().Settings!)!;
        var journal = await JournalStores.Open(settings.Journal, folder, terminal.Error.WriteLine, stop).ConfigureAwait(false);
        var configuration = AkkaConfiguration.For(akka, journal.ConnectionString, "", verbose, journal.ProviderName);
        return await nodes.Open(new NodeOptions(settings, null, folder, configuration, time), stop).ConfigureAwait(false);
    }

    private static string DefaultPredictions(NodeSettings? settings, DataFolder folder)
    {
        if (settings is { Pipelines: [var only] }) return Path.Combine(folder.Path, Path.GetRelativePath(settings.DataFolder, only.Sink.Predictions));
        return settings is { Pipelines.Length: > 1 }
            ? throw new BadInputException($"the data folder has several pipelines; name a file of predictions: {string.Join(", ", settings.Pipelines.Select(p => p.Sink.Predictions))}")
            : Path.Combine(folder.Path, "predictions.jsonl");
    }

    // The newcomer's next command after the demo needs no option.
    internal static string DefaultFolder()
    {
        var folder = NodeSettingsReader.Read().Settings!.DataFolder;
        return File.Exists(Path.Combine(folder, "journal.db")) || !Directory.Exists(Path.Combine(folder, "demo")) ? folder : Path.Combine(folder, "demo");
    }
}
