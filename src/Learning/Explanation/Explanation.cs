using System.Runtime.InteropServices;

namespace StreamMLOps.Learning;

/// <summary>What one feature adds to a prediction.</summary>
/// <param name="Feature">The feature's index.</param>
/// <param name="Value">What it adds, in the unit of its <see cref="Explanation"/>.</param>
public readonly record struct Contribution(uint Feature, double Value);

/// <summary>The unit of contributions.</summary>
public enum ContributionUnit
{
    /// <summary>The margin before a link function, a row's scale or a clamp makes a score of it: log-odds, for a logistic model.</summary>
    Margin,

    /// <summary>The score itself.</summary>
    Score,
}

/// <summary>
/// One prediction as a sum: a baseline that every row has, and what each feature adds to it. Reused with <see cref="Reset"/>; not thread-safe.
/// </summary>
public sealed class Explanation
{
    private readonly List<Contribution> _contributions = [];

    /// <summary>The unit of all numbers here.</summary>
    public ContributionUnit Unit { get; private set; }

    /// <summary>What the model answers to a row that says nothing.</summary>
    public double Baseline { get; set; }

    /// <summary>The contributions in the order in which they were added; a feature may be there more than once until <see cref="Merge"/>.</summary>
    public ReadOnlySpan<Contribution> Contributions => CollectionsMarshal.AsSpan(_contributions);

    /// <summary>Baseline and contributions together: what is explained.</summary>
    public double Total
    {
        get
        {
            var total = Baseline;
            foreach (var contribution in Contributions) total += contribution.Value;
            return total;
        }
    }

    /// <summary>Empties it for another prediction.</summary>
    public void Reset(ContributionUnit unit)
    {
        _contributions.Clear();
        (Unit, Baseline) = (unit, 0);
    }

    /// <summary>Adds what a feature, which the row need not have, adds to the prediction.</summary>
    public void Add(uint feature, double value) => _contributions.Add(new(feature, value));

    /// <summary>Sums the contributions of each feature; the features are ascending then.</summary>
    public void Merge()
    {
        // Stable, so that equal features are summed in the order in which they came.
        var sorted = _contributions.OrderBy(c => c.Feature).ToArray();
        _contributions.Clear();
        foreach (var contribution in sorted)
        {
            if (_contributions.Count > 0 && _contributions[^1].Feature == contribution.Feature)
                _contributions[^1] = contribution with { Value = _contributions[^1].Value + contribution.Value };
            else
                _contributions.Add(contribution);
        }
    }

    /// <summary>The features that say most, by magnitude; equals by their index.</summary>
    public IReadOnlyList<Contribution> Top(int count) =>
        [.. _contributions.OrderByDescending(c => Math.Abs(c.Value)).ThenBy(c => c.Feature).Take(count)];
}
