using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Featurizers one after the other.</summary>
public sealed class FeaturizerChain : IFeaturizer
{
    private readonly IReadOnlyList<IFeaturizer> _steps;

    private FeaturizerChain(IReadOnlyList<IFeaturizer> steps) => _steps = steps;

    /// <summary>The steps as one featurizer; without any, rows stay as they are.</summary>
    public static IFeaturizer Of(IReadOnlyList<IFeaturizer> steps) => steps.Count switch
    {
        0 => new IdentityFeaturizer(),
        1 => steps[0],
        _ => new FeaturizerChain(steps),
    };

    /// <inheritdoc/>
    public string Canonical => string.Join("|", _steps.Select(step => step.Canonical));

    /// <inheritdoc/>
    public RowBatch Featurize(RowBatch rows, FeatureNames? names = null)
    {
        var current = rows;
        for (var k = 0; k < _steps.Count; k++)
        {
            var next = _steps[k].Featurize(current, k == _steps.Count - 1 ? names : null);
            if (!ReferenceEquals(next, current) && !ReferenceEquals(current, rows)) current.Dispose();
            current = next;
        }
        return current;
    }
}
