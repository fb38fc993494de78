namespace StreamMLOps.Learning;

/// <summary>
/// The products of pairs of features beside the features themselves (degree 2), for linear models of things that matter together. The place of a pair is a seeded 32-bit
/// hash of both (quadratic features as in Langford, Li and Strehl's Vowpal Wabbit, 2007).
/// </summary>
public static class PolynomialInteractions
{
    /// <summary>The kind <c>interactions</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "interactions", "Adds the product of each pair of features: for linear models where pairs matter and features are few.",
        "Langford, Li and Strehl, Vowpal Wabbit (2007)",
        [
            new Parameter.Integer("first", 64, 2, 256, "Features of a row that are paired: the first by index. Pairs grow with the square."),
            new Parameter.Flag("squares", false, "Pairs of a feature with itself too."),
            new Parameter.Integer("salt", 0, 0, long.MaxValue, "Other salts let other pairs meet."),
        ],
        p => new Interactions((int)p.Integer("first"), p.Flag("squares"), (ulong)p.Integer("salt")));

    private sealed class Interactions(int first, bool squares, ulong salt) : StatelessTransformer("interactions")
    {
        public override void Transform(in Row row, RowBatch output)
        {
            // Room for the pairs in the longest row.
            var most = Math.Min(row.Count, RowBatch.MaxFeatures - first * (first + 1) / 2);
            for (var k = 0; k < most; k++) output.Add(row.Indices[k], Scaling.Hold(row.Values[k]));
            var paired = Math.Min(row.Count, first);
            for (var i = 0; i < paired; i++)
                for (var j = squares ? i : i + 1; j < paired; j++)
                    output.Add(PlaceOf(row.Indices[i], row.Indices[j]), Scaling.Hold(row.Values[i]) * Scaling.Hold(row.Values[j]));
        }

        // A product is owed to both halves alike.
        public override bool TryTrace(in Row row, ICollection<FeatureOrigin> origins)
        {
            var most = Math.Min(row.Count, RowBatch.MaxFeatures - first * (first + 1) / 2);
            for (var k = 0; k < most; k++) origins.Add(new(row.Indices[k], row.Indices[k], 1));
            var paired = Math.Min(row.Count, first);
            for (var i = 0; i < paired; i++)
            {
                for (var j = squares ? i : i + 1; j < paired; j++)
                {
                    var place = PlaceOf(row.Indices[i], row.Indices[j]);
                    origins.Add(new(row.Indices[i], place, 0.5));
                    origins.Add(new(row.Indices[j], place, 0.5));
                }
            }
            return true;
        }

        private uint PlaceOf(uint a, uint b) => (uint)(RandomSource.Derive(RandomSource.Derive(salt, a), b) >> 32);
    }
}
