namespace StreamMLOps.Learning;

/// <summary>
/// Values less their median, over the range between their quartiles, each quantile followed by five markers without keeping values (Jain and Chlamtac,
/// "The P² Algorithm for Dynamic Calculation of Quantiles and Histograms Without Storing Observations", CACM 28, 1985).
/// </summary>
public static class RobustScaler
{
    /// <summary>The kind <c>robust-scaler</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "robust-scaler", "Median 0 and interquartile range 1: as standard-scaler, less disturbed by outliers (gross ones among the first values do disturb the markers). A feature whose quartiles are equal becomes 0.",
        "Jain and Chlamtac, CACM 28 (1985), 1076-1085",
        [DenseScaler<Quartiles>.Limit],
        p => new DenseScaler<Quartiles>(default, (int)p.Integer("max-features")));

    internal readonly struct Quartiles : IFeatureStatistic
    {
        public static string Name => "robust-scaler";

        public static int Width => 3 * QuantileMarkers.Width;

        public void Learn(Span<double> numbers, long rows, double value)
        {
            for (var i = 0; i < 3; i++) QuantileMarkers.Add(Part(numbers, i), 0.25 * (i + 1), value);
        }

        public double Scale(ReadOnlySpan<double> numbers, long rows, double value)
        {
            Span<double> quartiles = stackalloc double[3];
            for (var i = 0; i < 3; i++) quartiles[i] = QuantileMarkers.Value(numbers.Slice(i * QuantileMarkers.Width, QuantileMarkers.Width), 0.25 * (i + 1));
            var range = quartiles[2] - quartiles[0];
            return range > 0 ? (value - quartiles[1]) / range : 0;
        }

        public bool IsPossible(ReadOnlySpan<double> numbers, long rows)
        {
            for (var i = 0; i < 3; i++)
                if (!QuantileMarkers.IsPossible(numbers.Slice(i * QuantileMarkers.Width, QuantileMarkers.Width), rows)) return false;
            return true;
        }

        private static Span<double> Part(Span<double> numbers, int i) => numbers.Slice(i * QuantileMarkers.Width, QuantileMarkers.Width);
    }
}

/// <summary>The five markers of one quantile in eleven numbers: values counted, the markers' heights, their positions.</summary>
internal static class QuantileMarkers
{
    public const int Width = 11;

    public static void Add(Span<double> markers, double quantile, double value)
    {
        var heights = markers.Slice(1, 5);
        var positions = markers.Slice(6, 5);
        var count = (int)Math.Min(markers[0], 5);
        markers[0]++;
        if (count < 5)
        {
            var at = count;
            for (; at > 0 && heights[at - 1] > value; at--) heights[at] = heights[at - 1];
            heights[at] = value;
            positions[count] = count + 1;
            return;
        }
        if (value < heights[0]) heights[0] = value;
        if (value > heights[4]) heights[4] = value;
        for (var i = 1; i < 4; i++)
            if (value < heights[i]) positions[i]++;
        positions[4]++;
        for (var i = 1; i < 4; i++)
        {
            var share = i switch { 1 => quantile / 2, 2 => quantile, _ => (1 + quantile) / 2 };
            var away = 1 + (markers[0] - 1) * share - positions[i];
            if (!(away >= 1 && positions[i + 1] - positions[i] > 1) && !(away <= -1 && positions[i - 1] - positions[i] < -1)) continue;
            var step = away > 0 ? 1 : -1;
            var parabolic = Parabolic(heights, positions, i, step);
            heights[i] = parabolic > heights[i - 1] && parabolic < heights[i + 1] ? parabolic
                : heights[i] + step * (heights[i + step] - heights[i]) / (positions[i + step] - positions[i]);
            positions[i] += step;
        }
    }

    public static double Value(ReadOnlySpan<double> markers, double quantile) => markers[0] switch
    {
        0 => 0,
        < 5 => markers[1 + (int)Math.Floor(quantile * (markers[0] - 1) + 0.5)],
        _ => markers[3],
    };

    public static bool IsPossible(ReadOnlySpan<double> markers, long rows)
    {
        if (!(markers[0] >= 0 && markers[0] <= rows && markers[0] == Math.Floor(markers[0]))) return false;
        for (var i = 1; i < Width; i++)
            if (!(Math.Abs(markers[i]) <= Scaling.Largest)) return false;
        for (var i = 0; markers[0] >= 5 && i < 4; i++)
            if (markers[1 + i] > markers[2 + i] || markers[6 + i] >= markers[7 + i]) return false;
        return true;
    }

    private static double Parabolic(ReadOnlySpan<double> heights, ReadOnlySpan<double> positions, int i, int step) =>
        heights[i] + step / (positions[i + 1] - positions[i - 1]) * (
            (positions[i] - positions[i - 1] + step) * (heights[i + 1] - heights[i]) / (positions[i + 1] - positions[i])
            + (positions[i + 1] - positions[i] - step) * (heights[i] - heights[i - 1]) / (positions[i] - positions[i - 1]));
}
