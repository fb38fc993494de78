namespace StreamMLOps.Learning;

/// <summary>A node of a tree: a leaf, or a split with two children. In an adaptive tree every node has its error watched, and a split may have an alternate that grows beside it.</summary>
internal sealed class TreeNode
{
    private TreeNode(TreeSettings settings, int depth)
    {
        Depth = depth;
        if (settings.Adaptive) Error = new Adwin();
    }

    public TreeNode(TreeSettings settings, int depth, TreeLeaf leaf) : this(settings, depth) => Leaf = leaf;

    /// <summary>The leaf; null in a split.</summary>
    public TreeLeaf? Leaf { get; private set; }

    public int Depth { get; }

    public uint Feature { get; private set; }

    public double Threshold { get; private set; }

    public TreeNode? Left { get; set; }

    public TreeNode? Right { get; set; }

    public Adwin? Error { get; }

    /// <summary>Where splits are revisited: the leaf that the split was made from, which goes on to count.</summary>
    public TreeLeaf? Counts { get; private set; }

    public TreeNode? Alternate { get; set; }

    /// <summary>Whether a row goes right.</summary>
    public bool GoesRight(RowFeatures row) => row.Value(Feature) > Threshold;

    /// <summary>The child that a row goes to; itself where it is a leaf.</summary>
    public TreeNode Next(RowFeatures row) => Leaf is not null ? this : GoesRight(row) ? Right! : Left!;

    /// <summary>Makes the leaf a split.</summary>
    public void Split(in TreeSplit split, TreeNode left, TreeNode right, bool revisits)
    {
        if (revisits) Counts = Leaf ?? Counts;
        (Feature, Threshold, Left, Right, Leaf) = (split.Feature, split.Threshold, left, right, null);
    }

    /// <summary>Forgets the rows of the leaf.</summary>
    /// <param name="leaf">A new one in its place.</param>
    public void Restart(TreeLeaf leaf) => Leaf = leaf;

    /// <summary>Leaves below, alternates included.</summary>
    public int Leaves() => (Leaf is not null ? 1 : Left!.Leaves() + Right!.Leaves()) + (Alternate?.Leaves() ?? 0);

    /// <summary>Adds the class weights of all leaves below, without alternates.</summary>
    public void AddCounts(Span<double> counts)
    {
        if (Leaf is null)
        {
            Left!.AddCounts(counts);
            Right!.AddCounts(counts);
            return;
        }
        for (var c = 0; c < Leaf.Counts.Length; c++) counts[c] += Leaf.Counts[c];
    }

    public void Save(StateWriter writer)
    {
        writer.Flag(Leaf is null);
        Error?.Save(writer);
        if (Leaf is not null)
        {
            Leaf.Save(writer);
            return;
        }
        writer.UInt32(Feature);
        writer.Double(Threshold);
        Counts?.Save(writer);
        Left!.Save(writer);
        Right!.Save(writer);
        writer.Flag(Alternate is not null);
        Alternate?.Save(writer);
    }

    /// <param name="reader">The bytes.</param>
    /// <param name="format">Format of the tree.</param>
    /// <param name="settings">Settings of the tree.</param>
    /// <param name="classes">Classes seen.</param>
    /// <param name="depth">Splits above.</param>
    public static TreeNode Load(StateReader reader, int format, TreeSettings settings, int classes, int depth)
    {
        if (depth > settings.MaxDepth) throw new StateFormatException($"the tree is deeper than {settings.MaxDepth}: load it with the settings it was saved with");
        var node = new TreeNode(settings, depth);
        var split = reader.Flag();
        node.Error?.Load(reader);
        if (!split)
        {
            node.Leaf = TreeLeaf.Load(reader, format, settings, classes);
            return node;
        }
        node.Feature = reader.UInt32();
        node.Threshold = reader.Finite();
        if (settings.Revisits) node.Counts = TreeLeaf.Load(reader, format, settings, classes);
        node.Left = Load(reader, format, settings, classes, depth + 1);
        node.Right = Load(reader, format, settings, classes, depth + 1);
        if (reader.Flag()) node.Alternate = Load(reader, format, settings, classes, depth);
        return node;
    }
}
