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
    private const double TieOfErrors = 0.01; // two errors that differ by less, as far as chance allows to tell, are as good as each other
    private const double Fading = 0.99;      // of errors, from one row to the next
    private readonly TreeSettings _settings;
    private readonly TreeScratch _scratch;
    private RandomSource _random;
    private readonly TreeBayes? _whole;      // for adaptive leaves
    private double _ownErrors;               // faded; where there is a shared one too
    private double _sharedErrors;
    private TreeNode _root;
    private int _leaves = 1;

    public ClassificationTree(TreeSettings settings, int classes, TreeScratch? scratch = null)
    {
        _settings = settings;
        _scratch = scratch ?? new();
        _random = new RandomSource(settings.Seed);
        Classes = classes;
        if (settings.Leaf == LeafAnswer.Adaptive && !settings.SharedBayes) _whole = new(settings.Features, settings.RowWeight);
        _root = Fresh(0, []);
    }

    /// <summary>Classes seen.</summary>
    public int Classes { get; private set; }

    /// <summary>Leaves, those of alternates included.</summary>
    public int Leaves => _leaves;

    /// <summary>Naive Bayes over all rows, read from a state in which each tree of a forest still had its own.</summary>
    public TreeBayes? Earlier { get; private set; }

    /// <summary>Writes the share of each class, <see cref="Classes"/> of them. The scratch's features must be those of the row, or of a row that this one is a sample of.</summary>
    /// <param name="row">The row.</param>
    /// <param name="shares">Receives them.</param>
    /// <param name="shared">What naive Bayes over all rows answers, where the trees of a forest share one; not in the scratch's <see cref="TreeScratch.Whole"/>, which is the tree's own.</param>
    public void Predict(in Row row, Span<double> shares, ReadOnlySpan<double> shared = default)
    {
        var whole = shared;
        if (_whole is not null)
        {
            var own = _scratch.Whole(Classes);
            _whole.Predict(row, _scratch, own);
            if (TakesOwn) whole = own;
        }
        Leaf().Predict(row, whole, _scratch, shares);
    }

    public void Learn(in Row row, int label, double weight, ReadOnlySpan<double> shared = default) => PredictThenLearn(row, label, weight, _scratch.Unread(Classes), shared);

    /// <summary>Where the way of a row begins, for who goes down many trees at once (<see cref="TreeDescent"/>); not in trees that learn on the way.</summary>
    public TreeNode Root => _root;

    /// <summary>Predicts, then learns: one after the other, with the work that both need done once.</summary>
    /// <param name="row">The row.</param>
    /// <param name="label">Its class.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="shares">Receives what the tree answers before it learns.</param>
    /// <param name="shared">Naive Bayes over all rows, where the trees of a forest share one.</param>
    /// <param name="found">The row's leaf, where it was found before; the tree must not have learned since.</param>
    public void PredictThenLearn(in Row row, int label, double weight, Span<double> shares, ReadOnlySpan<double> shared = default, TreeNode? found = null)
    {
        if (weight == 0)
        {
            Predict(row, shares, shared);
            return;
        }
        weight = Math.Min(weight, FeatureLikelihood.LargestWeight);
        var whole = shared;
        if (_whole is not null)
        {
            var own = _scratch.Whole(Classes);
            _whole.PredictThenLearn(row, label, weight, _scratch, own);
            if (TakesOwn) whole = own;
            if (_settings.ComparesBayes)
            {
                _ownErrors = Fading * _ownErrors + (TreeScratch.Largest(own) == label ? 0 : 1);
                _sharedErrors = Fading * _sharedErrors + (TreeScratch.Largest(shared) == label ? 0 : 1);
            }
        }
        Classes = Math.Max(Classes, label + 1);
        if (_settings.Adaptive)
        {
            _root = LearnAdaptively(_root, row, label, weight, whole, shares);
            return;
        }
        var node = found ?? _root;
        while (node.Leaf is null) node = node.GoesRight(_scratch.Features) ? node.Right! : node.Left!;
        LearnAt(node, row, label, weight, whole, shares);
        if (_settings.Revisits) Revisit(node, row, label, weight, whole);
    }

    /// <summary>
    /// What each split on the row's path added to a class's share, and then what the leaf's naive Bayes added to the leaf's share; the baseline is the share at the root
    /// (Saabas, "Interpreting random forests", 2014; for the leaf <see cref="Occlusion"/>).
    /// </summary>
    /// <param name="row">The row, or the sample of it that the tree sees; the scratch's features must be those of the whole row.</param>
    /// <param name="output">The class.</param>
    /// <param name="part">What all contributions are multiplied by.</param>
    /// <param name="explanation">Receives them.</param>
    /// <param name="shared">Naive Bayes over all rows, where the trees of a forest share it.</param>
    public void Explain(in Row row, int output, double part, Explanation explanation, TreeBayes? shared = null)
    {
        var node = _root;
        var value = ShareAt(node, output);
        explanation.Baseline += part * value;
        while (node.Leaf is null)
        {
            var feature = node.Feature;
            node = node.GoesRight(_scratch.Features) ? node.Right! : node.Left!;
            var next = ShareAt(node, output);
            explanation.Add(feature, part * (next - value));
            value = next;
        }
        var shares = new double[Classes];
        var whole = new double[Classes];
        var bayes = _whole is not null && TakesOwn ? _whole : shared;
        var leaf = node.Leaf;
        double Answer(TreeLeaf of, in Row to)
        {
            _scratch.Features.Open(to);
            bayes?.Predict(to, _scratch, whole);
            of.Predict(to, whole, _scratch, shares);
            return shares[output];
        }
        Occlusion.Explain(row, Answer(leaf, row) - value, part, explanation, leaf, Answer);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("classification-tree", FormatOf(_settings));
        writer.Int32(Classes);
        _random.Save(writer);
        _whole?.Save(writer, Classes);
        if (_settings.ComparesBayes)
        {
            writer.Double(_ownErrors);
            writer.Double(_sharedErrors);
        }
        _root.Save(writer);
    }

    /// <summary>A tree from saved bytes.</summary>
    public static ClassificationTree Load(StateReader reader, TreeSettings settings, int classesAtStart, int mostClasses, TreeScratch? scratch = null)
    {
        var tree = new ClassificationTree(settings, classesAtStart, scratch);
        var format = reader.Section("classification-tree", FormatOf(settings));
        tree.Classes = reader.Count32(mostClasses);
        if (tree.Classes < classesAtStart) throw new StateFormatException($"{tree.Classes} classes: the bytes are damaged");
        tree._random.Load(reader);
        if (format == 1 && settings.SharedBayes) tree.Earlier = new(settings.Features, 1);
        (tree._whole ?? tree.Earlier)?.Load(reader, tree.Classes);
        // A shared one that was not there when the tree was saved must prove itself before it is asked.
        if (settings.ComparesBayes) (tree._ownErrors, tree._sharedErrors) = format < 3 ? (0, 1 / (1 - Fading)) : (reader.Finite(), reader.Finite());
        tree._root = TreeNode.Load(reader, format, settings, tree.Classes, 0);
        tree._leaves = tree._root.Leaves();
        return tree;
    }

    // Which naive Bayes over all rows the leaves are told of: the tree's, or the one of all trees where it errs less of late.
    private bool TakesOwn => !_settings.ComparesBayes || _ownErrors <= _sharedErrors;

    private double ShareAt(TreeNode node, int output)
    {
        var counts = new double[Classes];
        node.AddCounts(counts);
        Probabilities.FromWeights(counts);
        return counts[output];
    }

    private static int FormatOf(TreeSettings settings) => settings.ComparesBayes ? 3 : 2;

    private TreeNode Fresh(int depth, ReadOnlySpan<double> counts) => new(_settings, depth, NewLeaf(counts));

    private TreeLeaf NewLeaf(ReadOnlySpan<double> counts) => new(_settings, _random.NextUInt64(), counts);

    private TreeLeaf Leaf()
    {
        var node = _root;
        while (node.Leaf is null) node = node.GoesRight(_scratch.Features) ? node.Right! : node.Left!;
        return node.Leaf;
    }

    private void LearnAt(TreeNode node, in Row row, int label, double weight, ReadOnlySpan<double> whole, Span<double> shares)
    {
        var leaf = node.Leaf!;
        leaf.PredictThenLearn(row, label, weight, Classes, whole, _scratch, shares);
        if (!leaf.IsDue || node.Depth >= _settings.MaxDepth || _leaves >= _settings.MaxLeaves) return;
        if (!leaf.TrySplit(_scratch, out var split)) return;
        var left = Fresh(node.Depth + 1, _scratch.Left.AsSpan(0, Classes));
        var right = Fresh(node.Depth + 1, _scratch.Right.AsSpan(0, Classes));
        left.Leaf!.Inherit(leaf);
        right.Leaf!.Inherit(leaf);
        node.Split(split, left, right, _settings.Revisits);
        if (node.Counts is null) leaf.Free();
        _leaves++;
    }

    // Every split above a leaf counts the row, and gives way, with all that is below it, to one that proves better
    // (Manapragada, Webb and Salehi, "Extremely Fast Decision Tree", KDD 2018).
    private void Revisit(TreeNode leaf, in Row row, int label, double weight, ReadOnlySpan<double> whole)
    {
        for (var node = _root; node != leaf; node = node.GoesRight(_scratch.Features) ? node.Right! : node.Left!)
        {
            var counts = node.Counts!;
            counts.PredictThenLearn(row, label, weight, Classes, whole, _scratch, _scratch.Unread(Classes));
            if (!counts.IsDue || !counts.TryReplace(node.Feature, node.Threshold, _scratch, out var split)) continue;
            _leaves += 2 - node.Left!.Leaves() - node.Right!.Leaves();
            var left = Fresh(node.Depth + 1, _scratch.Left.AsSpan(0, Classes));
            var right = Fresh(node.Depth + 1, _scratch.Right.AsSpan(0, Classes));
            left.Leaf!.Inherit(counts);
            right.Leaf!.Inherit(counts);
            node.Split(split, left, right, revisits: true);
            return;
        }
    }

    // Learns below a node; the node that belongs in its place, and what the tree below would have answered.
    private TreeNode LearnAdaptively(TreeNode node, in Row row, int label, double weight, ReadOnlySpan<double> whole, Span<double> shares)
    {
        if (node.Leaf is not null)
        {
            LearnAt(node, row, label, weight, whole, shares);
            if (Rises(node, TreeScratch.Largest(shares) == label) && _settings.RestartsLeaves && node.Leaf is not null) node.Restart(NewLeaf([]));
            return node;
        }
        if (node.GoesRight(_scratch.Features)) node.Right = LearnAdaptively(node.Right!, row, label, weight, whole, shares);
        else node.Left = LearnAdaptively(node.Left!, row, label, weight, whole, shares);
        var right = TreeScratch.Largest(shares) == label;

        var drift = Rises(node, right);
        if (node.Alternate is null)
        {
            if (!drift || _leaves >= _settings.MaxLeaves) return node;
            node.Alternate = Fresh(node.Depth, []);
            _leaves++;
            return node;
        }
        node.Alternate = LearnAdaptively(node.Alternate, row, label, weight, whole, _scratch.Unread(shares.Length));
        return Better(node, node.Alternate);
    }

    // Whether the error of a node is larger than it was.
    private static bool Rises(TreeNode node, bool right)
    {
        var before = node.Error!.Mean;
        return node.Error.Update(right ? 0 : 1) == DriftState.Drift && node.Error.Mean > before;
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
        // One that is as good costs as much as what it would replace, on every row, and so do those that grow within it.
        if (then - now > bound || (_settings.EndsTies && bound < TieOfErrors))
        {
            _leaves -= alternate.Leaves();
            node.Alternate = null;
        }
        return node;
    }
}
