using System.Buffers;
using CsCheck;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class ResolvedPositionsTests
{
    [Fact]
    public void It_holds_what_a_plain_set_holds_whatever_the_order() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Int[1, 200_000], Gen.Int[0, 400], Gen.Int[0, 10_000].Array[1, 50]).Sample((first, span, extra, singles) =>
        {
            var positions = new ResolvedPositions(first);
            var set = new HashSet<long>();
            void Add(long offset) => Assert.Equal(offset >= first && set.Add(offset), positions.Add(offset));
            foreach (var s in singles) Add(first + s % span);
            for (var i = span - 1; i >= 0; i -= 1 + extra) Add(first + i);
            for (var i = 0; i < Math.Min(span, 5_000); i++) Add(first + i);
            var watermark = (long)first;
            while (set.Contains(watermark)) watermark++;
            Assert.Equal(watermark, positions.Watermark);
            Assert.Equal(set.Count(o => o > watermark), positions.Above);
            foreach (var offset in set) Assert.True(positions.Contains(offset));
            for (var i = 0; i < 300; i++) Assert.Equal(first + i < first || set.Contains(first + i), positions.Contains(first + i));
        }, iter: 30);

    [Fact]
    public void Equal_sets_are_equal_bytes_in_whatever_order_they_came()
    {
        var random = new Random(5);
        var offsets = Enumerable.Range(0, 200_000).Where(i => i is > 70_000 and < 140_000 || random.Next(3) == 0).Select(i => (long)i).Where(i => i != 17).ToArray();
        byte[] Bytes(IEnumerable<long> order)
        {
            var positions = new ResolvedPositions(0);
            foreach (var o in order) positions.Add(o);
            var buffer = new ArrayBufferWriter<byte>();
            positions.Save(new StateWriter(buffer));
            return buffer.WrittenSpan.ToArray();
        }

        var ascending = Bytes(offsets);
        Assert.Equal(ascending, Bytes(offsets.Reverse()));
        random.Shuffle(offsets);
        Assert.Equal(ascending, Bytes(offsets));
        var loaded = ResolvedPositions.Load(new StateReader(ascending));
        var again = new ArrayBufferWriter<byte>();
        loaded.Save(new StateWriter(again));
        Assert.Equal(ascending, again.WrittenSpan.ToArray());
    }

    [Fact]
    public void All_offsets_but_the_first_take_next_to_nothing_and_the_first_empties_it()
    {
        var positions = new ResolvedPositions(0);
        for (var i = 1; i < 10 << 16; i++) positions.Add(i);
        var buffer = new ArrayBufferWriter<byte>();
        positions.Save(new StateWriter(buffer));
        Assert.InRange(buffer.WrittenCount, 1, 9_000); // the first block lacks one, nine are full
        positions.Add(0);
        Assert.Equal((10L << 16, 0L), (positions.Watermark, positions.Above));
    }

    [Fact]
    public void Damaged_bytes_are_refused()
    {
        var positions = new ResolvedPositions(0);
        positions.Add(5);
        positions.Add(9);
        var buffer = new ArrayBufferWriter<byte>();
        positions.Save(new StateWriter(buffer));
        var bytes = buffer.WrittenSpan.ToArray();
        bytes[^2] = 5; // 5, 5
        Assert.Throws<StateFormatException>(() => ResolvedPositions.Load(new StateReader(bytes)));
    }
}
