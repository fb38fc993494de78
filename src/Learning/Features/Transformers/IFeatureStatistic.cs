namespace StreamMLOps.Learning;

/// <summary>
/// What a scaler knows of one feature, in a few numbers that are all zero at first, and how it scales by them. Implementations are structs, so that
/// the loops over a row are compiled for them.
/// </summary>
internal interface IFeatureStatistic
{
    /// <summary>Name of the scaler, written into the state.</summary>
    static abstract string Name { get; }

    /// <summary>Numbers for a feature.</summary>
    static abstract int Width { get; }

    /// <summary>Learns a value.</summary>
    /// <param name="numbers">The feature's numbers.</param>
    /// <param name="rows">Rows before this one; in those that the numbers do not know of, the feature was zero.</param>
    /// <param name="value">The value, zero included, at most <see cref="Scaling.Largest"/>.</param>
    void Learn(Span<double> numbers, long rows, double value);

    /// <summary>Scales a value.</summary>
    /// <param name="numbers">The feature's numbers.</param>
    /// <param name="rows">Rows so far.</param>
    /// <param name="value">The value, zero included, at most <see cref="Scaling.Largest"/>.</param>
    double Scale(ReadOnlySpan<double> numbers, long rows, double value);

    /// <summary>Whether numbers that were read can have come from learning.</summary>
    bool IsPossible(ReadOnlySpan<double> numbers, long rows);
}

/// <summary>What scalers share.</summary>
internal static class Scaling
{
    /// <summary>The largest value that is let in: squared, and summed over any stream, it stays finite.</summary>
    public const double Largest = 1267650600228229401496703205376.0;   // 2^100

    /// <summary>A value held to that range.</summary>
    public static double Hold(double value) => Math.Clamp(value, -Largest, Largest);
}
