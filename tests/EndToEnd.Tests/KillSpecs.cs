using System.Globalization;
using System.Text.RegularExpressions;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>The node is killed with kill -9 at random moments while rows stream; afterwards every promise holds.</summary>
public sealed class KillSpecs(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-kill-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // STREAMMLOPS_KILLS=100 runs the long version.
    private static int Kills => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_KILLS") ?? "12", CultureInfo.InvariantCulture);

    private static int Seed => int.Parse(Environment.GetEnvironmentVariable("STREAMMLOPS_SEED") ?? Random.Shared.Next(1_000_000).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_node_killed_at_random_moments_loses_nothing_and_learns_nothing_twice()
    {
        var seed = Seed;
        output.WriteLine($"seed {seed}: STREAMMLOPS_SEED repeats it");
        var random = new Random(seed);
        var (rows, data) = (Path.Combine(_folder, "rows.svm"), Path.Combine(_folder, "data"));
        var config = Path.Combine(_folder, "urls.conf");
        await File.WriteAllTextAsync(config, $$"""
            stream-mlops.pipelines.urls {
              source { path = "{{rows}}", follow = ${FOLLOW}, chunk-rows = 32 }
              learn { max-rows = 200, max-wait = 2ms }
              snapshots { every-events = 20 }
            }
            """);
        await File.WriteAllTextAsync(rows, SyntheticRows.SvmLight(0, 4_000));
        var written = 4_000L;
        string[] run = ["run", "--config", config, "--data-folder", data, "--plain"];
        var killedWhileStreaming = 0;

        for (var kill = 0; kill < Kills; kill++)
        {
            await using var node = NodeProcess.Start(run, new Dictionary<string, string> { ["FOLLOW"] = "on" });
            // Rows arrive all the time, in bursts that may end in the middle of a line.
            using var stop = new CancellationTokenSource();
            var writing = Task.Run(async () =>
            {
                await using var file = new FileStream(rows, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
                // At most 8,000 rows a round: a slow machine must not make the stream longer.
                for (var end = written + 8_000; written < end && !stop.IsCancellationRequested; written += 500)
                {
                    var text = System.Text.Encoding.UTF8.GetBytes(SyntheticRows.SvmLight(written, written + 500));
                    await file.WriteAsync(text.AsMemory(0, text.Length / 3));
                    await file.FlushAsync();
                    await file.WriteAsync(text.AsMemory(text.Length / 3));
                    await file.FlushAsync();
                    await Task.Delay(15, CancellationToken.None);
                }
            });
            // Four of five in the stream, the fifth at any moment of the start.
            if (kill % 5 != 4) await node.Until(line => Learned(line) > 0, TimeSpan.FromSeconds(60));
            await Task.Delay(random.Next(0, 700));
            await node.Kill();
            stop.Cancel();
            await writing;
            if (node.Lines.Any(line => Learned(line) > 0)) killedWhileStreaming++;
            output.WriteLine($"kill {kill + 1}: {node.Lines.LastOrDefault()}");
        }
        Assert.True(killedWhileStreaming >= Kills - Kills / 5, $"only {killedWhileStreaming} kills fell into the stream");

        await using (var last = NodeProcess.Start(run, new Dictionary<string, string> { ["FOLLOW"] = "off" }))
            Assert.True(await last.Exit(TimeSpan.FromSeconds(180)) == 0, last.Error + string.Join('\n', last.Lines));
        output.WriteLine($"{written} rows, hash {await Promises.Hold(data, rows)}");

        var (status, text, error) = await NodeProcess.Run("verify", "--data-folder", data);
        Assert.True(status == 0, text + error);
    }

    private static long Learned(string line) =>
        Regex.Match(line, @"learned ([\d,]+) ") is { Success: true } m ? long.Parse(m.Groups[1].Value.Replace(",", ""), CultureInfo.InvariantCulture) : 0;
}
