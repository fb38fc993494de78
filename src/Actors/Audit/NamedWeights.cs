using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>What weighs most in a linear model.</summary>
/// <param name="Version">Of which model.</param>
/// <param name="Features">How many features it has.</param>
/// <param name="Baseline">The margin of a row that says nothing.</param>
/// <param name="Top">The largest weights by magnitude, with the names that the journal's rows gave their features, the first where several share an index.</param>
public sealed record NamedWeights(ModelVersion Version, long Features, double Baseline, IReadOnlyList<NamedContribution> Top)
{
    /// <summary>Reads the newest model of a learner from its journal, and the rows in it until all that weighs most has a name.</summary>
    /// <returns>null if the kind has no weights, or there is no such learner.</returns>
    public static async Task<NamedWeights?> Read(JournalReader journal, Func<Genesis, FoldDefinition> define, string learner, int most, CancellationToken cancellation = default)
    {
        using var fold = await journal.Rebuild(learner, define, cancellation: cancellation).ConfigureAwait(false);
        if (fold?.Learner.Model is not ILinearModel model) return null;
        var top = TopWeights.Of(model, most);
        var names = new FeatureNames(Math.Max(1, top.Count));
        var nameless = top.Select(c => c.Feature).ToHashSet(); // asked only, never walked
        try
        {
            await foreach (var (_, e) in journal.Read(learner, 1, fold.Sequence, cancellation).ConfigureAwait(false))
            {
                if (nameless.Count == 0) break;
                void Name(int partition, long offset, RowBatch row) => Note(fold.Definition.Featurizer, row, nameless, names);
                if (e is Learned learned) EventRows.ForEach(learned, (_, _) => true, Name);
                else if (e is Joined joined) EventRows.ForEach(joined, (_, _) => true, Name);
            }
        }
        catch (RowsGoneException)
        {
            // The source keeps their names no longer; the weights are there.
        }
        var baseline = new Explanation();
        model.Explain(default, 0, baseline);
        return new(fold.Version, model.Features, baseline.Baseline, names.Name(top));
    }

    private static void Note(IFeaturizer featurizer, RowBatch row, HashSet<uint> nameless, FeatureNames names)
    {
        if (nameless.Count == 0) return;
        var called = new FeatureNames(RowBatch.MaxFeatures);
        var features = featurizer.Featurize(row, called);
        foreach (var feature in features.Indices)
        {
            if (!nameless.Contains(feature) || called.NameOf(feature) is var name && name == FeatureNames.Unnamed(feature)) continue;
            names.Note(feature, System.Text.Encoding.UTF8.GetBytes(name));
            nameless.Remove(feature);
        }
        if (!ReferenceEquals(features, row)) features.Dispose();
    }
}
