using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Rows as they are; where features have names, each by its index alone (<see cref="FeatureName"/>).</summary>
public sealed class IdentityFeaturizer : IFeaturizer
{
    /// <inheritdoc/>
    public string Canonical => "identity";

    /// <inheritdoc/>
    public RowBatch Featurize(RowBatch rows, FeatureNames? names = null) => rows.HasNames ? RowFold.Fold(rows, default(ByIndex), names) : rows;

    private readonly struct ByIndex : IIndexMap
    {
        public uint Map(uint index, ReadOnlySpan<byte> name) => index;
    }
}
