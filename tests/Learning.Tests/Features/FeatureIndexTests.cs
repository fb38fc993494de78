using CsCheck;

namespace StreamMLOps.Learning.Tests.Features;

public class FeatureIndexTests
{
    public static TheoryData<string> Patterns => ["dense", "multiples of 8", "multiples of 4096", "multiples of 65536", "one region", "hashed 24 bit", "random 32 bit", "descending", "alternating ends"];

    [Theory, MemberData(nameof(Patterns))]
    public void Cells_are_those_of_a_dictionary_filled_in_the_same_order(string pattern)
    {
        var index = new FeatureIndex();
        var expected = new Dictionary<uint, int>();
        var order = new List<uint>();
        var random = new Random(5);
        for (var row = 0; row < 600; row++)
        {
            var features = Enumerable.Range(row * 60, 100).Select(i => Feature(pattern, (uint)i, random)).ToArray();
            foreach (var feature in features)
                if (expected.TryAdd(feature, expected.Count + 1)) order.Add(feature);
            var cells = new int[features.Length];
            index.FindOrAdd(features, cells);
            Assert.Equal(features.Select(f => expected[f]), cells);
        }
        Assert.Equal(expected.Count, index.Count);

        var kept = new uint[index.Count];
        index.CopyTo(kept);
        Assert.Equal(order, kept);
        var restored = FeatureIndex.Restore(kept);
        foreach (var slice in order.Chunk(1000))
        {
            var (a, b) = (new int[slice.Length], new int[slice.Length]);
            index.Find(slice, a);
            restored.Find(slice, b);
            Assert.Equal(slice.Select(f => expected[f]), a);
            Assert.Equal(a, b);
        }
    }

    [Fact]
    public void Any_mixture_of_searching_and_adding_is_that_of_a_dictionary() =>
        Gen.Select(Gen.OneOf(Gen.UInt[0, 40], Gen.UInt.Select(x => x << 16), Gen.UInt[uint.MaxValue - 20, uint.MaxValue], Gen.UInt).Array[0, 60], Gen.Bool)
            .Array[1, 30].Sample(steps =>
            {
                var index = new FeatureIndex();
                var expected = new Dictionary<uint, int>();
                foreach (var (features, adds) in steps)
                {
                    var cells = new int[features.Length];
                    if (adds)
                    {
                        foreach (var f in features) expected.TryAdd(f, expected.Count + 1);
                        index.FindOrAdd(features, cells);
                    }
                    else
                    {
                        index.Find(features, cells);
                    }
                    if (!cells.SequenceEqual(features.Select(f => expected.GetValueOrDefault(f)))) return false;
                }
                return index.Count == expected.Count;
            });

    [Fact]
    public void Searching_adds_nothing()
    {
        var index = new FeatureIndex();
        var cells = new int[2];
        index.Find([0, uint.MaxValue], cells);
        Assert.Equal([0, 0], cells);
        Assert.Equal(0, index.Count);
    }

    [Fact]
    public void A_feature_listed_twice_is_refused() => Assert.Throws<StateFormatException>(() => FeatureIndex.Restore([1, 2, 3, 2]));

    [Fact]
    public void A_feature_costs_at_most_14_bytes_however_many_there_are()
    {
        var index = new FeatureIndex();
        var features = new uint[100];
        var cells = new int[100];
        var worst = 0.0;
        for (var i = 0u; i < 3_000_000; i += 100)
        {
            for (var k = 0u; k < 100; k++) features[k] = (i + k) * 37;
            index.FindOrAdd(features, cells);
            if (index.Count >= 50_000) worst = Math.Max(worst, (double)index.Bytes / index.Count);
        }
        Assert.Equal(3_000_000, index.Count);
        Assert.InRange(worst, 10, 14);
    }

    private static uint Feature(string pattern, uint i, Random random) => pattern switch
    {
        "dense" => i,
        "multiples of 8" => i * 8,
        "multiples of 4096" => i * 4096,
        "multiples of 65536" => i << 16,
        "one region" => 0x7FFF_0000 + i % 5000,
        "hashed 24 bit" => (uint)random.Next(1 << 24),
        "random 32 bit" => (uint)random.NextInt64(1L << 32),
        "descending" => uint.MaxValue - i,
        "alternating ends" => i % 2 == 0 ? i : uint.MaxValue - i,
        _ => throw new ArgumentOutOfRangeException(nameof(pattern)),
    };
}
