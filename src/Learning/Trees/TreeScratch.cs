namespace StreamMLOps.Learning;

/// <summary>Buffers that the nodes of a tree share; nothing of it is state.</summary>
internal sealed class TreeScratch
{
    private int[] _cells = new int[64];
    private double[] _first = new double[2];
    private double[] _second = new double[2];

    public FeatureSample Sample { get; } = new();

    /// <summary>Class weights left and right of a split.</summary>
    public double[] Left { get; private set; } = new double[2];

    public double[] Right { get; private set; } = new double[2];

    public Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }

    public Span<double> First(int classes)
    {
        if (classes > _first.Length) _first = new double[classes];
        return _first.AsSpan(0, classes);
    }

    public Span<double> Second(int classes)
    {
        if (classes > _second.Length) _second = new double[classes];
        return _second.AsSpan(0, classes);
    }

    public void ReserveSides(int classes)
    {
        if (classes <= Left.Length) return;
        Left = new double[classes];
        Right = new double[classes];
    }

    /// <summary>The class with the largest share, the lowest of equal ones.</summary>
    public static int Largest(ReadOnlySpan<double> shares)
    {
        var largest = 0;
        for (var c = 1; c < shares.Length; c++)
            if (shares[c] > shares[largest]) largest = c;
        return largest;
    }
}
