using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Writes dead letters as JSON envelopes, the record inside the value (old brokers have no headers):
/// <code>{"pipeline":"p","partition":0,"epoch":"00000000000000ff","offset":123,"stage":"decode","fault":"BadValue","reason":"...",
/// "originalLength":17,"text":"+1 3:x"}</code>
/// with <c>"base64"</c> instead of <c>"text"</c> where the kept bytes are not UTF-8.
/// </summary>
public sealed class DeadLetterWriter(string pipeline)
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Encodes the dead letters, one record each; null where there are none. The caller disposes it.</summary>
    public RecordBatch? Encode(IReadOnlyList<DeadLetter> letters)
    {
        if (letters.Count == 0) return null;
        var records = new RecordBatch(4096, letters.Count);
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var json = new Utf8JsonWriter(buffer, Options);
        foreach (var letter in letters)
        {
            Write(json, letter);
            json.Flush();
            records.Add(buffer.WrittenSpan);
            buffer.ResetWrittenCount();
            json.Reset();
        }
        return records;
    }

    private void Write(Utf8JsonWriter json, DeadLetter letter)
    {
        json.WriteStartObject();
        json.WriteString("pipeline", pipeline);
        json.WriteNumber("partition", letter.Partition);
        json.WriteString("epoch", letter.Epoch.ToString("x16", CultureInfo.InvariantCulture));
        json.WriteNumber("offset", letter.Offset);
        json.WriteString("stage", letter.Stage);
        json.WriteString("fault", letter.Fault.ToString());
        json.WriteString("reason", letter.Reason);
        json.WriteNumber("originalLength", letter.OriginalLength);
        if (Utf8.IsValid(letter.Bytes)) json.WriteString("text", letter.Bytes);
        else json.WriteBase64String("base64", letter.Bytes);
        json.WriteEndObject();
    }
}
