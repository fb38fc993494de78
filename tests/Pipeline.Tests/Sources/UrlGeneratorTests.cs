using System.Globalization;
using System.IO.Hashing;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class UrlGeneratorTests
{
    private readonly byte[] _line = new byte[UrlGenerator.MaxRowBytes];

    [Theory]
    [InlineData(0, "7f85748d8b21a381")]
    [InlineData(4, "02cbfa6d41d96a76")]
    [InlineData(119, "949f816cb258f70a")]
    public void Rows_are_those_of_the_recorded_hash_on_every_machine(int day, string expected)
    {
        var generator = new UrlGenerator(new UrlGeneratorSettings(long.MaxValue));
        var hash = new XxHash3();
        for (var row = day * 20_000L; row < day * 20_000L + 500; row++)
        {
            hash.Append(_line.AsSpan(0, generator.Write(row, _line)));
            hash.Append("\n"u8);
        }
        Assert.Equal(expected, hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_row_does_not_depend_on_the_rows_made_before_it()
    {
        var settings = new UrlGeneratorSettings { RowsPerDay = 10 };
        var forward = new UrlGenerator(settings);
        var rows = Enumerable.Range(0, 300).Select(i => Row(forward, i)).ToList();
        var backward = new UrlGenerator(settings);
        for (var i = 299; i >= 0; i--) Assert.Equal(rows[i], Row(backward, i));
    }

    [Fact]
    public void Rows_have_the_shape_of_the_malicious_url_data()
    {
        var generator = new UrlGenerator(new UrlGeneratorSettings());
        using var rows = new RowBatch();
        var seen = new HashSet<uint>();
        var longest = 0;
        for (var day = 0; day < 3; day++)
        {
            var before = seen.Count;
            rows.Clear();
            for (var i = 0; i < 20_000; i++)
            {
                var length = generator.Write(day * 20_000 + i, _line);
                longest = Math.Max(longest, length);
                Assert.Equal(RowFault.None, SvmLightParser.Parse(_line.AsSpan(0, length), rows, out _));
            }
            seen.UnionWith(rows.Indices.ToArray());
            Assert.InRange(rows.NonZeros / (double)rows.Count, 110, 120);
            Assert.InRange(rows.Labels.ToArray().Count(label => label > 0) / (double)rows.Count, 0.25, 0.45);
            if (day > 0) Assert.InRange(seen.Count - before, 24_000, 29_000);
        }
        Assert.InRange(longest, 0, UrlGenerator.MaxRowBytes / 4);
        for (var i = 0; i < rows.Count; i++)
        {
            for (var k = 1; k < rows[i].Count; k++) Assert.True(rows[i].Indices[k - 1] < rows[i].Indices[k], "the indices of a line ascend");
        }
    }

    [Fact]
    public void Logistic_regression_learns_the_stream_and_is_set_back_on_a_day_of_abrupt_drift()
    {
        const int days = 6;
        var generator = new UrlGenerator(new UrlGeneratorSettings { RowsPerDay = 10_000 });
        var learner = new ProgressiveLearner(ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))
            .With("optimizer", ConfigNode.Map.Empty.With("adagrad", ConfigNode.Of(("rate", "0.1"))))));
        var metrics = (BinaryMetrics)learner.Metrics;
        var wrong = new long[days];
        using var rows = new RowBatch();
        for (var i = 0; i < days * 10_000; i++)
        {
            rows.Clear();
            Assert.Equal(RowFault.None, SvmLightParser.Parse(_line.AsSpan(0, generator.Write(i, _line)), rows, out _));
            learner.Learn(rows[0], 0, rows.Labels[0]);
            wrong[i / 10_000] = metrics.FalsePositives + metrics.FalseNegatives;
        }
        for (var day = days - 1; day > 0; day--) wrong[day] -= wrong[day - 1];

        Assert.InRange(metrics.Error, 0.02, 0.04);
        Assert.InRange(metrics.RocAuc, 0.975, 1);
        Assert.True(wrong[3] < wrong[0], $"errors by day: {string.Join(", ", wrong)}");
        Assert.True(wrong[4] > 1.5 * wrong[3], $"errors by day: {string.Join(", ", wrong)}");
    }

    private string Row(UrlGenerator generator, long row) => Encoding.ASCII.GetString(_line, 0, generator.Write(row, _line));
}
