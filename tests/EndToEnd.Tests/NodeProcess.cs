using System.Diagnostics;
using System.Text;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>The streammlops program as a process of its own.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly List<string> _lines = [];
    private readonly Task _reading;

    private NodeProcess(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_error) _error.AppendLine(line.Data);
        };
        process.BeginErrorReadLine();
        _reading = Read();
    }

    /// <summary>Lines of standard output so far.</summary>
    public IReadOnlyList<string> Lines
    {
        get { lock (_lines) return [.. _lines]; }
    }

    public string Error
    {
        get { lock (_error) return _error.ToString(); }
    }

    public bool HasExited => _process.HasExited;

    /// <param name="arguments">The program's arguments.</param>
    /// <param name="environment">Environment variables.</param>
    /// <param name="prefix">A command that becomes the program's process: ip netns exec NAME.</param>
    public static NodeProcess Start(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null, IReadOnlyList<string>? prefix = null)
    {
        string[] command = [.. prefix ?? [], "dotnet", "exec", Path.Combine(AppContext.BaseDirectory, "streammlops.dll"), .. arguments];
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new NodeProcess(process);
    }

    /// <summary>Runs to the end.</summary>
    public static async Task<(int Status, string Output, string Error)> Run(params string[] arguments)
    {
        await using var process = Start(arguments);
        var status = await process.Exit(TimeSpan.FromSeconds(180));
        return (status, string.Join('\n', process.Lines), process.Error);
    }

    /// <summary>Waits for the end and gives the exit status.</summary>
    public async Task<int> Exit(TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within);
        await _process.WaitForExitAsync(limit.Token);
        await _reading;
        return _process.ExitCode;
    }

    /// <summary>Waits until a line of output is as wished.</summary>
    public async Task Until(Func<string, bool> wished, TimeSpan within)
    {
        var deadline = Stopwatch.StartNew();
        while (deadline.Elapsed < within)
        {
            if (Lines.Any(wished)) return;
            if (HasExited) throw new Xunit.Sdk.XunitException($"the process ended with {_process.ExitCode}: {Error}{string.Join('\n', Lines)}");
            await Task.Delay(5);
        }
        throw new Xunit.Sdk.XunitException($"not seen in time: {Error}{string.Join('\n', Lines)}");
    }

    /// <summary>kill -9: the process has no chance to do anything.</summary>
    public async Task Kill()
    {
        _process.Kill(entireProcessTree: false);
        await _process.WaitForExitAsync();
    }

    /// <summary>What a service manager sends; treated as Ctrl-C is (a shell may have told its background processes to ignore that).</summary>
    public void Interrupt()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill!.WaitForExit();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await Kill();
        await _reading;
        _process.Dispose();
    }

    private async Task Read()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
            lock (_lines) _lines.Add(line);
    }
}
