using System.IO.Hashing;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// The hashing trick: 2^bits indices, whatever the features. A feature's place is a seeded hash of its index, or of its name where it
/// has one (64-bit XXH3); features that meet are summed. Source: Weinberger et al., Feature Hashing for Large Scale
/// Multitask Learning, ICML 2009 (without the sign).
/// </summary>
public sealed class HashFeaturizer : IFeaturizer
{
    private readonly Hashed _map;

    /// <param name="bits">1 to 32.</param>
    /// <param name="salt">Other salts let other features meet.</param>
    public HashFeaturizer(int bits, ulong salt = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bits, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bits, 32);
        _map = new Hashed(salt, SplitMix.Mix(salt + 1), uint.MaxValue >> (32 - bits));
        Canonical = FormattableString.Invariant($"hash(bits={bits},salt={salt})");
    }

    /// <inheritdoc/>
    public string Canonical { get; }

    /// <inheritdoc/>
    public RowBatch Featurize(RowBatch rows, FeatureNames? names = null) => RowFold.Fold(rows, _map, names);

    private readonly struct Hashed(ulong salt, ulong indexSalt, uint mask) : IIndexMap
    {
        public uint Map(uint index, ReadOnlySpan<byte> name) =>
            (uint)(name.IsEmpty ? SplitMix.Mix(indexSalt + index) : XxHash3.HashToUInt64(name, (long)salt)) & mask;
    }
}
