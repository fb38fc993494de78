using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>A node of a <see cref="TestCluster"/>: its settings and data folder stay, its process comes and goes.</summary>
internal sealed class TestNode(string name, string folder, string address, IReadOnlyList<string> prefix, Func<TestNode, string> settings) : IAsyncDisposable
{
    private readonly List<NodeProcess> _lives = [];
    private bool _gone = true;

    public string Name { get; } = name;

    /// <summary>Host and port, as the others reach it.</summary>
    public string Address { get; } = address;

    public bool Runs => !_gone && !Life.HasExited;

    /// <summary>The latest process.</summary>
    public NodeProcess Life => _lives[^1];

    /// <summary>The newest line of the running process, null before the first.</summary>
    public NodeStatus? Status => !Runs ? null : Life.Lines.Reverse().Select(NodeStatus.TryParse).FirstOrDefault(s => s is not null);

    /// <summary>The largest working set that the running process told from one of its lines on, bytes.</summary>
    public long LargestMemory(int fromLine) => Life.Lines.Skip(fromLine).Select(NodeStatus.TryParse).OfType<NodeStatus>().Max(s => s.Memory);

    /// <summary>All lines of all processes, oldest first, a list a process.</summary>
    public IEnumerable<IReadOnlyList<NodeStatus>> History => _lives.Select(l => (IReadOnlyList<NodeStatus>)[.. Statuses(l)]);

    /// <param name="environment">Environment variables of the process.</param>
    public void Start(IReadOnlyDictionary<string, string>? environment = null)
    {
        if (Runs) throw new InvalidOperationException($"{Name} runs already");
        Directory.CreateDirectory(folder);
        var config = Path.Combine(folder, "node.conf");
        File.WriteAllText(config, settings(this));
        _lives.Add(NodeProcess.Start(["node", "--config", config, "--data-folder", Path.Combine(folder, "data"), "--json"], environment, prefix));
        _gone = false;
    }

    /// <summary>What the node has logged, in all its lives.</summary>
    public string Log()
    {
        using var log = new StreamReader(new FileStream(Path.Combine(folder, "data", "node.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return log.ReadToEnd();
    }

    /// <summary>kill -9.</summary>
    public async Task Kill()
    {
        await Life.Kill();
        _gone = true;
    }

    /// <summary>SIGTERM; the node drains, leaves the cluster and ends with status 0.</summary>
    public async Task Leave()
    {
        Life.Interrupt();
        int status;
        try
        {
            status = await Life.Exit(TimeSpan.FromSeconds(120));
        }
        catch (OperationCanceledException)
        {
            throw new Xunit.Sdk.XunitException($"{Name} did not leave within 120 s: {Told()}");
        }
        _gone = true;
        Assert.True(status == 0, $"{Name} ended with {status.ToString(CultureInfo.InvariantCulture)}: {Told()}");
    }

    /// <summary>The end of what the node said and logged, for a failure's message.</summary>
    public string Told()
    {
        if (_lives.Count == 0) return "";
        var data = Path.Combine(folder, "data");
        var logged = Directory.Exists(data) ? Directory.GetFiles(data, "*.log").SelectMany(f => File.ReadLines(f).TakeLast(8)) : [];
        return $"{Life.Error}\n{Life.Lines.LastOrDefault()}\n{string.Join('\n', logged)}";
    }

    /// <summary>Writes down what each process said, beside its data.</summary>
    public void Keep()
    {
        for (var i = 0; i < _lives.Count; i++) File.WriteAllLines(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"life-{i + 1}.jsonl")), [.. _lives[i].Lines, _lives[i].Error]);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var life in _lives) await life.DisposeAsync();
    }

    private static IEnumerable<NodeStatus> Statuses(NodeProcess life) => life.Lines.Select(NodeStatus.TryParse).OfType<NodeStatus>();
}
