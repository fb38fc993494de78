namespace StreamMLOps.Learning;

/// <summary>
/// Counts of terms become their share of the document, weighted by how rare the term is among the documents so far:
/// <c>tf * (ln((1 + n) / (1 + df)) + 1)</c>, with Euclidean length 1 (Salton and Buckley, "Term-Weighting Approaches in Automatic Text Retrieval",
/// Information Processing and Management 24, 1988; smoothed as if one document more had every term).
/// </summary>
public static class TfIdf
{
    /// <summary>The kind <c>tf-idf</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "tf-idf", "Terms weigh by how often they are in a document and how rare they are among documents.",
        "Salton and Buckley, Information Processing and Management 24 (1988), 513-523",
        [new Parameter.Flag("normalize", true, "Every document has the Euclidean length 1.")],
        p => new TermWeights(p.Flag("normalize")));

    private sealed class TermWeights(bool normalize) : ITransformer
    {
        private FeatureIndex _index = new();
        private long[] _documents = new long[64];    // with the term of cell c: at c - 1
        private long _rows;
        private int[] _cells = new int[64];
        private double[] _weights = new double[64];

        public void Learn(in Row row)
        {
            Reserve(row.Count);
            _index.FindOrAdd(row.Indices, _cells);
            if (_index.Count > _documents.Length) Array.Resize(ref _documents, Math.Max(_index.Count, _documents.Length * 2));
            for (var k = 0; k < row.Count; k++) _documents[_cells[k] - 1]++;
            _rows++;
        }

        public void Transform(in Row row, RowBatch output)
        {
            Reserve(row.Count);
            _index.Find(row.Indices, _cells);
            var terms = 0.0;
            foreach (var value in row.Values) terms += Math.Abs(Scaling.Hold(value));
            var squares = 0.0;
            for (var k = 0; k < row.Count; k++)
            {
                var documents = _cells[k] == 0 ? 0 : _documents[_cells[k] - 1];
                var rarity = DeterministicMath.Log((1.0 + _rows) / (1.0 + documents)) + 1;
                _weights[k] = Scaling.Hold(row.Values[k]) / terms * rarity;
                squares += _weights[k] * _weights[k];
            }
            var scale = normalize && squares > 0 ? Math.Sqrt(squares) : 1;
            for (var k = 0; k < row.Count; k++) output.Add(row.Indices[k], _weights[k] / scale);
        }

        public void Save(StateWriter writer)
        {
            writer.Section("tf-idf", 1);
            writer.Int64(_rows);
            var features = new uint[_index.Count];
            _index.CopyTo(features);
            writer.Array<uint>(features);
            writer.Array<long>(_documents.AsSpan(0, features.Length));
        }

        public void Load(StateReader reader)
        {
            reader.Section("tf-idf", 1);
            var rows = reader.Count64();
            var index = FeatureIndex.Restore(reader.Array<uint>());
            var documents = reader.Array<long>();
            if (documents.Length != index.Count) throw new StateFormatException($"{documents.Length} counts for {index.Count} terms: the bytes are damaged");
            foreach (var count in documents)
                if (count < 0 || count > rows) throw new StateFormatException($"a term is in {count} of {rows} documents: the bytes are damaged");
            if (documents.Length < 64) Array.Resize(ref documents, 64);
            (_rows, _index, _documents) = (rows, index, documents);
        }

        private void Reserve(int count)
        {
            if (count > _cells.Length) (_cells, _weights) = (new int[count * 2], new double[count * 2]);
        }
    }
}
