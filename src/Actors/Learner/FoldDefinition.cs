using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What the fold runs: made from a genesis alone, so that a journal can be folded without the configuration that made it.</summary>
/// <param name="Model">Kind, parameters, seed.</param>
/// <param name="Featurizer">The stateless map from decoded rows to the model's rows.</param>
/// <param name="LabelHorizon">How long rows and labels that come apart wait for each other, in milliseconds of event time; null: labels come with their rows.</param>
public sealed record FoldDefinition(ModelSpec Model, IFeaturizer Featurizer, long? LabelHorizon = null)
{
    /// <summary>Detectors over the answers; none: the state has nothing of them.</summary>
    public IReadOnlyList<DriftWatch> Drift { get; init; } = [];
}
