namespace StreamMLOps.Learning;

/// <summary>Distances between sparse rows, summed in the order of their features.</summary>
internal static class RowDistance
{
    /// <summary>Values beyond it count as it: its square times the longest row is finite.</summary>
    public const double Largest = 1e100;

    /// <summary>A value held to <see cref="Largest"/>.</summary>
    public static double Hold(double value) => Math.Clamp(value, -Largest, Largest);

    /// <summary><c>|a - b|²</c>.</summary>
    public static double Squared(in Row a, in Row b)
    {
        int i = 0, j = 0;
        var sum = 0.0;
        while (i < a.Count && j < b.Count)
        {
            var (left, right) = (a.Indices[i], b.Indices[j]);
            var difference = left == right ? Hold(a.Values[i]) - Hold(b.Values[j]) : left < right ? Hold(a.Values[i]) : Hold(b.Values[j]);
            sum += difference * difference;
            if (left <= right) i++;
            if (right <= left) j++;
        }
        for (; i < a.Count; i++) sum += Hold(a.Values[i]) * Hold(a.Values[i]);
        for (; j < b.Count; j++) sum += Hold(b.Values[j]) * Hold(b.Values[j]);
        return sum;
    }

    /// <summary><c>a·b</c>.</summary>
    public static double Dot(in Row a, in Row b)
    {
        int i = 0, j = 0;
        var sum = 0.0;
        while (i < a.Count && j < b.Count)
        {
            var (left, right) = (a.Indices[i], b.Indices[j]);
            if (left == right) sum += Hold(a.Values[i]) * Hold(b.Values[j]);
            if (left <= right) i++;
            if (right <= left) j++;
        }
        return sum;
    }

    /// <summary><c>|a|²</c>.</summary>
    public static double SquaredLength(in Row a)
    {
        var sum = 0.0;
        foreach (var value in a.Values) sum += Hold(value) * Hold(value);
        return sum;
    }
}
