namespace StreamMLOps.Learning.Tests;

internal static class SvmLightFile
{
    /// <summary>All rows of a file's bytes; every line must be a row.</summary>
    public static RowBatch Read(ReadOnlySpan<byte> text)
    {
        var batch = new RowBatch();
        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)'\n');
            var line = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            var fault = SvmLightParser.Parse(line, batch, out var column);
            Assert.True(fault == RowFault.None, $"row {batch.Count} column {column}: {fault}");
        }
        return batch;
    }
}
