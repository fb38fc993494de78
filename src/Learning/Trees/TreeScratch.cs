namespace StreamMLOps.Learning;

/// <summary>Buffers that the nodes of a tree share; nothing of it is state.</summary>
internal sealed class TreeScratch
{
    private int[] _cells = new int[64];
    private int[] _known = new int[64];
    private double[] _counts = [];
    private readonly double[][] _shares = [new double[2], new double[2], new double[2], new double[2], new double[2]];

    /// <summary>The row that is being worked on, whole.</summary>
    public RowFeatures Features { get; } = new();

    public FeatureSample Sample { get; } = new();

    /// <summary>Class weights left and right of a split.</summary>
    public double[] Left { get; private set; } = new double[2];

    public double[] Right { get; private set; } = new double[2];

    /// <summary>Of the feature whose splits are looked for, by class: rows that have it, and mean and deviation of its values there.</summary>
    public double[] Present { get; private set; } = new double[2];

    public double[] Means { get; private set; } = new double[2];

    public double[] Deviations { get; private set; } = new double[2];

    public Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }

    /// <summary>A count for each of so many features.</summary>
    public Span<double> Counts(int count)
    {
        if (count > _counts.Length) _counts = new double[Math.Max(count, _counts.Length * 2)];
        return _counts.AsSpan(0, count);
    }

    /// <summary>Cells as a prediction sees them that comes before learning: those above <paramref name="known"/> are new, and so none.</summary>
    public ReadOnlySpan<int> Known(ReadOnlySpan<int> cells, int known)
    {
        if (cells.Length > _known.Length) _known = new int[Math.Max(cells.Length, _known.Length * 2)];
        for (var k = 0; k < cells.Length; k++) _known[k] = cells[k] <= known ? cells[k] : 0;
        return _known.AsSpan(0, cells.Length);
    }

    /// <summary>What a leaf's majority says.</summary>
    public Span<double> Majority(int classes) => Shares(0, classes);

    /// <summary>What a leaf's naive Bayes says.</summary>
    public Span<double> Bayes(int classes) => Shares(1, classes);

    /// <summary>What the whole tree's naive Bayes says.</summary>
    public Span<double> Whole(int classes) => Shares(2, classes);

    /// <summary>What the naive Bayes of all trees says.</summary>
    public Span<double> Shared(int classes) => Shares(4, classes);

    /// <summary>An answer nobody reads.</summary>
    public Span<double> Unread(int classes) => Shares(3, classes);

    public void ReserveSides(int classes)
    {
        if (classes <= Left.Length) return;
        (Left, Right) = (new double[classes], new double[classes]);
        (Present, Means, Deviations) = (new double[classes], new double[classes], new double[classes]);
    }

    /// <summary>The class with the largest share, the lowest of equal ones; -1 where there is none.</summary>
    public static int Largest(ReadOnlySpan<double> shares)
    {
        var largest = shares.IsEmpty ? -1 : 0;
        for (var c = 1; c < shares.Length; c++)
            if (shares[c] > shares[largest]) largest = c;
        return largest;
    }

    private Span<double> Shares(int which, int classes)
    {
        if (classes > _shares[which].Length) _shares[which] = new double[classes];
        return _shares[which].AsSpan(0, classes);
    }
}
