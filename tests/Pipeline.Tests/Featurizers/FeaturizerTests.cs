using CsCheck;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class FeaturizerTests
{
    private static RowBatch Json(params string[] records)
    {
        // The rows outlive their chunk here.
        var chunk = new JsonDecoder().Decode(Decoding.Raw(records));
        Assert.Empty(chunk.DeadLetters);
        return chunk.Rows;
    }

    [Fact]
    public void The_names_of_what_the_model_gets_are_those_that_came_in_through_every_step()
    {
        using var rows = new RowBatch();
        rows.BeginRow();
        rows.Add(5, 1, "colour"u8);
        rows.Add(9, 1);
        Assert.Equal(RowFault.None, rows.TryEndRow());
        foreach (var featurizer in new[] { new HashFeaturizer(20, 3), FeaturizerChain.Of([new IdentityFeaturizer(), new HashFeaturizer(20, 3)]), new IdentityFeaturizer() })
        {
            var names = new FeatureNames();
            using var features = featurizer.Featurize(rows, names);
            Assert.Equal(featurizer is FeaturizerChain ? ["#5", "#9"] : ["#9", "colour"], features.Indices.ToArray().Select(names.NameOf).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Identity_gives_rows_without_names_back_as_they_are()
    {
        using var rows = Json("""{"f":{"1":1}}""");
        Assert.Same(rows, new IdentityFeaturizer().Featurize(rows));
    }

    [Fact]
    public void Identity_folds_names_to_their_index()
    {
        using var rows = Json("""{"f":{"host":2,"1":1},"y":1}""", """{"f":{"1":4}}""");
        using var features = new IdentityFeaturizer().Featurize(rows);
        Assert.False(features.HasNames);
        Assert.Equal($"1:1 {FeatureName.IndexOf("host"u8, out _)}:2", Decoding.RowText(features, 0));
        Assert.Equal("1:4", Decoding.RowText(features, 1));
        Assert.Equal([1, double.NaN], features.Labels.ToArray());
    }

    [Fact]
    public void Features_without_name_beside_named_ones_are_told_apart_whatever_the_pool_gives()
    {
        var soiled = Enumerable.Range(0, 8).Select(_ => System.Buffers.ArrayPool<int>.Shared.Rent(32_768)).ToList();
        foreach (var array in soiled)
        {
            array.AsSpan().Fill(int.MaxValue);
            System.Buffers.ArrayPool<int>.Shared.Return(array);
        }
        using var rows = Json("""{"f":{"3":1,"2":1}}""", """{"f":{"9":1,"host":2,"1":1}}""", """{"f":{"9":1,"1":1}}""");
        for (var k = 0; k < 2; k++) Assert.True(rows.NameOf(k).IsEmpty);
        Assert.Equal("1:1 9:1 host:2", Decoding.RowText(rows, 1));
        Assert.Equal("1:1 9:1", Decoding.RowText(rows, 2));
    }

    [Fact]
    public void Hashed_rows_are_canonical_below_the_mask_and_keep_their_sum()
    {
        var rowGen = Gen.Select(Gen.UInt[0, 5_000].Array[0, 300], Gen.Int[1, 12], Gen.ULong);
        rowGen.Sample(
            (indices, bits, salt) =>
            {
                using var rows = new RowBatch();
                rows.BeginRow();
                foreach (var index in indices) rows.Add(index, 1);
                Assert.Equal(RowFault.None, rows.TryEndRow(1));
                using var features = new HashFeaturizer(bits, salt).Featurize(rows);
                Assert.Equal(1, features.Count);
                Assert.Equal(indices.Length, Sum(features.Values));
                for (var k = 0; k < features.NonZeros; k++) Assert.True(features.Indices[k] < 1u << bits && (k == 0 || features.Indices[k - 1] < features.Indices[k]));
            },
            iter: 500);

        static double Sum(ReadOnlySpan<double> values)
        {
            var sum = 0.0;
            foreach (var value in values) sum += value;
            return sum;
        }
    }

    [Fact]
    public void An_index_hashes_alike_from_svmlight_and_from_json_and_the_places_are_settled_for_good()
    {
        using var json = Json("""{"f":{"7":1,"12":3}}""");
        using var svm = new SvmLightDecoder().Decode(Decoding.Raw("1 12:3 7:1"));
        var featurizer = new HashFeaturizer(20, salt: 3);
        using var a = featurizer.Featurize(json);
        using var b = featurizer.Featurize(svm.Rows);
        Assert.Equal(Decoding.RowText(a, 0), Decoding.RowText(b, 0));
        Assert.Equal("27483:3 139016:1", Decoding.RowText(a, 0));

        using var named = Json("""{"f":{"host":1}}""");
        using var c = featurizer.Featurize(named);
        Assert.Equal("525781:1", Decoding.RowText(c, 0));
        Assert.NotEqual(Decoding.RowText(c, 0), Decoding.RowText(new HashFeaturizer(20, salt: 4).Featurize(named), 0));
        Assert.Equal("hash(bits=20,salt=3)", featurizer.Canonical);
    }

    [Fact]
    public void A_sum_beyond_all_numbers_saturates_and_the_row_stays()
    {
        using var rows = Json("""{"f":{"1":1.7e308,"2":1.7e308,"3":1}}""", """{"f":{"1":1}}""");
        using var features = new HashFeaturizer(1).Featurize(rows);
        Assert.Equal(2, features.Count);
        foreach (var value in features.Values) Assert.True(double.IsFinite(value));
    }

    [Fact]
    public void A_chain_runs_its_steps_in_order_and_names_them()
    {
        Assert.Equal("identity", FeaturizerChain.Of([]).Canonical);
        Assert.Equal("hash(bits=3,salt=0)", FeaturizerChain.Of([new HashFeaturizer(3)]).Canonical);
        var chain = FeaturizerChain.Of([new HashFeaturizer(10), new HashFeaturizer(3, 1)]);
        Assert.Equal("hash(bits=10,salt=0)|hash(bits=3,salt=1)", chain.Canonical);

        using var rows = Json("""{"f":{"1":1,"host":2,"9":3}}""");
        using var first = new HashFeaturizer(10).Featurize(rows);
        using var second = new HashFeaturizer(3, 1).Featurize(first);
        using var chained = chain.Featurize(rows);
        Assert.Equal(Decoding.RowText(second, 0), Decoding.RowText(chained, 0));
    }

    [Fact]
    public void Rows_of_equal_content_are_equal_to_the_bit_in_whatever_order_they_were_written()
    {
        // Against the plain way to say it: group by index, then sum in the order of the bits.
        Gen.Select(Gen.Select(Gen.UInt[0, 30], Gen.Double[-1, 1]).Array[0, 200], Gen.UInt[1, 1u << 27]).Sample(
            (features, spread) =>
            {
                using var rows = new RowBatch();
                rows.BeginRow();
                foreach (var (index, value) in features) rows.Add(index * spread, value);
                Assert.Equal(RowFault.None, rows.TryEndRow());
                var expected = features.GroupBy(f => f.Item1 * spread).OrderBy(g => g.Key)
                    .Select(g => (g.Key, g.Select(f => f.Item2).OrderBy(BitConverter.DoubleToInt64Bits).Aggregate((a, b) => a + b)))
                    .Where(f => f.Item2 != 0).ToArray();
                Assert.Equal(expected, rows.Indices.ToArray().Zip(rows.Values.ToArray()));
            },
            iter: 2_000);
    }

    [Fact]
    public void Unsorted_rows_cost_no_allocation_of_their_own()
    {
        using var chunk = new SvmLightDecoder().Decode(Decoding.Raw([.. Enumerable.Range(0, 200).Select(i =>
            System.Text.Encoding.UTF8.GetBytes("1 " + string.Join(" ", Enumerable.Range(1, 115).Select(k => $"{k * 37}:1"))))]));
        var featurizer = new HashFeaturizer(16);
        for (var i = 0; i < 20; i++) featurizer.Featurize(chunk.Rows).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        featurizer.Featurize(chunk.Rows).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
    }
}
