using StreamMLOps.Learning;
using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Equal bits on every machine: whatever the CPU offers and however the code was compiled.</summary>
public sealed class GoldenSpecs : IDisposable
{
    private const string Recorded = "fingerprint c639761451c7c96e, state b8c523aa98d87f320ca41124a497290d, learned 907abe8583facc85151c72abfe809ec9, 3 snapshots compared";

    private static readonly string[] RecordedUnlabelled =
    [
        "learner/anomalies/main/0: 4 events, 400 rows learned, version 4, fingerprint 23fcfcda472a5ee8, state feb81bbfa7865f73f69f192d3aaa4916, learned 36a425454bd13ab81041f48c2c49b9ae, 2 snapshots compared",
        "learner/classes/main/0: 3 events, 400 rows learned, version 3, fingerprint 77c148ecead75d2c, state fd9d00aaaec6653fd4e51029f6824bee, learned 4328d918fc35ea6e4f793acdefffe8c2, 1 snapshots compared",
        "learner/clusters/main/0: 3 events, 400 rows learned, version 3, fingerprint 982e1484862c58e6, state cf1bf8c65b516e8ac1cb179596d34225, learned 2c0df7760b7886e0a70e167bc8325c2a, 1 snapshots compared",
        "learner/halves/main/0: 4 events, 399 rows learned, version 4, fingerprint 7c5bf034728ba267, state cc807a3dff022e55e3a724ab4f1d91d5, learned a9c6b48be628d7abcfb55433497a7c08, 2 snapshots compared",
        "learner/pseudo/main/0: 3 events, 400 rows learned, version 3, fingerprint 58ef680f179f5a40, state 68fbe3234f72fadd0f37e32097c1bb70, learned 762f1f652a0a79c2545002479af810c5, 1 snapshots compared",
    ];

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

    [Theory]
    [InlineData("as it is", "")]
    [InlineData("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-FMA,-AVX2")]
    public async Task The_golden_journal_of_rows_without_labels_replays_to_its_recorded_hashes(string name, string value)
    {
        foreach (var file in Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "GoldenUnlabelled"))) File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        var (status, output, error) = await Run(name, value, "verify", "--data-folder", _folder);
        Assert.True(status == 0, output + error);
        Assert.All(RecordedUnlabelled, recorded => Assert.Contains(recorded, output));
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
