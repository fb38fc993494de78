using System.Text;
using System.Text.Json;
using CsCheck;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class PredictionTests
{
    private static Chunk Scored(ModelVersion version, long learnedBelow, params (string Id, long Offset, long Time, double Score)[] rows)
    {
        var chunk = new Chunk(new OffsetRange(3, 0xfedcba9876543210, 0, 1_000));
        foreach (var (id, offset, time, _) in rows)
        {
            chunk.Rows.BeginRow();
            Assert.Equal(RowFault.None, chunk.Rows.TryEndRow());
            chunk.EndRow(offset, Encoding.UTF8.GetBytes(id), time);
        }
        chunk.BeginScores(version, 1, learnedBelow);
        for (var i = 0; i < rows.Length; i++) chunk.ScoresOf(i)[0] = rows[i].Score;
        return chunk;
    }

    [Fact]
    public void A_prediction_is_one_line_of_json_with_its_exact_version()
    {
        using var chunk = Scored(new ModelVersion("main", 0, 17), learnedBelow: 6, ("a", 5, 1_700_000_000_000, 0.123), ("", 6, Chunk.NoTime, 0.75));
        using var records = new PredictionWriter("urls").Encode(chunk, 1_800_000_000_000);
        Assert.Equal(
            """{"id":"a","pipeline":"urls","partition":3,"epoch":"fedcba9876543210","offset":5,"lineage":"main","shard":0,"sequence":17,"score":0.123,"label":0,"eventTime":1700000000000,"time":1800000000000,"relearned":true}""",
            Encoding.UTF8.GetString(records[0]));
        Assert.Equal(
            """{"id":"3-6","pipeline":"urls","partition":3,"epoch":"fedcba9876543210","offset":6,"lineage":"main","shard":0,"sequence":17,"score":0.75,"label":1,"eventTime":null,"time":1800000000000}""",
            Encoding.UTF8.GetString(records[1]));
    }

    [Fact]
    public void A_prediction_of_many_classes_has_the_likeliest_and_all_of_their_probabilities()
    {
        using var chunk = Scored(new ModelVersion("main", 0, 17), 0, ("a", 5, Chunk.NoTime, 0), ("b", 6, Chunk.NoTime, 0));
        chunk.BeginScores(new ModelVersion("main", 0, 17), 3, 0);
        ((double[])[0.25, 0.5, 0.25]).CopyTo(chunk.ScoresOf(0));
        ((double[])[0.4, 0.2, 0.4]).CopyTo(chunk.ScoresOf(1));
        using var records = new PredictionWriter("urls", LearningTask.MultiClass).Encode(chunk, 9);
        Assert.Contains(""","score":0.5,"label":1,"scores":[0.25,0.5,0.25],"eventTime":null""", Encoding.UTF8.GetString(records[0]));
        Assert.True(PredictionReader.TryParse(records[1], out var second, out var reason), reason);
        // Of equal ones, the lowest class.
        Assert.Equal((0.4, 0.0), (second.Score, second.Label));
        Assert.Equal([0.4, 0.2, 0.4], second.Scores!);

        chunk.BeginScores(new ModelVersion("main", 0, 1), 0, 0);
        using var none = new PredictionWriter("urls", LearningTask.MultiClass).Encode(chunk, 9);
        Assert.Contains(""","score":null,"label":null,"scores":[],""", Encoding.UTF8.GetString(none[0]));
        Assert.True(PredictionReader.TryParse(none[0], out var early, out reason), reason);
        Assert.Equal((double.NaN, double.NaN, 0), (early.Score, early.Label, early.Scores!.Count));
    }

    [Theory]
    [InlineData(LearningTask.Binary, 0.75, 1)]
    [InlineData(LearningTask.Anomaly, 0.75, 1)]
    [InlineData(LearningTask.Anomaly, 0.5, 0)]
    [InlineData(LearningTask.Regression, -7.5, -7.5)]
    [InlineData(LearningTask.Clustering, 3, 3)]
    [InlineData(LearningTask.Clustering, -1, -1)]
    public void The_decision_of_one_score_is_as_the_task_has_it(LearningTask task, double score, double label) => Assert.Equal(label, Decision.Of(task, score));

    [Fact]
    public void What_is_read_back_is_what_was_written_to_the_bit_of_the_score()
    {
        var text = Gen.String[Gen.Char.Where(c => !char.IsSurrogate(c)), 1, 20];
        Gen.Select(text, text, text, Gen.Double, Gen.Long, Gen.Long[0, long.MaxValue], Gen.Int, Gen.Bool).Sample(
            (id, pipeline, lineage, score, time, offset, shard, relearned) =>
            {
                var version = new ModelVersion(lineage, shard, offset / 2);
                using var chunk = Scored(version, relearned ? long.MaxValue : 0, (id, offset, time, score));
                using var records = new PredictionWriter(pipeline).Encode(chunk, 5);
                Assert.True(PredictionReader.TryParse(records[0], out var prediction, out var reason), reason);
                Assert.Equal(BitConverter.DoubleToInt64Bits(score), BitConverter.DoubleToInt64Bits(prediction.Score));
                Assert.Equal(
                    new Prediction(id, pipeline, 3, 0xfedcba9876543210, offset, version, score, score > 0.5 ? 1 : 0, time == Chunk.NoTime ? null : time, 5, relearned && offset < long.MaxValue),
                    prediction);
            },
            iter: 20_000);
    }

    [Fact]
    public void Every_byte_of_an_id_is_escaped_as_json_asks()
    {
        var id = string.Concat(Enumerable.Range(0, 0x100).Select(c => (char)c)) + "\"\\é漢😀";
        using var chunk = Scored(default(ModelVersion) with { Lineage = "main" }, 0, (id, 1, 2, 0.5));
        using var records = new PredictionWriter("p").Encode(chunk, 3);
        using var json = JsonDocument.Parse(records.MemoryOf(0));
        Assert.Equal(id, json.RootElement.GetProperty("id").GetString());
        Assert.False(records[0].Contains((byte)'\n'));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("nonsense")]
    [InlineData("[1]")]
    [InlineData("""{"id":"a"} x""")]
    [InlineData("""{"id":1,"pipeline":"p"}""")]
    public void A_line_that_is_no_prediction_is_refused_with_a_reason(string line)
    {
        Assert.False(PredictionReader.TryParse(Encoding.UTF8.GetBytes(line), out _, out var reason));
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void Encoding_costs_no_allocation_a_row()
    {
        long Allocated(int rows)
        {
            using var chunk = Scored(new ModelVersion("main", 0, 1), 0, [.. Enumerable.Range(0, rows).Select(i => ($"id{i}", (long)i, 5L, 1.0 / (i + 3)))]);
            var writer = new PredictionWriter("p");
            for (var i = 0; i < 20; i++) writer.Encode(chunk, 1).Dispose();
            var before = GC.GetAllocatedBytesForCurrentThread();
            writer.Encode(chunk, 1).Dispose();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.InRange(Allocated(250) - Allocated(10), -500, 500);
    }

    [Fact]
    public void Dead_letters_keep_their_bytes_readable_where_they_are_text()
    {
        Gen.Select(Gen.Byte.Array[0, 60], Gen.String, Gen.Bool).Sample(
            (bytes, reason, text) =>
            {
                var original = text ? Encoding.UTF8.GetBytes(reason) : bytes;
                var letter = new DeadLetter(3, ulong.MaxValue, 17, "decode", RowFault.BadValue, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(reason)), original, 1_000);
                using var records = new DeadLetterWriter("p").Encode([letter, letter])!;
                Assert.Equal(2, records.Count);
                Assert.False(records[1].Contains((byte)'\n'));
                Assert.True(DeadLetterReader.TryParse(records[1], out var read, out var why), why);
                Assert.Equal(letter.Bytes, read.Bytes);
                Assert.Equal(letter with { Bytes = read.Bytes }, read);
            },
            iter: 2_000);
        Assert.Null(new DeadLetterWriter("p").Encode([]));
        Assert.False(DeadLetterReader.TryParse("{}"u8, out _, out _));
    }
}
