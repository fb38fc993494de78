using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Akka.Actor;
using Akka.Streams;
using Akka.Streams.Dsl;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Benchmarks;

/// <summary>The command <c>consumers</c>: what a group of 1, 2, 4 and 8 members costs to read, decode and commit the same topic; with as many rows, it should cost the same.</summary>
internal static class ConsumerScaling
{
    private static readonly int[] Counts = [1, 2, 4, 8];

    public static async Task<int> Run(string[] args)
    {
        var named = args.Skip(1).Where(a => !a.Contains('=', StringComparison.Ordinal)).Chunk(2).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal);
        if (args.Length == 0 || !named.TryGetValue("--data", out var data) || !File.Exists(data))
        {
            Console.Error.WriteLine("usage: consumers HOST:PORT --data FILE.svm [--rows 400000] [--rounds 3] [--behind yes] [KEY=VALUE of librdkafka ...]; the broker's topics should have 16 partitions; --behind yes: all rows are there before the members may read");
            return 2;
        }
        int Option(string key, int otherwise) => named.TryGetValue(key, out var text) ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        var (rows, rounds) = (Option("--rows", 400_000), Option("--rounds", 3));
        var clients = args.Skip(1).Where(a => a.Contains('=', StringComparison.Ordinal)).Select(a => a.Split('=', 2)).ToDictionary(a => a[0], a => a[1], StringComparer.Ordinal);
        var behind = named.ContainsKey("--behind");
        var kafka = new KafkaRound(args[0], clients, "");
        if (named.TryGetValue("--fill", out var only))
        {
            kafka.Fill(only, data, rows, 1);
            return 0;
        }
        using var system = ActorSystem.Create("bench", "akka.loglevel = WARNING");
        // Another process writes, so that this one's CPU is the consumers' alone.
        Task<(double Seconds, double Cpu)> Measure(int members)
        {
            var topic = kafka.NewTopic();
            var settings = new ConsumerSettings(args[0], topic) { KafkaClients = ImmutableSortedDictionary.CreateRange(clients) };
            string[] fill = ["exec", typeof(ConsumerScaling).Assembly.Location, "consumers", args[0], "--data", data, "--rows", rows.ToString(CultureInfo.InvariantCulture), "--fill", topic, .. clients.Select(c => $"{c.Key}={c.Value}")];
            return Group(system, settings, members, rows, behind, () => kafka.Fill(topic, data, 16, 1), fill);
        }
        await Measure(2); // warm-up
        var cpu = Counts.ToDictionary(n => n, _ => new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var members in Counts)
            {
                var (seconds, busy) = await Measure(members);
                cpu[members].Add(busy / rows * 1e6);
                Console.WriteLine($"round {round + 1}, {members} consumers: {rows / seconds:N0} rows/s, {busy / rows * 1e6:F2} s of CPU a million rows");
            }
        }
        var medians = Counts.Select(n => (Members: n, Cpu: cpu[n].Order().ElementAt(rounds / 2))).ToArray();
        Console.WriteLine(string.Join("; ", medians.Select(m => $"{m.Members} consumers {m.Cpu:F2}")) + $" s of CPU a million rows (median of {rounds}); most {medians.Max(m => m.Cpu) / medians.Min(m => m.Cpu) - 1:P0} above least");
        return 0;
    }

    // Members of one group in this process: once each partition has a member, rows come; until all are committed.
    private static async Task<(double Seconds, double Cpu)> Group(ActorSystem system, ConsumerSettings settings, int members, int rows, bool behind, Action prime, string[] fill)
    {
        var group = Guid.NewGuid().ToString("N");
        long committed = 0;
        var gate = Task.CompletedTask;
        var sources = Enumerable.Range(0, members).Select(_ => new KafkaSource(settings)).ToArray();
        var subscriptions = sources.Select(s => s.Subscribe(group)).ToArray();
        var stops = subscriptions.Select(subscription =>
        {
            var decoder = new SvmLightDecoder();
            return subscription.Chunks.ViaMaterialized(KillSwitches.Single<RawChunk>(), Keep.Right)
                .SelectAsync(1, async raw =>
                {
                    await Volatile.Read(ref gate);
                    using (raw)
                    using (var chunk = decoder.Decode(raw))
                        return (chunk.Count, Last: new PartitionPosition(raw.Partition, raw.Epoch, raw.To));
                })
                .Select(c => (IEnumerable<(int Count, PartitionPosition Last)>)[c])
                .Conflate((earlier, later) => earlier.Concat(later))
                .SelectAsync(1, async merged =>
                {
                    var step = merged.ToArray();
                    await subscription.Commit([.. step.GroupBy(c => c.Last.Partition).Select(p => new CommittedPartition(p.Last().Last, 0, 0, 0))]);
                    Interlocked.Add(ref committed, step.Sum(c => c.Count));
                    return step.Length;
                })
                .ToMaterialized(Sink.Ignore<int>(), (stop, _) => stop).Run(system.Materializer());
        }).ToArray();
        // A member shows a partition once it has committed there: a row in each, again and again, until every member has its share.
        var partitions = sources[0].Partitions().Count;
        while (subscriptions.Any(s => s.Committed().Count != partitions / members))
        {
            prime();
            await Task.Delay(500);
        }
        await Task.Delay(1000);
        Interlocked.Exchange(ref committed, 0);
        using var filling = new Process { StartInfo = new ProcessStartInfo("dotnet", fill) };
        var open = new TaskCompletionSource();
        if (behind)
        {
            Volatile.Write(ref gate, open.Task);
            filling.Start();
            await filling.WaitForExitAsync();
        }
        var (started, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        if (behind) open.SetResult();
        else filling.Start();
        while (Interlocked.Read(ref committed) < rows)
        {
            if (Stopwatch.GetElapsedTime(started).TotalSeconds > 120) throw new TimeoutException($"{committed} of {rows} rows were committed");
            await Task.Delay(10);
        }
        var result = (Stopwatch.GetElapsedTime(started).TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        await filling.WaitForExitAsync();
        foreach (var stop in stops) stop.Shutdown();
        foreach (var source in sources) await source.DisposeAsync();
        return result;
    }
}
