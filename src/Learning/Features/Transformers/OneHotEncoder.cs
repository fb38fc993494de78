namespace StreamMLOps.Learning;

/// <summary>
/// A feature of its own, with the value 1, for each value of each feature: for numbers that are names (codes, ids). Its place is a seeded 32-bit hash of feature
/// and value, so that values may come at any time and nothing is kept (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009).
/// </summary>
public static class OneHotEncoder
{
    /// <summary>The kind <c>one-hot</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "one-hot", "A feature of its own for each value of each feature: for numbers that are names. Texts are that already, as they are decoded.",
        "Weinberger et al., ICML 2009",
        [new Parameter.Integer("salt", 0, 0, long.MaxValue, "Other salts let other features meet.")],
        p => new Encoder((ulong)p.Integer("salt")));

    private sealed class Encoder(ulong salt) : StatelessTransformer("one-hot")
    {
        public override void Transform(in Row row, RowBatch output)
        {
            for (var k = 0; k < row.Count; k++) output.Add(PlaceOf(row, k), 1);
        }

        public override bool TryTrace(in Row row, ICollection<FeatureOrigin> origins)
        {
            for (var k = 0; k < row.Count; k++) origins.Add(new(row.Indices[k], PlaceOf(row, k), 1));
            return true;
        }

        private uint PlaceOf(in Row row, int k) =>
            (uint)(RandomSource.Derive(RandomSource.Derive(salt, row.Indices[k]), BitConverter.DoubleToUInt64Bits(row.Values[k])) >> 32);
    }
}

/// <summary>A transformer that learns nothing.</summary>
internal abstract class StatelessTransformer(string name) : ITransformer
{
    public bool IsStateless => true;

    public void Learn(in Row row)
    {
    }

    public abstract void Transform(in Row row, RowBatch output);

    public abstract bool TryTrace(in Row row, ICollection<FeatureOrigin> origins);

    public void Save(StateWriter writer) => writer.Section(name, 1);

    public void Load(StateReader reader) => reader.Section(name, 1);
}
