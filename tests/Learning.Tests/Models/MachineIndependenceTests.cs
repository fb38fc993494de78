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
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(MachineIndependenceTests).Assembly.Location, "hashes"]) { RedirectStandardOutput = true };
        if (Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet") start.FileName = host;
        foreach (var setting in settings) start.Environment[setting[..setting.IndexOf('=')]] = setting[(setting.IndexOf('=') + 1)..];

        using var child = Process.Start(start)!;
        var there = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();

        Assert.Equal(0, child.ExitCode);
        Assert.Equal(Program.Hashes(), there.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }
}
