using System.Globalization;
using System.Text;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>A CSV of numbers with a header, the label last, as rows.</summary>
internal static class CsvRows
{
    public static RowBatch Read(byte[] csv)
    {
        var batch = new RowBatch();
        foreach (var line in Encoding.UTF8.GetString(csv).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1))
        {
            var cells = line.Split(',').Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray();
            batch.BeginRow();
            for (var i = 0; i < cells.Length - 1; i++) batch.Add((uint)i, cells[i]);
            Assert.Equal(RowFault.None, batch.TryEndRow(cells[^1]));
        }
        return batch;
    }
}
