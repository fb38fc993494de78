namespace StreamMLOps.Learning;

/// <summary>Explains a part of a model that only answers: what a feature adds is what is lost without it; what this leaves over is shared evenly, so that the sum is exact.</summary>
internal static class Occlusion
{
    /// <summary>What a part of a model answers to a row.</summary>
    public delegate double Answer<in TPart>(TPart part, in Row row);

    /// <param name="row">The row.</param>
    /// <param name="difference">What there is to explain: the answer to the row less what is explained already.</param>
    /// <param name="share">What all contributions are multiplied by.</param>
    /// <param name="explanation">Receives them; the baseline receives what is explained by no feature, for an empty row.</param>
    /// <param name="part">The part of the model.</param>
    /// <param name="answer">What it answers.</param>
    public static void Explain<TPart>(in Row row, double difference, double share, Explanation explanation, TPart part, Answer<TPart> answer)
    {
        if (difference == 0) return;
        if (row.Count == 0)
        {
            explanation.Baseline += share * difference;
            return;
        }
        var whole = answer(part, row);
        var indices = new uint[row.Count - 1];
        var values = new double[row.Count - 1];
        var contributions = new double[row.Count];
        var rest = difference;
        for (var k = 0; k < row.Count; k++)
        {
            row.Indices[..k].CopyTo(indices);
            row.Indices[(k + 1)..].CopyTo(indices.AsSpan(k));
            row.Values[..k].CopyTo(values);
            row.Values[(k + 1)..].CopyTo(values.AsSpan(k));
            rest -= contributions[k] = whole - answer(part, new Row(indices, values));
        }
        for (var k = 0; k < row.Count; k++) explanation.Add(row.Indices[k], share * (contributions[k] + rest / row.Count));
    }
}
