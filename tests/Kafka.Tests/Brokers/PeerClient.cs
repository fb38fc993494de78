using System.Diagnostics;

namespace StreamMLOps.Pipeline.Tests;

/// <summary>Other people's Kafka clients, run as processes.</summary>
public static class PeerClient
{
    public const string Kcat = "kcat";
    public const string KafkaPython = "kafka-python";

    // The system's Python: the package is Debian's (python3-kafka).
    private const string Python = "/usr/bin/python3";
    private static readonly Lazy<bool> HasKafkaPython = new(() => File.Exists(Python) && TryRun(Python, ["-c", "import kafka"]) is not null);

    /// <summary>Why a client cannot be run, or null.</summary>
    public static string? WhyNot(string? program) => program switch
    {
        null => null,
        Kcat => RealBroker.OnPath("kcat") ? null : "kcat is not there (Debian: apt-get install kcat)",
        KafkaPython => HasKafkaPython.Value ? null : "the Python package kafka is not there (Debian: apt-get install python3-kafka)",
        _ => throw new ArgumentOutOfRangeException(nameof(program), program, "no such client"),
    };

    public static string RunKcat(IEnumerable<string> arguments, string input = "") => Run("kcat", [.. arguments], input);

    public static string RunPython(string script, IEnumerable<string> arguments, string input = "") => Run(Python, ["-c", script, .. arguments], input);

    private static string Run(string program, string[] arguments, string input) =>
        TryRun(program, arguments, input) ?? throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} failed");

    private static string? TryRun(string program, string[] arguments, string input = "")
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            return null;
        }
        return process.ExitCode == 0 ? output : null;
    }
}
