using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>A stateless map from decoded rows to rows as the model takes them: canonical, without names. What has state belongs to the model.</summary>
public interface IFeaturizer
{
    /// <summary>One line, equal for equal behaviour; part of a lineage's genesis.</summary>
    string Canonical { get; }

    /// <summary>
    /// Featurizes all rows, one for one and in order (labels are copied). Returns <paramref name="rows"/> itself where nothing
    /// changes; otherwise a batch of its own, which the caller disposes.
    /// </summary>
    /// <param name="rows">Decoded rows.</param>
    /// <param name="names">Where somebody is to read an explanation: receives what each feature that the model gets was called, or <c>#</c> and the index it had.</param>
    RowBatch Featurize(RowBatch rows, FeatureNames? names = null);
}
