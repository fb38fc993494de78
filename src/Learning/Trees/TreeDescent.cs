namespace StreamMLOps.Learning;

/// <summary>
/// The way of one row down many trees at once, a level of each in turn: the next node of one is on its way from memory while the others are looked at, and so is what the leaves keep.
/// </summary>
internal sealed class TreeDescent(int trees)
{
    private readonly TreeNode?[] _nodes = new TreeNode?[trees];

    /// <summary>The tree's leaf for the row, once <see cref="Go"/> was called.</summary>
    public TreeNode? this[int tree]
    {
        get => _nodes[tree];
        set => _nodes[tree] = value;
    }

    /// <summary>Goes from the roots, which were set, to the leaves.</summary>
    public void Go(RowFeatures row)
    {
        var nodes = _nodes;
        for (var moved = true; moved;)
        {
            moved = false;
            for (var i = 0; i < nodes.Length; i++)
            {
                var node = nodes[i]!;
                var next = node.Next(row);
                moved |= next != node;
                nodes[i] = next;
            }
        }
        foreach (var node in nodes) node!.Leaf!.Prefetch();
    }
}
