namespace StreamMLOps.Learning;

/// <summary>
/// How a naive Bayes model describes features within a class. It keeps a few numbers for each feature and class; features are
/// known by their cells, 1, 2, 3, ... in the order in which they were first seen.
/// </summary>
internal abstract class FeatureLikelihood
{
    /// <summary>Values and weights are held to these, so that nothing overflows.</summary>
    public const double LargestValue = 1e12, LargestWeight = 1e9;

    /// <summary>Classes there is room for.</summary>
    protected int Classes { get; private set; } = 2;

    /// <summary>Cells there is room for, cell 0 included.</summary>
    protected int Cells { get; private set; } = 64;

    /// <summary>Makes room for classes and features.</summary>
    public void Reserve(int classes, int features)
    {
        var (oldClasses, oldCells) = (Classes, Cells);
        if (classes <= oldClasses && features < oldCells) return;
        if (classes > oldClasses) Classes = Math.Max(classes, oldClasses * 2);
        if (features >= oldCells) Cells = Math.Max(features + 1, (int)(oldCells * 1.5));
        Resize(oldClasses, oldCells);
    }

    /// <summary>Adds to <paramref name="logs"/>, one for each class, the logarithm of the row's probability within the class.</summary>
    /// <param name="cells">Cells of the row's features, 0 for those never seen.</param>
    /// <param name="values">Their values.</param>
    /// <param name="features">Features known.</param>
    /// <param name="logs">One sum a class.</param>
    public abstract void AddLogs(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, Span<double> logs);

    /// <summary>Counts a row of a class.</summary>
    public abstract void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight);

    /// <summary>Writes the numbers of all features and the given classes.</summary>
    public abstract void Save(StateWriter writer, int classes, int features);

    /// <summary>Reads them; there is room already.</summary>
    public abstract void Load(StateReader reader, int classes, int features);

    /// <summary>Makes the arrays as large as <see cref="Cells"/> and <see cref="Classes"/> say.</summary>
    protected abstract void Resize(int oldClasses, int oldCells);
}
