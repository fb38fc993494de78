namespace StreamMLOps.Learning;

/// <summary>Values onto 0 to 1 by the smallest and the largest so far (Han, Kamber and Pei, "Data Mining", 3rd edition 2011, 3.5.2). A feature that never varied becomes 0.</summary>
public static class MinMaxScaler
{
    /// <summary>The kind <c>min-max-scaler</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "min-max-scaler", "From 0 for the smallest value so far to 1 for the largest. A feature that never varied becomes 0.",
        "Han, Kamber and Pei, Data Mining (2011), 3.5.2",
        [DenseScaler<Extremes>.Limit],
        p => new DenseScaler<Extremes>(default, (int)p.Integer("max-features")));

    // Whether there was a value, the smallest, the largest.
    internal readonly struct Extremes : IFeatureStatistic
    {
        public static string Name => "min-max-scaler";

        public static int Width => 3;

        public void Learn(Span<double> numbers, long rows, double value)
        {
            // Zeros before it was first named are values too.
            if (numbers[0] == 0 && rows == 0) numbers[1] = numbers[2] = value;
            numbers[0] = 1;
            numbers[1] = Math.Min(numbers[1], value);
            numbers[2] = Math.Max(numbers[2], value);
        }

        public double Scale(ReadOnlySpan<double> numbers, long rows, double value)
        {
            var range = numbers[2] - numbers[1];
            return range > 0 ? (value - numbers[1]) / range : 0;
        }

        public bool IsPossible(ReadOnlySpan<double> numbers, long rows) =>
            numbers[0] is 0 or 1 && numbers[1] >= -Scaling.Largest && numbers[2] <= Scaling.Largest && numbers[1] <= numbers[2];
    }
}
