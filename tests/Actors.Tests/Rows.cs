using StreamMLOps.Learning;
using StreamMLOps.Pipeline;
using StreamMLOps.Tests;

namespace StreamMLOps.Actors.Tests;

/// <summary>Small seeded streams for the specs, deterministic on every machine.</summary>
internal static class Rows
{
    public const ulong Epoch = 0xE0;

    /// <summary>Row <paramref name="n"/>; every 50th has no label.</summary>
    public static (List<(uint Index, double Value)> Features, double Label) Row(long n, bool unlabelled = true)
    {
        var (features, positive) = SyntheticRows.Row(n);
        return (features.Select(f => (f.Key, f.Value)).ToList(), unlabelled && n % 50 == 49 ? double.NaN : positive ? 1 : -1);
    }

    /// <summary>Rows [from, to) as one decoded chunk.</summary>
    public static Chunk Chunk(long from, long to, bool unlabelled = true)
    {
        var chunk = new Chunk(new OffsetRange(0, Epoch, from, to));
        for (var n = from; n < to; n++)
        {
            var (features, label) = Row(n, unlabelled);
            chunk.Rows.BeginRow();
            foreach (var (index, value) in features) chunk.Rows.Add(index, value);
            Assert.Equal(RowFault.None, chunk.Rows.TryEndRow(label));
            chunk.EndRow(n);
        }
        return chunk;
    }

    public static ModelSpec Model() => ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression")));

    public static FoldDefinition Definition() => new(Model(), new Same());

    public static Genesis Genesis(long from = 0) =>
        Actors.Genesis.Create("spec", "main", 0, SettingsText.Write(ConfigNode.Map.Empty.With("model", Model().ToConfig())), 1_700_000_000_000, [new PartitionPosition(0, Epoch, from)]);

    public static LearnerFold Fold() => new(Genesis(), Definition());

    internal sealed class Same : IFeaturizer
    {
        public string Canonical => "";

        public RowBatch Featurize(RowBatch rows, FeatureNames? names = null) => rows;
    }
}
