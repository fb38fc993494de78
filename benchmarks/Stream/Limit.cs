using System.Diagnostics;

namespace StreamMLOps.Benchmarks;

/// <summary>The speed limit in C, run beside ours so that ratios hold on any machine.</summary>
internal static class Limit
{
    public static string Run(string program, string data)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [data]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.TrimEnd();
    }
}
