namespace StreamMLOps.Learning;

/// <summary>One tree of <see cref="OnlineIsolationForest"/> over the rows of a window, which it shares with the others.</summary>
internal sealed class IsolationTree(RowWindow window, int leaf)
{
    public const double Ln2 = 0.6931471805599453;
    private const int None = -1;
    // Draws of a split before a leaf is taken for one of equal rows.
    private const int Tries = 8;
    private readonly int[] _nodeOf = new int[window.Capacity];   // by slot: the leaf of its row
    private Node[] _nodes = [new() { Left = None, Right = None, Parent = None }];
    private int _used = 1;
    private int _free = None;                                    // nodes folded away, linked by their parents

    public static double Log2(double x) => DeterministicMath.Log(x) / Ln2;

    /// <summary>Splits above the row's leaf, and how many more its rows would take.</summary>
    public double Depth(in Row row)
    {
        var node = LeafOf(row, 0);
        return _nodes[node].Depth + Log2(Math.Max(1, (double)_nodes[node].Count / leaf));
    }

    /// <summary>Takes in the row of a slot.</summary>
    public void Learn(int slot, ref RandomSource random)
    {
        var row = window[slot];
        var node = 0;
        while (true)
        {
            _nodes[node].Count++;
            if (_nodes[node].Left == None) break;
            node = Child(node, row);
        }
        _nodeOf[slot] = node;
        if (_nodes[node].Count >= Full(node)) Split(node, ref random);
    }

    /// <summary>Takes out the row of a slot, before another takes its place.</summary>
    public void Forget(int slot)
    {
        var fold = None;
        for (var node = _nodeOf[slot]; node != None; node = _nodes[node].Parent)
        {
            _nodes[node].Count--;
            if (_nodes[node].Left != None && _nodes[node].Count < Full(node)) fold = node;
        }
        _nodeOf[slot] = None;
        if (fold != None) Fold(fold);
    }

    /// <summary>The same tree over a window that holds the same rows in the same slots.</summary>
    public IsolationTree Over(RowWindow other)
    {
        var tree = new IsolationTree(other, leaf) { _nodes = _nodes, _used = _used, _free = _free };
        _nodeOf.CopyTo(tree._nodeOf, 0);
        return tree;
    }

    /// <summary>Writes the splits in depth-first order; where rows are follows from them.</summary>
    public void Save(StateWriter writer) => Save(writer, 0);

    /// <summary>Replaces the tree, and finds the window's rows in it.</summary>
    public void Load(StateReader reader)
    {
        (_used, _free) = (1, None);
        _nodes[0] = new() { Left = None, Right = None, Parent = None };
        Load(reader, 0);
        for (var slot = 0; slot < window.Count; slot++)
        {
            var row = window[slot];
            for (var node = 0; ; node = Child(node, row))
            {
                _nodes[node].Count++;
                _nodeOf[slot] = node;
                if (_nodes[node].Left == None) break;
            }
        }
    }

    private void Save(StateWriter writer, int node)
    {
        writer.Flag(_nodes[node].Left != None);
        if (_nodes[node].Left == None) return;
        writer.UInt32(_nodes[node].Feature);
        writer.Double(_nodes[node].Threshold);
        Save(writer, _nodes[node].Left);
        Save(writer, _nodes[node].Right);
    }

    private void Load(StateReader reader, int node)
    {
        if (!reader.Flag()) return;
        if (Full(node) > window.Capacity) throw new StateFormatException("a tree is deeper than its window allows: the bytes are damaged");
        _nodes[node].Feature = reader.UInt32();
        _nodes[node].Threshold = reader.Finite();
        AddChildren(node);
        Load(reader, _nodes[node].Left);
        Load(reader, _nodes[node].Right);
    }

    private long Full(int node) => (long)leaf << _nodes[node].Depth;

    private void Split(int node, ref RandomSource random)
    {
        if (!TryDraw(node, ref random)) return;
        AddChildren(node);
        for (var place = 0; place < window.Count; place++)
        {
            var slot = window.SlotOf(place);
            if (_nodeOf[slot] != node) continue;
            var child = Child(node, window[slot]);
            _nodes[child].Count++;
            _nodeOf[slot] = child;
        }
        var (left, right) = (_nodes[node].Left, _nodes[node].Right);
        if (_nodes[left].Count >= Full(left)) Split(left, ref random);
        if (_nodes[right].Count >= Full(right)) Split(right, ref random);
    }

    // A feature that some row of the leaf has, and a place in its range over the leaf's rows, 0 where a row does not have it.
    private bool TryDraw(int node, ref RandomSource random)
    {
        for (var trial = 0; trial < Tries; trial++)
        {
            var one = window[SlotIn(node, random.Next(_nodes[node].Count))];
            if (one.Count == 0) continue;
            var feature = one.Indices[random.Next(one.Count)];
            var (low, high) = (double.PositiveInfinity, double.NegativeInfinity);
            for (var place = 0; place < window.Count; place++)
            {
                var slot = window.SlotOf(place);
                if (_nodeOf[slot] != node) continue;
                var value = RowDistance.Hold(ValueOf(window[slot], feature));
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
            var threshold = low + random.NextDouble() * (high - low);
            if (!(threshold < high)) continue;
            (_nodes[node].Feature, _nodes[node].Threshold) = (feature, threshold);
            return true;
        }
        return false;
    }

    private int SlotIn(int node, int number)
    {
        for (var place = 0; ; place++)
            if (_nodeOf[window.SlotOf(place)] == node && number-- == 0) return window.SlotOf(place);
    }

    private void Fold(int node)
    {
        for (var place = 0; place < window.Count; place++)
        {
            var slot = window.SlotOf(place);
            if (_nodeOf[slot] != None && IsBelow(_nodeOf[slot], node)) _nodeOf[slot] = node;
        }
        Release(_nodes[node].Left);
        Release(_nodes[node].Right);
        _nodes[node].Left = _nodes[node].Right = None;
    }

    private bool IsBelow(int node, int ancestor)
    {
        for (; node != None; node = _nodes[node].Parent)
            if (node == ancestor) return true;
        return false;
    }

    private void Release(int node)
    {
        if (_nodes[node].Left != None)
        {
            Release(_nodes[node].Left);
            Release(_nodes[node].Right);
        }
        _nodes[node].Parent = _free;
        _free = node;
    }

    private void AddChildren(int node)
    {
        var left = NewNode(node);
        var right = NewNode(node);
        _nodes[node].Left = left;
        _nodes[node].Right = right;
    }

    private int NewNode(int parent)
    {
        var node = _free;
        if (node != None) _free = _nodes[node].Parent;
        else node = _used++;
        if (node == _nodes.Length) Array.Resize(ref _nodes, 2 * _nodes.Length);
        _nodes[node] = new() { Left = None, Right = None, Parent = parent, Depth = _nodes[parent].Depth + 1 };
        return node;
    }

    private int LeafOf(in Row row, int node)
    {
        while (_nodes[node].Left != None) node = Child(node, row);
        return node;
    }

    private int Child(int node, in Row row) =>
        RowDistance.Hold(ValueOf(row, _nodes[node].Feature)) <= _nodes[node].Threshold ? _nodes[node].Left : _nodes[node].Right;

    private static double ValueOf(in Row row, uint feature)
    {
        var at = row.Indices.BinarySearch(feature);
        return at >= 0 ? row.Values[at] : 0;
    }

    private struct Node
    {
        public uint Feature;
        public double Threshold;
        public int Left;
        public int Right;
        public int Parent;
        public int Depth;
        public int Count;
    }
}
