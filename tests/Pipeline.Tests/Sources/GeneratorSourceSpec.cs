using System.IO.Hashing;
using System.Text;

namespace StreamMLOps.Pipeline.Tests;

public sealed class GeneratorSourceSpec : SourceSpec
{
    protected override LogSource Open(ChunkLimits limits, FileCommitStore? commits = null) =>
        new GeneratorSource(new UrlGeneratorSettings(Rows) { RowsPerDay = 90 }, limits, commits);

    [Fact]
    public void The_epoch_is_of_the_settings_and_not_of_the_number_of_rows()
    {
        var settings = new UrlGeneratorSettings();
        ulong Epoch(UrlGeneratorSettings other) => new GeneratorSource(other).Partitions()[0].Epoch;

        Assert.Equal(Epoch(settings), Epoch(settings with { Rows = 5 }));
        Assert.NotEqual(Epoch(settings), Epoch(settings with { Seed = 8 }));
        Assert.NotEqual(Epoch(settings), Epoch(settings with { RowsPerDay = 8 }));
        Assert.NotEqual(Epoch(settings), Epoch(settings with { Noise = 0.5 }));
    }
}
