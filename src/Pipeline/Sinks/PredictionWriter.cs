using System.Globalization;
using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Writes scored chunks as JSON objects, one a row:
/// <code>{"id":"a","pipeline":"p","partition":0,"epoch":"00000000000000ff","offset":123,"lineage":"main","shard":0,"sequence":17,
/// "score":0.123,"label":0,"eventTime":null,"time":1700000000000}</code>
/// and <c>"relearned":true</c> at the end of a row that its version had learned already. A kind of many classes has <c>"scores":[0.1,0.7,0.2]</c> after the label, the
/// probability of each class seen; its score is that of the likeliest class, which is the label, and both are null before any was seen. What is the same for all rows of a chunk is
/// rendered once.
/// </summary>
public sealed class PredictionWriter(string pipeline, LearningTask task = LearningTask.Binary)
{
    /// <summary>Encodes all rows of a chunk.</summary>
    /// <param name="chunk">A scored chunk; with one score a row, but for kinds of many classes.</param>
    /// <param name="time">When it was predicted, milliseconds since 1970 UTC.</param>
    /// <returns>A record a row, in order, with the row's id as its key; the caller disposes it.</returns>
    public RecordBatch Encode(Chunk chunk, long time)
    {
        var classes = task == LearningTask.MultiClass;
        if (!classes && chunk.Outputs != 1 && chunk.Count > 0) throw new NotSupportedException($"a prediction has one score, this chunk has {chunk.Outputs} a row.");
        var range = chunk.Range;
        var version = chunk.Version;
        var partition = Text($"{range.Partition}");
        var beforeOffset = Text($"\",\"pipeline\":{Quoted(pipeline)},\"partition\":{range.Partition},\"epoch\":\"{range.Epoch:x16}\",\"offset\":");
        var beforeScore = Text($",\"lineage\":{Quoted(version.Lineage)},\"shard\":{version.Shard},\"sequence\":{version.Sequence},\"score\":");
        var afterEventTime = Text($",\"time\":{time}");

        var constant = partition.Length + beforeOffset.Length + beforeScore.Length + afterEventTime.Length + 128 + 5 * JsonText.MaxNumber + (classes ? 16 + chunk.Outputs * (JsonText.MaxNumber + 1) : 0);
        var records = new RecordBatch(Math.Max(1, chunk.Count) * 256, Math.Max(1, chunk.Count));
        Span<byte> key = stackalloc byte[2 * JsonText.MaxNumber + 1];
        for (var i = 0; i < chunk.Count; i++)
        {
            var id = chunk.IdOf(i);
            var offset = chunk.OffsetOf(i);
            var line = new Line(records.GetSpan(constant + JsonText.MaxEscaped(id.Length)));
            line.Add("{\"id\":\""u8);
            if (id.IsEmpty)
            {
                line.Add(partition);
                line.Add("-"u8);
                line.Add(offset);
            }
            else
            {
                line.AddEscaped(id);
            }
            line.Add(beforeOffset);
            line.Add(offset);
            line.Add(beforeScore);
            if (classes) line.AddClasses(chunk.ScoresOf(i));
            else line.AddAnswer(chunk.ScoresOf(i)[0], Decision.Of(task, chunk.ScoresOf(i)[0]));
            line.Add(",\"eventTime\":"u8);
            if (chunk.TimeOf(i) is var eventTime && eventTime == Chunk.NoTime) line.Add("null"u8);
            else line.Add(eventTime);
            line.Add(afterEventTime);
            line.Add(offset < chunk.LearnedBelow ? ",\"relearned\":true}"u8 : "}"u8);
            records.Advance(line.Used);
            records.EndRecord();
            // A prediction made twice has the same key, and so the same partition.
            records.SetKey(id.IsEmpty ? key[..PositionKey(key, range.Partition, offset)] : id);
        }
        return records;
    }

    private static int PositionKey(Span<byte> key, int partition, long offset)
    {
        var used = JsonText.Write(key, (long)partition);
        key[used++] = (byte)'-';
        return used + JsonText.Write(key[used..], offset);
    }

    private static byte[] Text(FormattableString text) => Encoding.UTF8.GetBytes(text.ToString(CultureInfo.InvariantCulture));

    private static string Quoted(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var escaped = new byte[JsonText.MaxEscaped(utf8.Length)];
        return $"\"{Encoding.UTF8.GetString(escaped, 0, JsonText.Write(escaped, utf8))}\"";
    }

    private ref struct Line(Span<byte> to)
    {
        private readonly Span<byte> _to = to;

        public int Used { get; private set; }

        public void Add(ReadOnlySpan<byte> text)
        {
            text.CopyTo(_to[Used..]);
            Used += text.Length;
        }

        public void AddEscaped(ReadOnlySpan<byte> utf8) => Used += JsonText.Write(_to[Used..], utf8);

        public void AddAnswer(double score, double label)
        {
            Add(score);
            Add(",\"label\":"u8);
            Add(label);
        }

        public void AddClasses(ReadOnlySpan<double> scores)
        {
            var answer = Decision.ClassOf(scores);
            if (answer >= 0) AddAnswer(scores[answer], answer);
            else Add("null,\"label\":null"u8);
            Add(",\"scores\":["u8);
            for (var k = 0; k < scores.Length; k++)
            {
                if (k > 0) Add(","u8);
                Add(scores[k]);
            }
            Add("]"u8);
        }

        public void Add(long number) => Used += JsonText.Write(_to[Used..], number);

        public void Add(double number) => Used += JsonText.Write(_to[Used..], number);
    }
}
