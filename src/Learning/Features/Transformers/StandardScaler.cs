namespace StreamMLOps.Learning;

/// <summary>
/// Standard scores: values less their mean, over their standard deviation, of all rows so far (Welford, "Note on a Method for Calculating Corrected Sums
/// of Squares and Products", Technometrics 4, 1962; runs of zeros at once as in Chan, Golub and LeVeque, COMPSTAT 1982). A feature that
/// never varied becomes 0.
/// </summary>
public static class StandardScaler
{
    /// <summary>The kind <c>standard-scaler</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "standard-scaler", "Mean 0 and deviation 1: what linear models of dense numbers need. A feature that never varied becomes 0.",
        "Welford, Technometrics 4 (1962), 419-420",
        [
            new Parameter.Flag("center", true, "Take the mean off; a zero then becomes a number. Off: sparse rows stay sparse, however many features there are."),
            DenseScaler<Moments>.Limit,
        ],
        p => p.Flag("center") ? new DenseScaler<Moments>(new Moments(center: true), (int)p.Integer("max-features")) : new SparseScaler<Moments>(new Moments(center: false)));

    // Rows known of, their mean, and the sum of squares about it.
    internal readonly struct Moments(bool center) : IFeatureStatistic
    {
        public static string Name => "standard-scaler";

        public static int Width => 3;

        public void Learn(Span<double> numbers, long rows, double value)
        {
            CatchUp(numbers, rows);
            numbers[0]++;
            var delta = value - numbers[1];
            numbers[1] += delta / numbers[0];
            numbers[2] += delta * (value - numbers[1]);
        }

        public double Scale(ReadOnlySpan<double> numbers, long rows, double value)
        {
            Span<double> now = stackalloc double[3];
            numbers.CopyTo(now);
            CatchUp(now, rows);
            var variance = now[0] > 0 ? now[2] / now[0] : 0;
            return variance > 0 ? (center ? value - now[1] : value) / Math.Sqrt(variance) : 0;
        }

        public bool IsPossible(ReadOnlySpan<double> numbers, long rows) =>
            numbers[0] >= 0 && numbers[0] <= rows && Math.Abs(numbers[1]) <= 2 * Scaling.Largest && numbers[2] >= 0 && numbers[2] <= 1e80;

        private static void CatchUp(Span<double> numbers, long rows)
        {
            var zeros = rows - numbers[0];
            if (zeros <= 0) return;
            var share = zeros / (double)rows;
            numbers[2] += numbers[1] * numbers[1] * numbers[0] * share;
            numbers[1] -= numbers[1] * share;
            numbers[0] = rows;
        }
    }
}
