using System.Text;
using CsCheck;
using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors.Tests.Journal;

public sealed class RowCodecSpecs
{
    private static readonly Gen<double> Value = Gen.OneOf(
        Gen.Const(1.0), Gen.Int[-1000, 1000].Select(i => (double)i), Gen.Int[1, 999_999].Select(i => i / 1e6),
        Gen.Double.Where(d => double.IsFinite(d) && d != 0), Gen.Float.Where(f => float.IsFinite(f) && f != 0).Select(f => (double)f)).Where(v => v != 0);

    [Fact]
    public void A_value_comes_back_with_the_same_bits()
    {
        Value.Sample(v =>
        {
            Span<byte> bytes = stackalloc byte[16];
            var n = RowCodec.WriteValue(bytes, v);
            var at = 0;
            Assert.Equal(BitConverter.DoubleToInt64Bits(v), BitConverter.DoubleToInt64Bits(RowCodec.ReadValue(bytes[..n], ref at)));
            Assert.Equal(n, at);
        });
    }

    [Fact]
    public void A_value_with_six_decimals_takes_at_most_five_bytes()
    {
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 1; i < 1_000_000; i += 7) Assert.True(RowCodec.WriteValue(bytes, i / 1e6) <= 5);
    }

    [Fact]
    public void A_row_comes_back_whole_with_id_time_label_and_names()
    {
        var row = Gen.Select(
            Gen.UInt.Array[0, 40], Value.Array[40], Gen.OneOf(Gen.Const(1.0), Gen.Const(-1.0), Gen.Const(0.0), Gen.Double.Where(double.IsFinite)),
            Gen.String[Gen.Char.AlphaNumeric, 0, 20], Gen.Long, Gen.Bool);
        row.Sample((indices, values, label, id, time, named) =>
        {
            using var chunk = new Chunk(new OffsetRange(0, 1, 100, 101));
            chunk.Rows.BeginRow();
            for (var k = 0; k < indices.Length; k++)
            {
                if (named && k % 2 == 0) chunk.Rows.Add(indices[k], values[k], Encoding.UTF8.GetBytes($"name{indices[k] % 100}"));
                else chunk.Rows.Add(indices[k], values[k]);
            }
            if (chunk.Rows.TryEndRow(label) != RowFault.None) return;
            chunk.EndRow(100, Encoding.UTF8.GetBytes(id), time);

            var bytes = new byte[RowCodec.MaxLength(chunk, 0)];
            var length = RowCodec.Write(bytes, chunk, 0, 3, 17);
            using var back = new RowBatch();
            var at = 0;
            var (range, delta, idAt, timeBack) = RowCodec.Read(bytes.AsSpan(0, length), ref at, back);

            Assert.Equal(length, at);
            Assert.Equal((3, 17L, time), (range, delta, timeBack));
            Assert.Equal(id, Encoding.UTF8.GetString(bytes.AsSpan(0, length)[idAt]));
            Assert.Equal(chunk.Rows.Indices, back.Indices);
            Assert.Equal(chunk.Rows.Values, back.Values);
            Assert.Equal(BitConverter.DoubleToInt64Bits(label), BitConverter.DoubleToInt64Bits(back.Labels[0]));
            for (var k = 0; k < back.NonZeros; k++) Assert.Equal(chunk.Rows.NameOf(k), back.NameOf(k));
            Assert.Equal(ProgressiveLearner.ContentOf(chunk.Rows, 0), ProgressiveLearner.ContentOf(back, 0));
        });
    }

    [Fact]
    public void Bytes_cut_short_or_changed_are_refused_and_nothing_else_is_thrown()
    {
        using var chunk = Rows.Chunk(0, 1, unlabelled: false);
        var bytes = new byte[RowCodec.MaxLength(chunk, 0)];
        var length = RowCodec.Write(bytes, chunk, 0, 0, 0);
        Gen.Select(Gen.Int[0, length - 1], Gen.Byte, Gen.Int[0, length]).Sample((where, what, cut) =>
        {
            var damaged = bytes[..cut];
            if (where < cut) damaged[where] = what;
            using var back = new RowBatch();
            var at = 0;
            try
            {
                RowCodec.Read(damaged, ref at, back);
            }
            catch (JournalFormatException)
            {
            }
        });
    }
}
