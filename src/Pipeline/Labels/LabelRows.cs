using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>
/// Labels as rows of a <see cref="Chunk"/>, so that both logs travel alike: a row's label is the label; its features, of which most labels
/// have none, are what else the record says.
/// </summary>
public static class LabelRows
{
    private const uint WeightIndex = 0, CorrectsIndex = 1;

    /// <summary>Adds a label to a chunk.</summary>
    /// <returns>Whether it was; false: label or weight is no finite number.</returns>
    public static bool Add(Chunk chunk, long offset, ReadOnlySpan<byte> id, long time, double label, bool corrects, double weight)
    {
        if (double.IsNaN(label)) return false;
        chunk.Rows.BeginRow();
        if (weight != 1) chunk.Rows.Add(WeightIndex, weight);
        if (corrects) chunk.Rows.Add(CorrectsIndex, 1);
        if (chunk.Rows.TryEndRow(label) != RowFault.None) return false;
        chunk.EndRow(offset, id, time);
        return true;
    }

    /// <summary>Importance that label <paramref name="i"/> gives its row.</summary>
    public static double WeightOf(Chunk chunk, int i) => chunk.Rows[i] is { Indices: [WeightIndex, ..] } row ? row.Values[0] : 1;

    /// <summary>Whether label <paramref name="i"/> takes the place of an earlier one.</summary>
    public static bool Corrects(Chunk chunk, int i) => chunk.Rows[i].Indices is [.., CorrectsIndex];
}
