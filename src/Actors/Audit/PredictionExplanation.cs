using StreamMLOps.Learning;

namespace StreamMLOps.Actors;

/// <summary>Why a model answered as it did, in the names that the source gave: a baseline, what the features that say most add to it, and all others together.</summary>
/// <param name="Output">Which of the model's outputs: the class that was answered, or 0.</param>
/// <param name="Unit">The unit of all numbers.</param>
/// <param name="Baseline">What the model answers to a row that says nothing.</param>
/// <param name="Top">The features that add or take most, by magnitude.</param>
/// <param name="Others">How many more there are.</param>
/// <param name="Rest">What those add together.</param>
/// <param name="Shared">Features of this row that share an index with another one, which is named in their place.</param>
public sealed record PredictionExplanation(int Output, ContributionUnit Unit, double Baseline, IReadOnlyList<NamedContribution> Top, int Others, double Rest, long Shared)
{
    /// <summary>What is explained: baseline and all contributions.</summary>
    public double Total => Baseline + Top.Sum(c => c.Value) + Rest;

    /// <summary>The explanation with the names of its features.</summary>
    /// <param name="explanation">As the model gave it.</param>
    /// <param name="output">Which output it explains.</param>
    /// <param name="names">Names of the row's features.</param>
    /// <param name="most">Features that are named, at most.</param>
    public static PredictionExplanation Of(Explanation explanation, int output, FeatureNames names, int most)
    {
        explanation.Merge();
        var top = explanation.Top(most);
        var rest = explanation.Total - explanation.Baseline - top.Sum(c => c.Value);
        var others = explanation.Contributions.Length - top.Count;
        return new(output, explanation.Unit, explanation.Baseline, names.Name(top), others, others == 0 ? 0 : rest, names.Collisions);
    }
}
