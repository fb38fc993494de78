namespace StreamMLOps.Learning.Benchmarks;

/// <summary>The work that is measured, one thread, in batches of 256 rows as the stream has them.</summary>
internal static class Stages
{
    private const int BatchRows = 256;

    public static List<RowBatch> ParseAll(ReadOnlySpan<byte> text)
    {
        var batches = new List<RowBatch>();
        while (!text.IsEmpty)
        {
            var batch = new RowBatch(BatchRows, 32_768);
            text = Fill(text, batch);
            batches.Add(batch);
        }
        return batches;
    }

    public static (long Rows, double Error) Parse(ReadOnlySpan<byte> text)
    {
        using var batch = new RowBatch();
        var rows = 0L;
        while (!text.IsEmpty)
        {
            batch.Clear();
            text = Fill(text, batch);
            rows += batch.Count;
        }
        return (rows, double.NaN);
    }

    public static (long Rows, double Error) Learn(ModelSpec spec, IEnumerable<RowBatch> batches)
    {
        var metrics = new BinaryMetrics();
        Learn(spec.Create(), metrics, batches);
        return (metrics.Count, metrics.Error);
    }

    public static void Learn(IModel model, BinaryMetrics metrics, IEnumerable<RowBatch> batches)
    {
        foreach (var batch in batches) Learn(model, metrics, batch);
    }

    public static (long Rows, double Error) TextToLearned(ModelSpec spec, ReadOnlySpan<byte> text)
    {
        var metrics = new BinaryMetrics();
        TextToLearned(spec.Create(), metrics, text);
        return (metrics.Count, metrics.Error);
    }

    public static void TextToLearned(IModel model, BinaryMetrics metrics, ReadOnlySpan<byte> text)
    {
        using var batch = new RowBatch();
        while (!text.IsEmpty)
        {
            batch.Clear();
            text = Fill(text, batch);
            Learn(model, metrics, batch);
        }
    }

    private static void Learn(IModel model, BinaryMetrics metrics, RowBatch batch)
    {
        Span<double> score = stackalloc double[1];
        for (var i = 0; i < batch.Count; i++)
        {
            model.PredictThenLearn(batch[i], batch.Labels[i], 1, score);
            metrics.Update(batch.Labels[i], score);
        }
    }

    private static ReadOnlySpan<byte> Fill(ReadOnlySpan<byte> text, RowBatch batch)
    {
        while (!text.IsEmpty && batch.Count < BatchRows)
        {
            var end = text.IndexOf((byte)'\n');
            var line = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (SvmLightParser.Parse(line, batch, out var column) is not (RowFault.None or RowFault.Blank) and var fault)
                throw new InvalidDataException($"{fault} at byte {column} of: {System.Text.Encoding.UTF8.GetString(line)}");
        }
        return text;
    }
}
