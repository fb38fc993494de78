using System.Globalization;
using System.Text;
using System.Text.Json;
using StreamMLOps.Host;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>freeze, thaw and revoke against a node that runs in another process: what they change, what they refuse, and that a replay has all of it.</summary>
public sealed class ChangeCommandSpecs(ITestOutputHelper output) : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(120);
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-changes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Data => Path.Combine(_folder, "data");

    private string Rows => Path.Combine(_folder, "rows.jsonl");

    [Fact]
    public async Task A_person_freezes_thaws_and_revokes_in_a_running_node_and_journal_alerts_and_replay_have_it()
    {
        Write(0, 1_000);
        await using (var node = Start())
        {
            await Until("learned", 200);
            // The group's pseudo-labels are of rows without a label.
            await Says("the pseudo-labels of the group are taken back", "revoke", "--why", "a broken feed", "--who", "ada", "--group", "1");
            await Refuses("'self-training' has no pseudo-labels to take back", "revoke", "--why", "once more");
            await Refuses("learning is not frozen", "thaw", "--why", "why not");
            await Says("learning is frozen", "freeze", "--why", "a release", "--who", "ada");
            await Refuses("learning is frozen already", "freeze", "--why", "again");
            Write(1_000, 2_000);
            await Until("frozen", 200);
            await node.Kill();
        }
        await Refuses("no node runs on", "thaw", "--why", "to nobody");

        await using (var node = Start())
        {
            // Frozen is a part of the state: a kill changes nothing. The learner may still be recovering, which the command waits for.
            await Refuses("learning is frozen already", "freeze", "--why", "after the kill");
            await Says("learning goes on", "thaw", "--why", "released", "--who", "grace");
            Write(2_000, 3_000);
            await Until("learned", 400);
            await Refuses("group 7 of pseudo-labels is not the current one, which is 2", "revoke", "--why", "a mistake", "--group", "7");
            await Refuses("the node runs no pipeline 'other'; it runs: changed", "freeze", "--why", "a mistake", "--pipeline", "other");
            node.Interrupt();
            Assert.Equal(0, await node.Exit(Deadline));
        }
        var (status, text, error) = await Here.Run("verify", "--data-folder", Data);
        output.WriteLine(text);
        Assert.True(status == 0, text + error);
        (status, text, error) = await Here.Run("ledger", "--data-folder", Data);
        Assert.True(status == 0, text + error);

        var alerts = File.ReadLines(Path.Combine(Data, "alerts.jsonl")).Select(l => AlertMessage.TryParse(Encoding.UTF8.GetBytes(l), out var a, out var why) ? a : throw new Xunit.Sdk.XunitException(why)).ToList();
        Assert.Equal(
            [("lineage-began", AlertState.Noted), ("retracted", AlertState.Noted), ("frozen", AlertState.Raised), ("frozen", AlertState.Cleared)],
            alerts.Where(a => a.Node.Length == 0).Select(a => (a.Kind, a.State)));
        Assert.Contains("taken back by ada: a broken feed", alerts[1].Text);
        Assert.Contains("frozen by ada: a release", alerts[2].Text);
        Assert.Contains("goes on, by grace: released", alerts[3].Text);
    }

    [Theory]
    [InlineData("Option '--why' is required", "freeze")]
    [InlineData("--why must say something", "thaw", "--why", " ")]
    [InlineData("--group must be 1 or more", "revoke", "--why", "x", "--group", "-1")]
    [InlineData("is not there; name one with --data-folder", "freeze", "--why", "x", "--data-folder", "no-such-folder")]
    public async Task What_makes_no_sense_is_told_before_anybody_is_asked(string told, params string[] arguments)
    {
        var (status, _, error) = await Here.Run(arguments);
        Assert.Equal(2, status);
        Assert.Contains(told, error);
    }

    private NodeProcess Start() => NodeProcess.Start(["run", "--config", Config(), "--data-folder", Data, "--plain"]);

    private string Config()
    {
        var config = Path.Combine(_folder, "changed.conf");
        File.WriteAllText(config, $$"""
            stream-mlops.pipelines.changed {
              source { path = "{{Rows}}", format = json, follow = on, chunk-rows = 64 }
              model { algorithm = self-training, confidence = 0.6, margin = 1 }
              learn { max-rows = 100, max-wait = 2ms }
              snapshots { every-events = 3 }
              alerts.path = alerts.jsonl
            }

            """);
        return config;
    }

    // A fifth of the rows have a label.
    private void Write(long from, long to)
    {
        var text = new StringBuilder();
        for (var i = from; i < to; i++)
        {
            var (features, positive) = SyntheticRows.Row(i);
            var label = i % 5 == 0 ? $",\"y\":{(positive ? 1 : 0)}" : "";
            text.Append(CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"f\":{{{string.Join(',', features.Select(x => $"\"{x.Key}\":{x.Value.ToString("R", CultureInfo.InvariantCulture)}"))}}}{label}}}\n");
        }
        File.AppendAllText(Rows, text.ToString());
    }

    private async Task Says(string expected, params string[] arguments)
    {
        var (status, text, error) = await Ask(arguments);
        output.WriteLine(text);
        Assert.True(status == 0 && text.Contains(expected, StringComparison.Ordinal), text + error);
    }

    private async Task Refuses(string expected, params string[] arguments)
    {
        var (status, text, error) = await Ask(arguments);
        output.WriteLine(error);
        Assert.True(status == 2 && error.Contains(expected, StringComparison.Ordinal), text + error);
    }

    // A node that has just been started does not listen yet.
    private async Task<(int Status, string Output, string Error)> Ask(string[] arguments)
    {
        var deadline = DateTime.UtcNow + Deadline;
        while (true)
        {
            var answer = await Here.Run([.. arguments, "--data-folder", Data]);
            if (!answer.Error.Contains("no node runs on", StringComparison.Ordinal) || arguments.Contains("to nobody") || DateTime.UtcNow > deadline) return answer;
            await Task.Delay(20);
        }
    }

    // Until the node's process has learned, or let pass, so many rows, by the journal that it writes.
    private async Task Until(string end, long rows)
    {
        var deadline = DateTime.UtcNow + Deadline;
        while (DateTime.UtcNow < deadline)
        {
            if (Directory.Exists(Data) && File.Exists(Path.Combine(Data, "journal.db")) && File.Exists(Path.Combine(Data, "settings.conf")))
            {
                var (_, text, _) = await Here.Run("ledger", "--json", "--data-folder", Data);
                if (text.Length > 0 && Count(JsonDocument.Parse(text.Split('\n')[0]).RootElement, end) >= rows) return;
            }
            await Task.Delay(50);
        }
        throw new Xunit.Sdk.XunitException($"no {rows} rows {end} in time");
    }

    private static long Count(JsonElement e, string name) => e.ValueKind switch
    {
        JsonValueKind.Object => e.EnumerateObject().Sum(p => p.Name == name && p.Value.ValueKind == JsonValueKind.Number ? p.Value.GetInt64() : Count(p.Value, name)),
        JsonValueKind.Array => e.EnumerateArray().Sum(x => Count(x, name)),
        _ => 0,
    };
}
