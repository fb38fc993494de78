using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>A kind of drift detector: its name in settings, its parameters and how to make one. All kinds are in <see cref="DriftDetectorRegistry"/>.</summary>
/// <param name="Name">Name in settings (<c>drift = NAME</c> or <c>drift { NAME { ... } }</c>), lower case with hyphens.</param>
/// <param name="OfErrors">Whether it takes errors (0 to 1) only; the others take any finite number.</param>
/// <param name="Summary">One sentence for people: what it is and when to use it.</param>
/// <param name="Paper">The paper it follows.</param>
/// <param name="Parameters">Its settings.</param>
/// <param name="Create">Makes a fresh detector from resolved settings.</param>
public sealed record DriftDetectorKind(
    string Name,
    bool OfErrors,
    string Summary,
    string Paper,
    ImmutableArray<Parameter> Parameters,
    Func<ParameterValues, IDriftDetector> Create)
{
    /// <inheritdoc/>
    public override string ToString() => Name;
}
