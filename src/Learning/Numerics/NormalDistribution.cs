namespace StreamMLOps.Learning;

/// <summary>The normal distribution.</summary>
internal static class NormalDistribution
{
    /// <summary>Share below <paramref name="z"/> deviations from the mean, to 7.5e-8 (Abramowitz and Stegun, 26.2.17).</summary>
    public static double Below(double z)
    {
        var size = Math.Abs(z);
        if (size > 38) return z < 0 ? 0 : 1;
        var t = 1 / (1 + 0.2316419 * size);
        var tail = 0.3989422804014327 * DeterministicMath.Exp(-0.5 * size * size)
            * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
        return z < 0 ? tail : 1 - tail;
    }
}
