using System.Diagnostics;

namespace StreamMLOps.Learning.Tests.Models;

/// <summary>The same rows give the same bits whatever the processor offers and however the code was compiled.</summary>
public class MachineIndependenceTests
{
    [Theory]
    [InlineData("DOTNET_EnableAVX2=0")]
    [InlineData("DOTNET_EnableHWIntrinsic=0")]
    [InlineData("DOTNET_TieredPGO=0")]
    [InlineData("DOTNET_TieredCompilation=0")]
    [InlineData("GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2")]
    [InlineData("DOTNET_EnableAVX=0", "DOTNET_TieredPGO=0", "GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA,-AVX2")]
    public async Task Equal_rows_give_equal_hashes_under(params string[] settings)
    {
        var there = await ChildProcess.Lines("hashes", settings);
        Assert.Equal(Program.Hashes(), there);
    }
}

/// <summary>This assembly again, as a process of its own under other settings of the runtime.</summary>
internal static class ChildProcess
{
    /// <summary>The lines that a command of <see cref="Program"/> prints there.</summary>
    public static async Task<string[]> Lines(string command, params string[] settings)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(ChildProcess).Assembly.Location, command]) { RedirectStandardOutput = true };
        if (Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet") start.FileName = host;
        foreach (var setting in settings) start.Environment[setting[..setting.IndexOf('=')]] = setting[(setting.IndexOf('=') + 1)..];

        using var child = Process.Start(start)!;
        var there = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();

        Assert.Equal(0, child.ExitCode);
        return there.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
