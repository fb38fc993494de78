using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline;

/// <summary>Where a feature goes, known by its index and, where it has one, its name.</summary>
internal interface IIndexMap
{
    uint Map(uint index, ReadOnlySpan<byte> name);
}

/// <summary>Copies rows with every feature at the index a map gives it; features that meet are summed and names are gone.</summary>
internal static class RowFold
{
    // As many of these as a row may have still have a finite sum.
    private const double Most = double.MaxValue / (2 * RowBatch.MaxFeatures);

    public static RowBatch Fold<TMap>(RowBatch rows, TMap map, FeatureNames? names) where TMap : struct, IIndexMap
    {
        var folded = new RowBatch(Math.Max(1, rows.Count), Math.Max(1, rows.NonZeros));
        for (var i = 0; i < rows.Count; i++)
        {
            Add(rows, i, folded, map, double.MaxValue);
            // A sum beyond the range of a double saturates: one row in, one row out.
            if (folded.TryEndRow(rows.Labels[i]) == RowFault.None) continue;
            Add(rows, i, folded, map, Most);
            if (folded.TryEndRow(rows.Labels[i]) != RowFault.None) throw new InvalidOperationException($"row {i} is not canonical");
        }
        if (names is not null) Note(rows, map, names);
        return folded;
    }

    private static void Note<TMap>(RowBatch rows, TMap map, FeatureNames names) where TMap : struct, IIndexMap
    {
        for (var k = 0; k < rows.NonZeros; k++)
        {
            var index = rows.Indices[k];
            var name = rows.NameOf(k);
            names.Note(map.Map(index, name), name.IsEmpty ? Encoding.UTF8.GetBytes(FeatureNames.Unnamed(index)) : name);
        }
    }

    private static void Add<TMap>(RowBatch rows, int i, RowBatch folded, TMap map, double most) where TMap : struct, IIndexMap
    {
        folded.BeginRow();
        var (from, to) = (rows.Starts[i], rows.Starts[i + 1]);
        var indices = rows.Indices[from..to];
        var values = rows.Values[from..to];
        for (var k = 0; k < indices.Length; k++)
            folded.Add(map.Map(indices[k], rows.NameOf(from + k)), Math.Clamp(values[k], -most, most));
    }
}
