namespace StreamMLOps.Learning;

/// <summary>
/// One sparse row: <c>Indices[k]</c> has the value <c>Values[k]</c>, every feature that is not named is zero.
/// A canonical row has strictly ascending indices and finite, non-zero values; rows from <see cref="RowBatch"/> are canonical.
/// </summary>
/// <param name="indices">Feature indices, any <see cref="uint"/>; a feature never seen before is legal at any time.</param>
/// <param name="values">As many values as there are indices.</param>
public readonly ref struct Row(ReadOnlySpan<uint> indices, ReadOnlySpan<double> values)
{
    /// <summary>Feature indices, strictly ascending.</summary>
    public ReadOnlySpan<uint> Indices { get; } = indices;

    /// <summary>The value of each index, finite.</summary>
    public ReadOnlySpan<double> Values { get; } = values;

    /// <summary>Number of non-zero features.</summary>
    public int Count => Indices.Length;
}
