using StreamMLOps.Learning;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Equal bits on every machine: whatever the CPU offers and however the code was compiled.</summary>
public sealed class GoldenSpecs : IDisposable
{
    private const string Recorded = "fingerprint c639761451c7c96e, state b8c523aa98d87f320ca41124a497290d, learned 907abe8583facc85151c72abfe809ec9, 3 snapshots compared";
    private readonly string _folder = Directory.CreateTempSubdirectory("streammlops-golden-").FullName;

    public static TheoryData<string, string> Machines => new()
    {
        { "as it is", "" },
        { "DOTNET_EnableAVX2", "0" },
        { "DOTNET_EnableHWIntrinsic", "0" },
        { "GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-AVX2" },
        { "DOTNET_TieredPGO", "0" },
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Machines))]
    public async Task The_golden_journal_replays_to_its_recorded_hashes(string name, string value)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Golden"))) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        var (status, output, error) = await Run(name, value, "verify", "--data-folder", _folder);
        Assert.True(status == 0, output + error);
        Assert.Contains(Recorded, output);
    }

    [Fact]
    public async Task Rows_learned_on_any_machine_give_the_hash_of_the_library_run_over_them()
    {
        var rows = Path.Combine(_folder, "rows.svm");
        await File.WriteAllTextAsync(rows, SyntheticRows.SvmLight(0, 2_000));
        var expected = new ProgressiveLearner(ModelSpec.Parse(new ConfigNode.Text("logistic-regression")));
        using var batch = new RowBatch();
        foreach (var line in await File.ReadAllLinesAsync(rows))
        {
            batch.Clear();
            SvmLightParser.Parse(System.Text.Encoding.UTF8.GetBytes(line), batch, out _);
            expected.Learn(batch[0], ProgressiveLearner.ContentOf(batch, 0), batch.Labels[0]);
        }
        var number = 0;
        foreach (var machine in Machines)
        {
            var folder = Path.Combine(_folder, $"{number++}");
            Directory.CreateDirectory(folder);
            var (status, output, error) = await Run((string)machine[0], (string)machine[1], Here.RunUrls(folder, rows));
            Assert.True(status == 0, output + error);
            var verified = await Here.Run("verify", "--data-folder", Path.Combine(folder, "data"));
            Assert.Contains($"learned {StateHash.Of(expected.Save)}", verified.Output);
        }
    }

    private static async Task<(int Status, string Output, string Error)> Run(string name, string value, params string[] arguments)
    {
        await using var process = NodeProcess.Start(arguments, value.Length == 0 ? null : new Dictionary<string, string> { [name] = value });
        var status = await process.Exit(TimeSpan.FromSeconds(120));
        return (status, string.Join('\n', process.Lines), process.Error);
    }
}
