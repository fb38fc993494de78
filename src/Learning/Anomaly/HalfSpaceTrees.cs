namespace StreamMLOps.Learning;

/// <summary>
/// Half-space trees: random trees of a fixed depth whose nodes count rows; a row that falls where few rows of the last window fell is unusual
/// (Tan, Ting and Liu, "Fast Anomaly Detection for Streaming Data", IJCAI 2011). Features need not be known beforehand: each node splits on one drawn from those
/// seen, weighted by how often, at the value halfway through the node's part of the feature's range; trees are drawn anew, one each window in
/// turn, so that features seen late take part.
/// </summary>
public static class HalfSpaceTrees
{
    /// <summary>The kind <c>half-space-trees</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "half-space-trees", 1, LearningTask.Anomaly,
        "How unusual a row is beside the last window, without labels: constant memory and time, any number of features.",
        "Tan, Ting and Liu, IJCAI 2011, 1511-1516",
        [
            new Parameter.Integer("trees", 25, 1, 1_000, "Trees."),
            new Parameter.Integer("depth", 8, 1, 16, "Splits from the root to a leaf."),
            new Parameter.Integer("window", 250, 2, 10_000_000, "Rows of the window that rows are compared with."),
            new Parameter.Integer("features", 1_000, 1, 1_000_000, "Features kept to draw from, a random sample of those of the rows."),
        ],
        spec => new HalfSpaceTreesModel(spec))
    { BoundedMemory = true };
}

internal sealed class HalfSpaceTreesModel : IModel
{
    private const double Largest = 1e100;
    private readonly int _depth;
    private readonly int _window;
    private readonly Tree[] _trees;
    private readonly Candidate[] _candidates;    // a reservoir sample of (feature, value) pairs of the rows
    private long _offered;
    private int _kept;
    private long _rows;
    private RandomSource _random;

    // The features that nodes split on, found once a row for all trees; not state, made anew with every tree that is drawn.
    private FeatureIndex _index = new();
    private int[] _cells = new int[64];
    private double[] _values = new double[1];    // by cell, of the row at work; 0 otherwise

    public HalfSpaceTreesModel(ModelSpec spec)
    {
        Spec = spec;
        _depth = (int)spec.Values.Integer("depth");
        _window = (int)spec.Values.Integer("window");
        _candidates = new Candidate[spec.Values.Integer("features")];
        _random = new RandomSource(spec.Seed);
        _trees = new Tree[spec.Values.Integer("trees")];
        for (var t = 0; t < _trees.Length; t++) _trees[t] = new Tree(_depth);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    /// <summary>0 where every tree puts the row among the crowd, towards 1 where few rows of the last window were near; 0.5 before the first window is full.</summary>
    public void Predict(in Row row, Span<double> scores)
    {
        if (_rows < _window)
        {
            scores[0] = 0.5;
            return;
        }
        Open(row);
        scores[0] = Score();
        Close(row);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (_rows < _window || weight == 0)
        {
            Predict(row, scores);
            Learn(row, label, weight);
            return;
        }
        Open(row);
        scores[0] = Score();
        foreach (var tree in _trees) tree.Count(_values, _depth);
        Close(row);
        // Counting draws no numbers, so that it may come before what does.
        Offer(row);
        Turn();
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight == 0) return;
        Offer(row);
        if (_rows == 0)
        {
            foreach (var tree in _trees) tree.Draw(_candidates.AsSpan(0, _kept), ref _random);
            FindSplits();
        }
        Open(row);
        foreach (var tree in _trees) tree.Count(_values, _depth);
        Close(row);
        Turn();
    }

    public void Save(StateWriter writer)
    {
        writer.Section("half-space-trees", 1);
        _random.Save(writer);
        writer.Int64(_rows);
        writer.Int64(_offered);
        writer.Int32(_kept);
        for (var i = 0; i < _kept; i++)
        {
            writer.UInt32(_candidates[i].Feature);
            writer.Double(_candidates[i].Value);
        }
        foreach (var tree in _trees) tree.Save(writer);
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new HalfSpaceTreesModel(Spec);
        fresh.Read(reader);
        (_random, _rows, _offered, _kept) = (fresh._random, fresh._rows, fresh._offered, fresh._kept);
        fresh._candidates.CopyTo(_candidates, 0);
        fresh._trees.CopyTo(_trees, 0);
        (_index, _values) = (fresh._index, fresh._values);
    }

    private void Read(StateReader reader)
    {
        reader.Section("half-space-trees", 1);
        _random.Load(reader);
        _rows = reader.Count64();
        _offered = reader.Count64();
        _kept = reader.Count32(_candidates.Length);
        for (var i = 0; i < _kept; i++) _candidates[i] = new(reader.UInt32(), reader.Finite());
        foreach (var tree in _trees) tree.Load(reader);
        if (_rows > 0) FindSplits();
    }

    // The mass of a node of depth d in rows times 2^d, as if the rows were spread evenly: the reference of the paper, shrunk to (0, 1).
    private double Score()
    {
        var sum = 0.0;
        foreach (var tree in _trees) sum += 1 / (1 + tree.Mass(_values, _depth, _window) / _window);
        return sum / _trees.Length;
    }

    private void Turn()
    {
        _rows++;
        if (_rows % _window != 0) return;
        foreach (var tree in _trees) tree.Turn();
        // One each window, in turn.
        var turn = _rows / _window;
        if (turn <= 1) return;
        _trees[turn % _trees.Length].Redraw(_candidates.AsSpan(0, _kept), ref _random);
        FindSplits();
    }

    private void FindSplits()
    {
        _index = new();
        foreach (var tree in _trees) tree.FindSplits(_index);
        _values = new double[_index.Count + 1];
    }

    // Lays out the row's values where the nodes look for them.
    private void Open(in Row row)
    {
        if (row.Count > _cells.Length) _cells = new int[Math.Max(row.Count, 2 * _cells.Length)];
        _index.Find(row.Indices, _cells);
        for (var k = 0; k < row.Count; k++) _values[_cells[k]] = row.Values[k];
        // Cell 0 stands for all other features.
        _values[0] = 0;
    }

    private void Close(in Row row)
    {
        foreach (var cell in _cells.AsSpan(0, row.Count)) _values[cell] = 0;
    }

    private void Offer(in Row row)
    {
        for (var k = 0; k < row.Count; k++) Offer(row.Indices[k], Math.Clamp(row.Values[k], -Largest, Largest));
    }

    // Vitter's algorithm R: every pair of all rows so far is in the sample with the same chance.
    private void Offer(uint feature, double value)
    {
        _offered++;
        if (_kept < _candidates.Length)
        {
            _candidates[_kept++] = new(feature, value);
            return;
        }
        var at = (long)(_random.NextDouble() * _offered);
        if (at < _kept) _candidates[at] = new(feature, value);
    }

    private readonly record struct Candidate(uint Feature, double Value);

    /// <summary>A complete binary tree in arrays: the children of node n are 2n + 1 and 2n + 2.</summary>
    private sealed class Tree(int depth)
    {
        private readonly uint[] _features = new uint[(1 << depth) - 1];
        private readonly int[] _cells = new int[(1 << depth) - 1];     // of the features
        private readonly double[] _thresholds = new double[(1 << depth) - 1];
        private long[] _reference = new long[(2 << depth) - 1];
        private long[] _latest = new long[(2 << depth) - 1];
        private bool _isNew;       // drawn within this window: no reference yet

        /// <summary>Draws the splits: a feature and a value of it from the sample, moved a random part of the way to 0, which is what rows without the feature have.</summary>
        public void Draw(ReadOnlySpan<Candidate> candidates, ref RandomSource random)
        {
            for (var n = 0; n < _features.Length; n++)
            {
                if (candidates.IsEmpty) continue;
                var drawn = candidates[random.Next(candidates.Length)];
                var other = candidates[random.Next(candidates.Length)];
                _features[n] = drawn.Feature;
                // Between two values where both are of one feature, else between the value and 0.
                _thresholds[n] = drawn.Value + random.NextDouble() * ((other.Feature == drawn.Feature ? other.Value : 0) - drawn.Value);
            }
        }

        public void Redraw(ReadOnlySpan<Candidate> candidates, ref RandomSource random)
        {
            Draw(candidates, ref random);
            Array.Clear(_reference);
            Array.Clear(_latest);
            _isNew = true;
        }

        public void FindSplits(FeatureIndex index) => index.FindOrAdd(_features, _cells);

        public void Count(ReadOnlySpan<double> values, int levels)
        {
            var node = 0;
            for (var level = 0; ; level++)
            {
                _latest[node]++;
                if (level == levels) return;
                node = Child(node, values);
            }
        }

        /// <summary>Rows of the last window at the deepest node that still had some, times 2 to the power of its depth.</summary>
        public double Mass(ReadOnlySpan<double> values, int levels, int window)
        {
            // A tree without a window of its own has no opinion.
            if (_isNew) return window;
            // Below so few rows, counts are chance (the paper's size limit).
            var few = 0.1 * window;
            var node = 0;
            for (var level = 0; ; level++)
            {
                if (level == levels || _reference[node] <= few) return _reference[node] * (double)(1L << level);
                node = Child(node, values);
            }
        }

        public void Turn()
        {
            (_reference, _latest) = (_latest, _reference);
            Array.Clear(_latest);
            _isNew = false;
        }

        public void Save(StateWriter writer)
        {
            writer.Flag(_isNew);
            writer.Array<uint>(_features);
            writer.Array<double>(_thresholds);
            SaveCounts(writer, _reference);
            SaveCounts(writer, _latest);
        }

        public void Load(StateReader reader)
        {
            _isNew = reader.Flag();
            if (reader.Array<uint>(_features) != _features.Length) throw new StateFormatException("nodes are missing: the bytes are damaged");
            reader.Finite(_thresholds);
            LoadCounts(reader, _reference);
            LoadCounts(reader, _latest);
        }

        // Most nodes count nothing.
        private static void SaveCounts(StateWriter writer, long[] counts)
        {
            var used = 0;
            foreach (var count in counts) used += count != 0 ? 1 : 0;
            writer.Int32(used);
            for (var n = 0; n < counts.Length; n++)
            {
                if (counts[n] == 0) continue;
                writer.Int32(n);
                writer.Int64(counts[n]);
            }
        }

        private static void LoadCounts(StateReader reader, long[] counts)
        {
            Array.Clear(counts);
            var used = reader.Count32(counts.Length);
            for (int i = 0, last = -1; i < used; i++)
            {
                var n = reader.Int32();
                var count = reader.Int64();
                if (n <= last || n >= counts.Length || count <= 0) throw new StateFormatException($"node {n} with {count} rows is impossible: the bytes are damaged");
                counts[last = n] = count;
            }
        }

        private int Child(int node, ReadOnlySpan<double> values) => 2 * node + (values[_cells[node]] <= _thresholds[node] ? 1 : 2);
    }
}
