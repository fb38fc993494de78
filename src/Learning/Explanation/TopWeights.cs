namespace StreamMLOps.Learning;

/// <summary>The features of a linear model that weigh most.</summary>
public static class TopWeights
{
    /// <summary>The largest weights by magnitude, equals by their feature: what each feature adds to the margin with the value 1.</summary>
    /// <param name="model">The model.</param>
    /// <param name="count">How many.</param>
    /// <returns>At most <paramref name="count"/> features that weigh anything.</returns>
    public static IReadOnlyList<Contribution> Of(ILinearModel model, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var features = new uint[model.Features];
        model.CopyFeatures(features);
        // The least of those kept is on top: one pass over millions of features in memory for a few.
        var kept = new PriorityQueue<Contribution, (double Magnitude, long Index)>();
        var explanation = new Explanation();
        Span<double> one = [1];
        foreach (ref var feature in features.AsSpan())
        {
            model.Explain(new Row(new ReadOnlySpan<uint>(in feature), one), 0, explanation);
            var weight = explanation.Contributions[0];
            if (weight.Value == 0) continue;
            kept.Enqueue(weight, (Math.Abs(weight.Value), -(long)feature));
            if (kept.Count > count) kept.Dequeue();
        }
        var top = new Contribution[kept.Count];
        for (var i = top.Length - 1; i >= 0; i--) top[i] = kept.Dequeue();
        return top;
    }
}
