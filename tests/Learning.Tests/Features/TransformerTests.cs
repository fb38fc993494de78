namespace StreamMLOps.Learning.Tests.Features;

public class TransformerTests
{
    [Fact]
    public void Standard_scores_are_those_of_all_rows_with_zeros_where_a_feature_is_absent()
    {
        double[] values = [3, 0, 0, -1, 4, 0, 2.5];
        var (dense, sparse) = (Make("standard-scaler", []), Make("standard-scaler", [("center", "off")]));
        for (var i = 0; i < values.Length; i++)
        {
            foreach (var scaler in new[] { dense, sparse })
                scaler.Learn(values[i] == 0 ? new Row([9], [1]) : new Row([2, 9], [values[i], 1]));
        }
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
        Assert.Equal((2 - mean) / deviation, Value(dense, new Row([2], [2]), 2), 12);
        Assert.Equal(-mean / deviation, Value(dense, default, 2), 12);
        Assert.Equal(2 / deviation, Value(sparse, new Row([2], [2]), 2), 12);
        Assert.Equal(0, Value(sparse, default, 2));
        Assert.Equal(0, Value(dense, new Row([9], [1]), 9));   // never varied
        Assert.Equal(0, Value(dense, new Row([77], [1]), 77)); // never seen
    }

    [Fact]
    public void Smallest_and_largest_become_0_and_1_and_the_largest_magnitude_1()
    {
        var (range, magnitude) = (Make("min-max-scaler", []), Make("max-abs-scaler", []));
        foreach (var value in new[] { 4.0, -2, 8 })
        {
            range.Learn(new Row([0], [value]));
            magnitude.Learn(new Row([0], [value]));
        }
        Assert.Equal(0.3, Value(range, new Row([0], [1]), 0), 12);
        Assert.Equal(0.2, Value(range, default, 0), 12);
        Assert.Equal(-0.5, Value(magnitude, new Row([0], [-4]), 0), 12);
    }

    [Fact]
    public void Quartiles_are_close_to_exact_ones_with_outliers_among_the_values()
    {
        var random = new Random(3);
        var scaler = Make("robust-scaler", []);
        var values = Enumerable.Range(0, 5_000).Select(i => i % 100 == 50 ? 100 : random.NextDouble() * 8 + 10).ToArray();
        foreach (var value in values) scaler.Learn(new Row([0], [value]));
        Array.Sort(values);
        var (low, middle, high) = (values[1250], values[2500], values[3750]);
        Assert.Equal((15 - middle) / (high - low), Value(scaler, new Row([0], [15]), 0), 0.03);
    }

    [Fact]
    public void Rare_terms_weigh_more_and_a_document_has_length_1()
    {
        var weights = Make("tf-idf", [("normalize", "off")]);
        for (var i = 0; i < 9; i++) weights.Learn(i < 2 ? new Row([1, 2], [1, 1]) : new Row([1], [1]));
        Assert.Equal(0.75 * (Math.Log(10.0 / 10) + 1), Value(weights, new Row([1, 2], [3, 1]), 1), 12);
        Assert.Equal(0.25 * (Math.Log(10.0 / 3) + 1), Value(weights, new Row([1, 2], [3, 1]), 2), 12);
        var unit = Make("tf-idf", []);
        Assert.Equal(1, Math.Sqrt(Math.Pow(Value(unit, new Row([1, 2], [3, 1]), 1), 2) + Math.Pow(Value(unit, new Row([1, 2], [3, 1]), 2), 2)), 12);
    }

    [Fact]
    public void The_meter_of_the_hash_counts_features_that_share_a_place()
    {
        var few = Assert.IsType<FeatureHasher>(Make("hash", [("bits", "1")]));
        var many = Assert.IsType<FeatureHasher>(Make("hash", [("bits", "30")]));
        for (var i = 0u; i < 100; i++)
        {
            few.Learn(new Row([i], [1]));
            many.Learn(new Row([i], [1]));
        }
        Assert.Equal((2, 0.98), (few.Places, few.Collisions));
        Assert.Equal((100, 0.0), (many.Places, many.Collisions));
        Assert.Equal(100, few.Seen);
    }

    [Fact]
    public void Pairs_have_the_product_and_numbers_that_are_names_a_feature_each()
    {
        using var pairs = Transformed(Make("interactions", []), new Row([1, 2, 3], [2, 3, 5]));
        Assert.Equal([2.0, 3, 5, 6, 10, 15], pairs[0].Values.ToArray().Order());
        using var squares = Transformed(Make("interactions", [("squares", "on")]), new Row([1, 2], [2, 3]));
        Assert.Equal([2.0, 3, 4, 6, 9], squares[0].Values.ToArray().Order());
        var encoder = Make("one-hot", []);
        using var a = Transformed(encoder, new Row([4], [17]));
        using var b = Transformed(encoder, new Row([4], [18]));
        using var c = Transformed(encoder, new Row([4], [17]));
        Assert.Equal(1, a[0].Values[0]);
        Assert.NotEqual(a[0].Indices[0], b[0].Indices[0]);
        Assert.Equal(a[0].Indices[0], c[0].Indices[0]);
    }

    private static ITransformer Make(string name, (string, string)[] settings)
    {
        var faults = new List<ConfigFault>();
        var steps = new ConfigNode.List([ConfigNode.Map.Empty.With(name, ConfigNode.Of(settings))]);
        var values = ParameterValues.Read([TransformerRegistry.Parameter("steps", steps, "")], ConfigNode.Map.Empty, "test", faults);
        Assert.Empty(faults);
        return TransformerRegistry.Create(values.Choices("steps")[0]);
    }

    private static RowBatch Transformed(ITransformer transformer, in Row row)
    {
        var batch = new RowBatch();
        batch.BeginRow();
        transformer.Transform(row, batch);
        Assert.Equal(RowFault.None, batch.TryEndRow());
        return batch;
    }

    private static double Value(ITransformer transformer, in Row row, uint feature)
    {
        using var batch = Transformed(transformer, row);
        var k = batch[0].Indices.IndexOf(feature);
        return k < 0 ? 0 : batch[0].Values[k];
    }
}
