using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The answers to the rows of one chunk, as they were served.</summary>
/// <param name="range">The chunk's offsets.</param>
/// <param name="version">The version that answered.</param>
/// <param name="outputs">Scores a row.</param>
/// <param name="offsets">Offset of each row, ascending.</param>
/// <param name="times">Event time of each row.</param>
/// <param name="labels">Label of each row that came with it; empty where labels come apart.</param>
/// <param name="scores">Scores of each row, one row after the other.</param>
internal sealed class ServedChunk(OffsetRange range, long version, int outputs, long[] offsets, long[] times, double[] labels, double[] scores)
{
    public OffsetRange Range { get; } = range;

    public long Version { get; } = version;

    /// <summary>The order in which chunks came, of all partitions.</summary>
    public long Number { get; set; }

    public int Count => offsets.Length;

    public ReadOnlySpan<double> Labels => labels;

    /// <summary>Number of the row at an offset; negative where there is none.</summary>
    public int RowAt(long offset) => Array.BinarySearch(offsets, offset);

    public long TimeOf(int row) => times[row];

    public ReadOnlySpan<double> ScoresOf(int row) => scores.AsSpan(row * outputs, outputs);

    /// <summary>Copies what is needed of a scored chunk.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="apart">Whether labels come apart: then every row is kept, else those with a label.</param>
    public static ServedChunk Of(Chunk chunk, bool apart)
    {
        // What the version had learned already was scored again, after a crash: the first answer counts, and is not known here.
        var kept = 0;
        for (var i = 0; i < chunk.Count; i++)
            if (IsKept(chunk, i, apart)) kept++;
        var (offsets, times, labels, scores, outputs) = (new long[kept], new long[kept], new double[apart ? 0 : kept], new double[kept * chunk.Outputs], chunk.Outputs);
        kept = 0;
        for (var i = 0; i < chunk.Count; i++)
        {
            if (!IsKept(chunk, i, apart)) continue;
            (offsets[kept], times[kept]) = (chunk.OffsetOf(i), chunk.TimeOf(i));
            if (!apart) labels[kept] = chunk.Rows.Labels[i];
            chunk.ScoresOf(i).CopyTo(scores.AsSpan(kept * outputs));
            kept++;
        }
        return new ServedChunk(chunk.Range, chunk.Version.Sequence, outputs, offsets, times, labels, scores);
    }

    private static bool IsKept(Chunk chunk, int i, bool apart) => chunk.OffsetOf(i) >= chunk.LearnedBelow && (apart || !double.IsNaN(chunk.Rows.Labels[i]));
}

/// <summary>The newest answers of this node that labels may still come for, bounded. One user at a time.</summary>
/// <param name="most">Most rows.</param>
internal sealed class ServedAnswers(long most)
{
    private readonly Dictionary<int, List<ServedChunk>> _partitions = [];
    private long _added;

    /// <summary>Rows in it.</summary>
    public long Rows { get; private set; }

    /// <summary>Takes the next chunk of a partition. One that was served before and is served again takes its own place.</summary>
    public void Add(ServedChunk chunk)
    {
        var partition = chunk.Range.Partition;
        if (!_partitions.TryGetValue(partition, out var chunks)) _partitions[partition] = chunks = [];
        while (chunks.Count > 0 && chunks[^1].Range.To > chunk.Range.From) RemoveAt(chunks, chunks.Count - 1);
        chunk.Number = _added++;
        chunks.Add(chunk);
        Rows += chunk.Count;
        while (Rows > most) RemoveAt(_partitions.Values.Where(p => p.Count > 0).MinBy(p => p[0].Number)!, 0);
    }

    /// <summary>All of a partition's chunks up to an offset; they are no longer in it then.</summary>
    public List<ServedChunk> Take(int partition, long below)
    {
        if (!_partitions.TryGetValue(partition, out var chunks)) return [];
        var n = chunks.FindIndex(c => c.Range.To > below);
        var taken = chunks.GetRange(0, n < 0 ? chunks.Count : n);
        foreach (var chunk in taken) Rows -= chunk.Count;
        chunks.RemoveRange(0, taken.Count);
        return taken;
    }

    /// <summary>The answer to a row; null where it was not this node's, or is too long ago.</summary>
    public (ServedChunk Chunk, int Row)? Find(int partition, long offset)
    {
        if (!_partitions.TryGetValue(partition, out var chunks)) return null;
        var (low, high) = (0, chunks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (chunks[middle].Range.From <= offset) low = middle;
            else high = middle - 1;
        }
        return low <= high && chunks[low].RowAt(offset) is var row and >= 0 ? (chunks[low], row) : null;
    }

    private void RemoveAt(List<ServedChunk> chunks, int i)
    {
        Rows -= chunks[i].Count;
        chunks.RemoveAt(i);
    }
}
