namespace StreamMLOps.Learning;

/// <summary>What an input feature put into an output feature.</summary>
/// <param name="Input">The feature as it came.</param>
/// <param name="Output">The feature that it became, or a part of.</param>
/// <param name="Share">Its share of the output.</param>
public readonly record struct FeatureOrigin(uint Input, uint Output, double Share);

/// <summary>
/// A step before a model, with state that learns in the same fold: transforming reads, learning writes, both deterministic to the last bit. Rows
/// are sparse; a feature that is not there is zero, and one never seen may come at any time. One user at a time.
/// </summary>
public interface ITransformer
{
    /// <summary>Whether learning changes nothing.</summary>
    bool IsStateless => false;

    /// <summary>Learns the row; labels are not seen.</summary>
    void Learn(in Row row);

    /// <summary>Adds the transformed features to the row under construction, in any order; at most <see cref="RowBatch.MaxFeatures"/> of them, each finite and at most 2^200.</summary>
    void Transform(in Row row, RowBatch output);

    /// <summary>Tells from which input features each output feature of this row comes; the shares of an output add up to 1, unless hashes meet.</summary>
    /// <returns>No where every output is the input of the same index: nothing is added then.</returns>
    bool TryTrace(in Row row, ICollection<FeatureOrigin> origins) => false;

    /// <summary>Writes the whole state as canonical bytes.</summary>
    void Save(StateWriter writer);

    /// <summary>Replaces the state by what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of another kind, or damaged; the state is unchanged.</exception>
    void Load(StateReader reader);
}
