using System.Globalization;
using System.Text;

namespace StreamMLOps.Learning.Tests.Linear;

/// <summary>River's StandardScaler: running mean and population variance (Welford), learned from a row after it was scored.</summary>
internal sealed class StandardScaler(int features)
{
    private readonly double[] _mean = new double[features];
    private readonly double[] _squares = new double[features];
    private long _count;

    /// <summary>A CSV of numbers with a header, the label last, scaled row by row.</summary>
    public static RowBatch ScaleCsv(byte[] csv)
    {
        var batch = new RowBatch();
        StandardScaler? scaler = null;
        foreach (var line in Encoding.UTF8.GetString(csv).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Skip(1))
        {
            var cells = line.Split(',').Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray();
            scaler ??= new StandardScaler(cells.Length - 1);
            // River's pipeline updates the scaler between predicting and learning: the model learns the row as scaled afterwards.
            scaler.Add(batch, cells, learned: false);
            scaler.Update(cells);
            scaler.Add(batch, cells, learned: true);
        }
        return batch;
    }

    private void Add(RowBatch batch, double[] cells, bool learned)
    {
        batch.BeginRow();
        for (var i = 0; i < _mean.Length; i++)
        {
            var variance = _count > 0 ? _squares[i] / _count : 0;
            if (variance > 0) batch.Add((uint)i, (cells[i] - _mean[i]) / Math.Sqrt(variance));
        }
        Assert.Equal(RowFault.None, batch.TryEndRow(cells[^1]));
    }

    private void Update(double[] cells)
    {
        _count++;
        for (var i = 0; i < _mean.Length; i++)
        {
            var delta = cells[i] - _mean[i];
            _mean[i] += delta / _count;
            _squares[i] += delta * (cells[i] - _mean[i]);
        }
    }
}
