namespace StreamMLOps.Learning;

/// <summary>Draws of the Poisson distribution, by multiplying uniform numbers (Knuth): only exact arithmetic after one exponential.</summary>
internal readonly struct PoissonWeights(double mean)
{
    private readonly double _limit = DeterministicMath.Exp(-mean);

    public int Next(ref RandomSource random)
    {
        var product = random.NextDouble();
        var count = 0;
        while (product > _limit)
        {
            product *= random.NextDouble();
            count++;
        }
        return count;
    }
}
