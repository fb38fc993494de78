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
    RowBatch Featurize(RowBatch rows);
}
