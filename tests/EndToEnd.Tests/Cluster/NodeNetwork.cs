using System.Diagnostics;
using System.Globalization;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>
/// Hosts on one machine: a network namespace for each node, all on a bridge whose own address is where broker and database listen.
/// A host can be cut off from everything, or from the other nodes alone.
/// </summary>
internal sealed class NodeNetwork : IDisposable
{
    private readonly int _subnet = Random.Shared.Next(1, 250);
    private readonly int _nodes;
    private readonly List<string[]> _undo = [];

    public NodeNetwork(int nodes)
    {
        _nodes = nodes;
        try
        {
            Do(["link", "add", Bridge, "type", "bridge"], ["link", "del", Bridge]);
            Do(["addr", "add", $"{Host}/24", "dev", Bridge]);
            Do(["link", "set", Bridge, "up"]);
            for (var i = 0; i < nodes; i++)
            {
                Do(["netns", "add", Namespace(i)], ["netns", "del", Namespace(i)]);
                Do(["link", "add", Plug(i), "type", "veth", "peer", "name", "eth0", "netns", Namespace(i)]);
                Do(["link", "set", Plug(i), "master", Bridge, "up"]);
                Do(["-n", Namespace(i), "addr", "add", $"{AddressOf(i)}/24", "dev", "eth0"]);
                Do(["-n", Namespace(i), "link", "set", "eth0", "up"]);
                Do(["-n", Namespace(i), "link", "set", "lo", "up"]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why there are no namespaces, or null.</summary>
    public static string? SkipReason { get; } = FindSkipReason();

    /// <summary>Where servers listen that all nodes can reach.</summary>
    public string Host => string.Create(CultureInfo.InvariantCulture, $"10.213.{_subnet}.1");

    private string Bridge => string.Create(CultureInfo.InvariantCulture, $"smlbr{_subnet}");

    /// <summary>Address of a node, counted from 0.</summary>
    public string AddressOf(int node) => string.Create(CultureInfo.InvariantCulture, $"10.213.{_subnet}.{10 + node}");

    /// <summary>What to put before a command that is to run as this node.</summary>
    public string[] Prefix(int node) => ["ip", "netns", "exec", Namespace(node)];

    /// <summary>Pulls the plug: no packet comes or goes, and nobody is told.</summary>
    public void CutOff(int node) => Do(["link", "set", Plug(node), "nomaster"]);

    /// <summary>No packet between this node and the others; broker and database answer it as before.</summary>
    public void CutFromNodes(int node)
    {
        foreach (var other in Enumerable.Range(0, _nodes).Where(n => n != node))
        {
            Do(["-n", Namespace(node), "route", "add", "blackhole", AddressOf(other)]);
            Do(["-n", Namespace(other), "route", "add", "blackhole", AddressOf(node)]);
        }
    }

    /// <summary>Undoes both cuts.</summary>
    public void Heal(int node)
    {
        Do(["link", "set", Plug(node), "master", Bridge]);
        foreach (var other in Enumerable.Range(0, _nodes).Where(n => n != node))
        {
            Try(["-n", Namespace(node), "route", "del", "blackhole", AddressOf(other)]);
            Try(["-n", Namespace(other), "route", "del", "blackhole", AddressOf(node)]);
        }
    }

    public void Dispose()
    {
        for (var i = _undo.Count - 1; i >= 0; i--) Try(_undo[i]);
        _undo.Clear();
    }

    private static string? FindSkipReason()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess) return "network namespaces need Linux and root";
        var name = string.Create(CultureInfo.InvariantCulture, $"sml-probe-{Environment.ProcessId}");
        try
        {
            if (Try(["netns", "add", name]) is { } fault) return $"this machine gives no network namespaces: {fault}";
            var bridge = Try(["-n", name, "link", "add", "br0", "type", "bridge"]) ?? Try(["-n", name, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"]);
            Try(["netns", "del", name]);
            return bridge is null ? null : $"this machine makes no bridge of namespaces: {bridge}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "ip is not there (Debian: apt-get install iproute2)";
        }
    }

    private string Namespace(int node) => string.Create(CultureInfo.InvariantCulture, $"sml{_subnet}-{node + 1}");

    private string Plug(int node) => string.Create(CultureInfo.InvariantCulture, $"sml{_subnet}v{node + 1}");

    private void Do(string[] arguments, string[]? undo = null)
    {
        if (Try(arguments) is { } fault) throw new InvalidOperationException($"ip {string.Join(' ', arguments)}: {fault}");
        if (undo is not null) _undo.Add(undo);
    }

    // What ip complains about, or null.
    private static string? Try(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        var fault = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : fault.Length > 0 ? fault : $"status {process.ExitCode}";
    }
}

/// <summary>A fact of tests/chaos.sh that needs network namespaces too, reported as skipped with the reason where they are absent.</summary>
public sealed class NetworkFactAttribute : FactAttribute
{
    public NetworkFactAttribute() => Skip = new ChaosFactAttribute().Skip ?? NodeNetwork.SkipReason;
}
