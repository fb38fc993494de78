namespace StreamMLOps.Learning;

/// <summary>Takes a text apart into named features; stateless, deterministic, without allocation.</summary>
public interface ITextFeaturizer
{
    /// <summary>Adds the features of a text.</summary>
    /// <param name="text">UTF-8; other bytes are taken as they are.</param>
    /// <param name="features">Receives the features; equal names are summed.</param>
    void Featurize(ReadOnlySpan<byte> text, NamedFeatures features);
}
