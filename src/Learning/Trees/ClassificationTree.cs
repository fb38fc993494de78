namespace StreamMLOps.Learning;

/// <summary>
/// A Hoeffding tree: a leaf is split once the best split is better than the second best by more than Hoeffding's bound allows for chance
/// (Domingos and Hulten, "Mining High-Speed Data Streams", KDD 2000). Adaptive, the error of every node is watched by ADWIN: where it rises, an alternate
/// subtree grows and takes over once it is better (Bifet and Gavaldà, "Adaptive Learning from Evolving Data Streams", IDA 2009). Splits are found among the features
/// seen at the leaf, so a feature first seen late can be split on.
/// </summary>
internal sealed class ClassificationTree
{
    private const int FewestForSwap = 300;
    private readonly TreeSettings _settings;
    private readonly TreeScratch _scratch;
    private RandomSource _random;
    private TreeNode _root;
    private int _leaves = 1;

    public ClassificationTree(TreeSettings settings, int classes, TreeScratch? scratch = null)
    {
        _settings = settings;
        _scratch = scratch ?? new();
        _random = new RandomSource(settings.Seed);
        Classes = classes;
        _root = Fresh(0, []);
    }

    /// <summary>Classes seen.</summary>
    public int Classes { get; private set; }

    /// <summary>Leaves, those of alternates included.</summary>
    public int Leaves => _leaves;

    /// <summary>Writes the share of each class, <see cref="Classes"/> of them.</summary>
    public void Predict(in Row row, Span<double> shares)
    {
        var node = _root;
        while (node.Leaf is null) node = node.GoesRight(row) ? node.Right! : node.Left!;
        node.Leaf.Predict(row, _scratch, shares);
    }

    public void Learn(in Row row, int label, double weight)
    {
        if (weight == 0) return;
        weight = Math.Min(weight, FeatureLikelihood.LargestWeight);
        Classes = Math.Max(Classes, label + 1);
        if (_settings.Adaptive) _root = LearnAdaptively(_root, row, label, weight, out _);
        else
        {
            var node = _root;
            while (node.Leaf is null) node = node.GoesRight(row) ? node.Right! : node.Left!;
            LearnAt(node, row, label, weight);
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Section("classification-tree", 1);
        writer.Int32(Classes);
        _random.Save(writer);
        _root.Save(writer);
    }

    /// <summary>A tree from saved bytes.</summary>
    public static ClassificationTree Load(StateReader reader, TreeSettings settings, int classesAtStart, int mostClasses, TreeScratch? scratch = null)
    {
        var tree = new ClassificationTree(settings, classesAtStart, scratch);
        reader.Section("classification-tree", 1);
        tree.Classes = reader.Count32(mostClasses);
        if (tree.Classes < classesAtStart) throw new StateFormatException($"{tree.Classes} classes: the bytes are damaged");
        tree._random.Load(reader);
        tree._root = TreeNode.Load(reader, settings, tree.Classes, 0);
        tree._leaves = tree._root.Leaves();
        return tree;
    }

    private TreeNode Fresh(int depth, ReadOnlySpan<double> counts) => new(_settings, depth, new TreeLeaf(_settings, _random.NextUInt64(), counts));

    private void LearnAt(TreeNode node, in Row row, int label, double weight)
    {
        var leaf = node.Leaf!;
        leaf.Learn(row, label, weight, Classes, _scratch);
        if (!leaf.IsDue || node.Depth >= _settings.MaxDepth || _leaves >= _settings.MaxLeaves) return;
        if (!leaf.TrySplit(_scratch, out var split)) return;
        var left = Fresh(node.Depth + 1, _scratch.Left.AsSpan(0, Classes));
        var right = Fresh(node.Depth + 1, _scratch.Right.AsSpan(0, Classes));
        node.Split(split, left, right);
        _leaves++;
    }

    // Learns below a node; the node that belongs in its place, and what the tree below would have answered.
    private TreeNode LearnAdaptively(TreeNode node, in Row row, int label, double weight, out bool right)
    {
        if (node.Leaf is { } leaf)
        {
            var shares = _scratch.First(Classes);
            leaf.Predict(row, _scratch, shares);
            right = TreeScratch.Largest(shares) == label;
            node.Error!.Update(right ? 0 : 1);
            LearnAt(node, row, label, weight);
            return node;
        }
        if (node.GoesRight(row)) node.Right = LearnAdaptively(node.Right!, row, label, weight, out right);
        else node.Left = LearnAdaptively(node.Left!, row, label, weight, out right);

        var before = node.Error!.Mean;
        var drift = node.Error.Update(right ? 0 : 1) == DriftState.Drift && node.Error.Mean > before;
        if (node.Alternate is null)
        {
            if (!drift || _leaves >= _settings.MaxLeaves) return node;
            node.Alternate = Fresh(node.Depth, []);
            _leaves++;
            return node;
        }
        node.Alternate = LearnAdaptively(node.Alternate, row, label, weight, out _);
        return Better(node, node.Alternate);
    }

    private TreeNode Better(TreeNode node, TreeNode alternate)
    {
        if (node.Error!.Width < FewestForSwap || alternate.Error!.Width < FewestForSwap) return node;
        var (now, then) = (node.Error.Mean, alternate.Error.Mean);
        var bound = Math.Sqrt(2 * now * (1 - now) * DeterministicMath.Log(2 / 0.05) * (1.0 / node.Error.Width + 1.0 / alternate.Error.Width));
        if (now - then > bound)
        {
            node.Alternate = null;
            _leaves -= node.Leaves();
            return alternate;
        }
        if (then - now > bound)
        {
            _leaves -= alternate.Leaves();
            node.Alternate = null;
        }
        return node;
    }
}
