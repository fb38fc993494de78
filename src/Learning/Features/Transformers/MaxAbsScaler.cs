namespace StreamMLOps.Learning;

/// <summary>Values over the largest magnitude so far: onto -1 to 1, zeros stay (decimal scaling's relative, as in Han, Kamber and Pei, "Data Mining", 3.5.2).</summary>
public static class MaxAbsScaler
{
    /// <summary>The kind <c>max-abs-scaler</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "max-abs-scaler", "From -1 to 1, zeros stay zeros: for sparse rows, however many features there are.",
        "Han, Kamber and Pei, Data Mining (2011), 3.5.2", [], _ => new SparseScaler<Magnitude>(default));

    internal readonly struct Magnitude : IFeatureStatistic
    {
        public static string Name => "max-abs-scaler";

        public static int Width => 1;

        public void Learn(Span<double> numbers, long rows, double value) => numbers[0] = Math.Max(numbers[0], Math.Abs(value));

        public double Scale(ReadOnlySpan<double> numbers, long rows, double value) => numbers[0] > 0 ? value / numbers[0] : 0;

        public bool IsPossible(ReadOnlySpan<double> numbers, long rows) => numbers[0] >= 0 && numbers[0] <= Scaling.Largest;
    }
}
