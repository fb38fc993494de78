using System.Globalization;
using System.Runtime.InteropServices;
using Akka.Cluster;
using StreamMLOps.Actors;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Host;

/// <summary>What node to run.</summary>
/// <param name="Layers">Settings, later ones over earlier ones.</param>
/// <param name="Json">One JSON object a second in place of lines for people.</param>
/// <param name="Verbose">Warnings of the actors to standard error, too.</param>
public sealed record NodeRequest(IReadOnlyList<HoconDocument> Layers, bool Json, bool Verbose);

/// <summary>Runs a node of a cluster until it is asked to leave, or the cluster gives it up.</summary>
public sealed partial class NodeCommand(Terminal terminal, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(3);

    public async Task<int> Run(NodeRequest request, CancellationToken stop)
    {
        var validated = SettingsFile.Validate(request.Layers);
        var settings = validated.Settings!;
        if (settings.Pipelines.Length == 0) throw new BadInputException("the settings name no pipeline; add stream-mlops.pipelines.NAME { }");
        if (settings.Pipelines.FirstOrDefault(p => p.Source.Kind != SourceKind.Kafka) is { } local && settings.Cluster.SeedNodes.Length > 0)
            throw new BadInputException($"pipeline '{local.Name}' reads a {Spelling.Of(local.Source.Kind)}, which each node would read alone; nodes of a cluster share topics: source.kind = kafka");
        using var folder = DataFolder.Hold(settings.DataFolder);
        var journal = await JournalStores.Open(settings.Journal, folder, Say, stop).ConfigureAwait(false);
        folder.Remember(RunCommand.Together(request.Layers));
        if (!request.Json) terminal.Out.WriteLine($"journal {journal.Name}, librdkafka {NativeLibrdkafka.Version}; joining {(settings.Cluster.SeedNodes.Length == 0 ? "nobody: a cluster of its own" : string.Join(", ", settings.Cluster.SeedNodes))}");
        var node = await ClusterNode.Start(settings, folder, validated.Akka, journal, request.Verbose, Say, time, stop).ConfigureAwait(false);
        node.Alarms.Raised += text => terminal.Error.WriteLine($"ALARM {text}");
        if (!request.Json) terminal.Out.WriteLine($"up as {node.Address}");

        var leaving = false;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _ = node.Ended.ContinueWith(_ => ended.Cancel(), TaskScheduler.Default);
        using var ticks = new PeriodicTimer(Interval, time);
        while (!ended.IsCancellationRequested)
        {
            await Show(node, request.Json, leaving).ConfigureAwait(false);
            try
            {
                await ticks.WaitForNextTickAsync(ended.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }
        if (node.Ended.IsCompleted)
        {
            terminal.Error.WriteLine("The cluster gave this node up: it was not heard from for a while, or it was on the smaller side of a partition. It has stopped; start it again to join anew.");
            EndSoon();
            await Close(node, journal).ConfigureAwait(false);
            return ExitStatus.Failed;
        }
        leaving = true;
        if (!request.Json) terminal.Out.WriteLine("Leaving: what is in flight is scored and committed, learners go to other nodes. Ctrl-C again stops at once.");
        await Show(node, request.Json, leaving).ConfigureAwait(false);
        await node.Leave().ConfigureAwait(false);
        if (journal is SqliteJournal sqlite) sqlite.Checkpoint();
        await Close(node, journal).ConfigureAwait(false);
        return ExitStatus.Ok;
    }

    // What it still holds may wait for brokers or a database that it does not reach any more, on all threads of the pool, and native libraries
    // wait for that in turn when the process ends in order: it ends whatever they do. All that matters is in journal and commits.
    private static void EndSoon() => new Thread(() =>
    {
        Thread.Sleep(Farewell);
        if (OperatingSystem.IsWindows()) Environment.Exit(ExitStatus.Failed);
        else ExitNow(ExitStatus.Failed);
    })
    { IsBackground = true, Name = "farewell" }.Start();

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int status);

    private static async Task Close(ClusterNode node, IJournalStore journal)
    {
        await node.DisposeAsync().ConfigureAwait(false);
        journal.Close();
    }

    private void Say(string line) => terminal.Error.WriteLine(line);

    private async Task Show(ClusterNode node, bool json, bool leaving)
    {
        try
        {
            if (json)
            {
                terminal.Out.WriteLine(await NodeReport.Json(node, leaving).ConfigureAwait(false));
                return;
            }
            var (member, members, unreachable) = node.Membership;
            foreach (var pipeline in node.Pipelines)
            {
                var status = await pipeline.Status().ConfigureAwait(false);
                var (score, learner) = (status.Score, status.Learner);
                terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{node.Address} {(member == MemberStatus.Up ? "up" : member)}, {members} nodes{(unreachable > 0 ? $" ({unreachable} unreachable)" : "")}  {pipeline.Parts.Learner.Name}: scored {Figures.Count(pipeline.Clocks.Predict.Rows)} on partitions [{string.Join(' ', score.Committed.Select(c => c.Position.Partition))}] with version {status.ReplicaSequence} ({status.StaleEvents} events behind), {Words(score.State, score.Detail)}; learner at {(learner.Node.Length == 0 ? "?" : learner.Node)} version {learner.Version.Sequence}, {Figures.Count(learner.Rows)} rows, {Words(learner.State, learner.Detail)}"));
            }
        }
        catch (Exception e) when (e is Akka.Actor.AskTimeoutException or TaskCanceledException)
        {
            // The node is on its way out, or too busy to answer this time.
        }
    }

    private static string Words<T>(T state, string detail)
        where T : struct, Enum => detail.Length == 0 ? state.ToString().ToLowerInvariant() : $"{state.ToString().ToLowerInvariant()} ({detail})";
}
