using System.Globalization;
using System.Text;
using CsCheck;

namespace StreamMLOps.Learning.Tests.Formats;

public class SvmLightParserTests
{
    [Theory]
    [InlineData("+1 1:1 3:0.5", 1, "1:1 3:0.5")]
    [InlineData("-1 1:1 3:0.5\n", -1, "1:1 3:0.5")]
    [InlineData("0 7:2.5\r\n", 0, "7:2.5")]
    [InlineData("2.5e-1\t4294967295:-1e3", 0.25, "4294967295:-1000")]
    [InlineData("  1   0:1  \t 12345678:.5 ", 1, "0:1 12345678:0.5")]
    [InlineData("1 5:1 # a comment 6:1", 1, "5:1")]
    [InlineData("1 # nothing", 1, "")]
    [InlineData("1", 1, "")]
    [InlineData("1 qid:33 2:4 qid:x 3:5.", 1, "2:4 3:5")]
    [InlineData("1 9:1 3:2 9:0.5", 1, "3:2 9:1.5")]
    [InlineData("1 9:0 3:-0.0 4:1e-400", 1, "")]
    [InlineData("1 1:+1 2:0.12345678901234567890123 3:123456789.123456789", 1, "1:1 2:0.12345678901234568 3:123456789.12345679")]
    [InlineData("1 1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1 10:1 11:1 12:1 13:0.311296 14:-0.25", 1, "1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1 10:1 11:1 12:1 13:0.311296 14:-0.25")]
    public void A_line_becomes_a_row(string line, double label, string features)
    {
        using var batch = new RowBatch();
        Assert.Equal(RowFault.None, Parse(line, batch, out var column));
        Assert.Equal(0, column);
        Assert.Equal(1, batch.Count);
        Assert.Equal(label, batch.Labels[0]);
        Assert.Equal(features, Show(batch, 0));
    }

    [Theory]
    [InlineData("", RowFault.Blank, 0)]
    [InlineData("  \t\r\n", RowFault.Blank, 0)]
    [InlineData("# 1 2:3", RowFault.Blank, 0)]
    [InlineData("one 1:1", RowFault.BadLabel, 0)]
    [InlineData(" 1x 1:1", RowFault.BadLabel, 1)]
    [InlineData("1:1 2:1", RowFault.BadLabel, 0)]
    [InlineData("nan 2:1", RowFault.NotFinite, 0)]
    [InlineData("1 a:1", RowFault.BadIndex, 2)]
    [InlineData("1 2:1 -3:1", RowFault.BadIndex, 6)]
    [InlineData("1 2:1 4294967296:1", RowFault.BadIndex, 6)]
    [InlineData("1 2:1 99999999999999999999999:1", RowFault.BadIndex, 6)]
    [InlineData("1 2:1 3", RowFault.BadIndex, 6)]
    [InlineData("1 2:1 3 4:1", RowFault.BadIndex, 6)]
    [InlineData("1 000000000000000000000000000000000000000001:1", RowFault.BadIndex, 2)]
    [InlineData("1 :1", RowFault.BadIndex, 2)]
    [InlineData("1 2:", RowFault.BadValue, 4)]
    [InlineData("1 2: 3:1", RowFault.BadValue, 4)]
    [InlineData("1 2:x", RowFault.BadValue, 4)]
    [InlineData("1 2:1x", RowFault.BadValue, 4)]
    [InlineData("1 2:1.5.5", RowFault.BadValue, 4)]
    [InlineData("1 2:1e", RowFault.BadValue, 4)]
    [InlineData("1 2:--1", RowFault.BadValue, 4)]
    [InlineData("1 2:NaN", RowFault.NotFinite, 4)]
    [InlineData("1 2:-Infinity", RowFault.NotFinite, 4)]
    [InlineData("1 2:1e999", RowFault.NotFinite, 4)]
    [InlineData("1 1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1 10:1 11:1 12:1 13:1 14:?", RowFault.BadValue, 61)]
    [InlineData("1 1:? 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1 10:1 11:1 12:1 13:1 14:1", RowFault.BadValue, 4)]
    public void A_line_that_is_no_row_is_refused_at_its_column_and_the_batch_is_unchanged(string line, RowFault fault, int column)
    {
        using var batch = new RowBatch();
        Assert.Equal(RowFault.None, Parse("1 1:1", batch, out _));
        Assert.Equal(fault, Parse(line, batch, out var at));
        Assert.Equal(column, at);
        Assert.Equal((1, 1), (batch.Count, batch.NonZeros));
        Assert.Equal(RowFault.None, Parse("1 2:1", batch, out _));
        Assert.Equal("2:1", Show(batch, 1));
    }

    [Fact]
    public void More_features_than_a_row_may_have_are_refused()
    {
        using var batch = new RowBatch();
        var line = string.Join(' ', Enumerable.Range(0, RowBatch.MaxFeatures).Select(i => $"{i}:1"));
        Assert.Equal(RowFault.None, Parse("1 " + line, batch, out _));
        Assert.Equal(RowFault.TooManyFeatures, Parse($"1 {line} {RowBatch.MaxFeatures}:1", batch, out _));
        Assert.Equal(1, batch.Count);
    }

    [Fact]
    public void Any_row_survives_being_written_and_read() =>
        Gen.Select(Gen.UInt, Value).Array[0, 40].Select(Gen.OneOfConst(" ", "  ", "\t"), Gen.OneOfConst("", "\n", "\r\n", " # x"))
            .Sample((features, blank, end) =>
            {
                using var expected = new RowBatch();
                expected.BeginRow();
                foreach (var (index, value) in features) expected.Add(index, double.Parse(value, CultureInfo.InvariantCulture));
                var fault = expected.TryEndRow(1);
                using var parsed = new RowBatch();
                var line = "1" + string.Concat(features.Select(f => $"{blank}{f.Item1}:{f.Item2}")) + end;
                return Parse(line, parsed, out _) == fault && (fault != RowFault.None || Show(expected, 0) == Show(parsed, 0));
            });

    [Fact]
    public void Long_ordinary_lines_with_anything_odd_in_them_are_read_as_feature_by_feature() =>
        Gen.Select(Gen.Int[1, 1500], Gen.Int[1, 3_000], Gen.UInt[0, 1000], Gen.OneOfConst("", "", "  ", "\t", " 5:0", " 7:0.0", " 123456789:1", " 3:-0.25", " 4:1e3", " qid:7", " 6:x", " :1", " 1,2", " 8", "\n", " #"), Gen.Int[0, 1500])
            .Sample((count, step, first, odd, where) =>
            {
                var tokens = Enumerable.Range(0, count).Select(i =>
                    $"{first + (uint)(i * step)}:{(i % 5) switch { 0 => "0.311296", 1 => "2", 3 => "0.5", _ => "1" }}").ToList();
                if (where < count) tokens[where] += odd;
                // Below 64 bytes nothing but the careful path reads.
                using var whole = new RowBatch();
                var fault = Parse("1 " + string.Join(' ', tokens), whole, out var column);
                using var apart = new RowBatch();
                apart.BeginRow();
                var expected = RowFault.None;
                foreach (var token in tokens.TakeWhile(_ => expected == RowFault.None))
                {
                    using var one = new RowBatch();
                    expected = Parse("1 " + token, one, out _);
                    if (expected != RowFault.None) break;
                    var row = one[0];
                    for (var k = 0; k < row.Count; k++) apart.Add(row.Indices[k], row.Values[k]);
                    if (token.EndsWith('#')) break;
                }
                if (fault != expected) return false;
                if (fault != RowFault.None) return column > 0 && whole.Count == 0;
                return apart.TryEndRow(1) == RowFault.None && Show(apart, 0) == Show(whole, 0);
            }, iter: 400);

    [Fact]
    public void Any_number_is_rounded_as_the_library_rounds_it() =>
        Gen.Select(Gen.OneOf(Gen.Double, Gen.Double[-10, 10], Gen.Int[-100000, 100000].Select(i => i / 1000.0)), Gen.OneOfConst("R", "E16", "F6", "E20", "G17"))
            .Sample((number, format) =>
            {
                var text = number.ToString(format, CultureInfo.InvariantCulture);
                if (!double.IsFinite(double.Parse(text, CultureInfo.InvariantCulture))) return true;
                var at = 0;
                var bytes = Encoding.UTF8.GetBytes(text);
                return DecimalNumber.Parse(bytes, ref at, out var parsed) == RowFault.None && at == bytes.Length
                    && BitConverter.DoubleToInt64Bits(parsed) == BitConverter.DoubleToInt64Bits(double.Parse(text, CultureInfo.InvariantCulture));
            }, iter: 20_000);

    [Fact]
    public void Any_bytes_are_a_row_or_a_fault_at_a_column_of_the_line_and_never_an_exception() =>
        Gen.OneOf(Gen.Byte.Array[0, 120], Gen.OneOfConst("1 :.-+e#qidnaf0927\n\r\t\0\xFF".Select(c => (byte)c).ToArray()).Array[0, 120])
            .Sample(bytes =>
            {
                using var batch = new RowBatch();
                // Between other bytes, so that a read past the line's end would see them as part of it.
                byte[] around = [.. "9 9:9 "u8, .. bytes, .. "9:9 9"u8];
                var alone = SvmLightParser.Parse(bytes, batch, out var column);
                var inside = SvmLightParser.Parse(around.AsSpan(6, bytes.Length), batch, out var columnInside);
                return (alone, column) == (inside, columnInside) && column >= 0 && column <= bytes.Length
                    && batch.Count == (alone == RowFault.None ? 2 : 0)
                    && (batch.Count == 0 || Show(batch, 0) == Show(batch, 1));
            }, iter: 50_000);

    private static Gen<string> Value { get; } = Gen.OneOf(
        Gen.OneOfConst("1", "0", "2", "-1", "0.5", "1e300", "-2.5E-3", "+7", ".25", "1e308", "179769313486231570000"),
        Gen.Int[0, 999_999].Select(i => string.Create(CultureInfo.InvariantCulture, $"0.{i:D6}")),
        Gen.Double.Where(double.IsFinite).Select(d => d.ToString("R", CultureInfo.InvariantCulture)));

    private static RowFault Parse(string line, RowBatch batch, out int column) => SvmLightParser.Parse(Encoding.UTF8.GetBytes(line), batch, out column);

    private static string Show(RowBatch batch, int row)
    {
        var r = batch[row];
        var parts = new List<string>();
        for (var k = 0; k < r.Count; k++) parts.Add(string.Create(CultureInfo.InvariantCulture, $"{r.Indices[k]}:{r.Values[k]:R}"));
        return string.Join(' ', parts);
    }
}
