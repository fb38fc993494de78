namespace StreamMLOps.Learning;

/// <summary>
/// A Hoeffding regression tree: a leaf is split where that lessens the standard deviation of its labels most, once Hoeffding's bound says that no other split is as good; leaves answer with
/// their mean or with a linear model (Ikonomovska, Gama and Džeroski, "Learning Model Trees from Evolving Data Streams", Data Mining and Knowledge Discovery 23, 2011). Splits are never undone: changes are
/// for the forest to find.
/// </summary>
internal sealed class RegressionTree
{
    private readonly TreeSettings _settings;
    private readonly RegressionAnswer _answer;
    private readonly TreeScratch _scratch;
    private RandomSource _random;
    private Node _root;
    private int _leaves = 1;

    public RegressionTree(TreeSettings settings, RegressionAnswer answer, TreeScratch scratch)
    {
        (_settings, _answer, _scratch, _random) = (settings, answer, scratch, new(settings.Seed));
        _root = new(0) { Leaf = Fresh(default, null) };
    }

    /// <summary>Predicts the label. The scratch's features must be those of the row.</summary>
    public double Predict(in Row row) => Find().Leaf!.Predict(row, _scratch);

    /// <summary>Predicts, then learns; both in one descent.</summary>
    public double PredictThenLearn(in Row row, double label, double weight)
    {
        if (weight == 0) return Predict(row);
        label = Math.Clamp(label, -TargetStatistic.LargestLabel, TargetStatistic.LargestLabel);
        var node = Find();
        var leaf = node.Leaf!;
        var answer = leaf.PredictThenLearn(row, label, Math.Min(weight, FeatureLikelihood.LargestWeight), _scratch);
        if (!leaf.IsDue || node.Depth >= _settings.MaxDepth || _leaves >= _settings.MaxLeaves) return answer;
        if (!leaf.TrySplit(out var feature, out var threshold, out var left, out var right)) return answer;
        node.Split(feature, threshold, new(node.Depth + 1) { Leaf = Fresh(left, leaf) }, new(node.Depth + 1) { Leaf = Fresh(right, leaf) });
        _leaves++;
        return answer;
    }

    /// <summary>
    /// What each split on the row's path added, and then what the leaf's model added to the leaf's mean; the baseline is the mean of the root (Saabas, "Interpreting random forests", 2014).
    /// </summary>
    public void Explain(in Row row, double share, Explanation explanation)
    {
        var node = _root;
        var value = node.Labels().Mean;
        explanation.Baseline += share * value;
        while (node.Leaf is null)
        {
            var feature = node.Feature;
            node = node.Next(_scratch.Features);
            var next = node.Labels().Mean;
            explanation.Add(feature, share * (next - value));
            value = next;
        }
        var leaf = node.Leaf;
        Occlusion.Explain(row, leaf.Predict(row, _scratch) - value, share, explanation, leaf, (RegressionLeaf l, in Row r) =>
        {
            _scratch.Features.Open(r);
            return l.Predict(r, _scratch);
        });
        _scratch.Features.Open(row);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("regression-tree", FormatOf(_answer));
        _random.Save(writer);
        _root.Save(writer);
    }

    public static RegressionTree Load(StateReader reader, TreeSettings settings, RegressionAnswer answer, TreeScratch scratch)
    {
        var tree = new RegressionTree(settings, answer, scratch);
        var format = reader.Section("regression-tree", FormatOf(answer));
        tree._random.Load(reader);
        tree._leaves = 0;
        tree._root = tree.LoadNode(reader, format, 0);
        return tree;
    }

    private static int FormatOf(RegressionAnswer answer) => answer == RegressionAnswer.Adaptive ? 2 : 1;

    private RegressionLeaf Fresh(in TargetStatistic start, RegressionLeaf? parent) => new(_settings, _answer, _random.NextUInt64(), start, parent);

    private Node Find()
    {
        var node = _root;
        while (node.Leaf is null) node = node.Next(_scratch.Features);
        return node;
    }

    private Node LoadNode(StateReader reader, int format, int depth)
    {
        if (depth > _settings.MaxDepth) throw new StateFormatException($"the tree is deeper than {_settings.MaxDepth}: load it with the settings it was saved with");
        var node = new Node(depth);
        if (!reader.Flag())
        {
            _leaves++;
            node.Leaf = RegressionLeaf.Load(reader, format, _settings, _answer);
            return node;
        }
        node.Split(reader.UInt32(), reader.Finite(), LoadNode(reader, format, depth + 1), LoadNode(reader, format, depth + 1));
        return node;
    }

    private sealed class Node(int depth)
    {
        private double _threshold;
        private Node? _left;
        private Node? _right;

        public int Depth => depth;

        public uint Feature { get; private set; }

        /// <summary>The leaf; null in a split.</summary>
        public RegressionLeaf? Leaf { get; set; }

        public Node Next(RowFeatures row) => row.Value(Feature) > _threshold ? _right! : _left!;

        public void Split(uint feature, double threshold, Node left, Node right) => (Feature, _threshold, _left, _right, Leaf) = (feature, threshold, left, right, null);

        /// <summary>The labels of all leaves below.</summary>
        public TargetStatistic Labels()
        {
            if (Leaf is not null) return Leaf.Labels;
            var labels = _left!.Labels();
            labels.Add(_right!.Labels());
            return labels;
        }

        public void Save(StateWriter writer)
        {
            writer.Flag(Leaf is null);
            if (Leaf is not null)
            {
                Leaf.Save(writer);
                return;
            }
            writer.UInt32(Feature);
            writer.Double(_threshold);
            _left!.Save(writer);
            _right!.Save(writer);
        }
    }
}
