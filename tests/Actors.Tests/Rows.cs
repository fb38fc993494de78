using System.Text;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests;

/// <summary>Small seeded streams for the specs, deterministic on every machine.</summary>
internal static class Rows
{
    public const ulong Epoch = 0xE0;

    /// <summary>Row <paramref name="n"/> of the stream: sparse, learnable, with features that first appear late; every 50th has no label.</summary>
    public static (List<(uint Index, double Value)> Features, double Label) Row(long n, bool unlabelled = true)
    {
        var state = (ulong)n * 0x9E3779B97F4A7C15 + 12345;
        ulong Next()
        {
            state ^= state << 13;
            state ^= state >> 7;
            return state ^= state << 17;
        }
        var positive = Next() % 3 == 0;
        var features = new SortedDictionary<uint, double>();
        for (var k = 0; k < 12; k++)
        {
            var index = (uint)(Next() % (ulong)(50 + n / 4)) * 2 + (positive && Next() % 4 != 0 ? 1u : 0u);
            features[index + 1] = Next() % 3 == 0 ? Math.Round(Next() % 1_000_000 / 1e6 + 1e-6, 6) : 1;
        }
        var label = unlabelled && n % 50 == 49 ? double.NaN : positive ? 1 : -1;
        return (features.Select(f => (f.Key, f.Value)).ToList(), label);
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

    /// <summary>Rows [from, to) as svmlight lines; unlabelled rows are left labelled, since the format has no other.</summary>
    public static string SvmLight(long from, long to)
    {
        var text = new StringBuilder();
        for (var n = from; n < to; n++)
        {
            var (features, label) = Row(n, unlabelled: false);
            text.Append(label > 0 ? "+1" : "-1");
            foreach (var (index, value) in features) text.Append(' ').Append(index).Append(':').Append(value);
            text.Append('\n');
        }
        return text.ToString();
    }

    public static ModelSpec Model(double rate = 0.1) => ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression")));

    public static FoldDefinition Definition() => new(Model(), new Same());

    public static Genesis Genesis(long from = 0) =>
        Actors.Genesis.Create("spec", "main", 0, SettingsText.Write(ConfigNode.Map.Empty.With("model", Model().ToConfig())), 1_700_000_000_000, [new PartitionPosition(0, Epoch, from)]);

    public static LearnerFold Fold() => new(Genesis(), Definition());

    internal sealed class Same : IFeaturizer
    {
        public string Canonical => "";

        public RowBatch Featurize(RowBatch rows) => rows;
    }
}
