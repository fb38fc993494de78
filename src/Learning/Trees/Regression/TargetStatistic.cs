namespace StreamMLOps.Learning;

/// <summary>Weight, mean and sum of squared deviations of labels; merged and subtracted as Chan, Golub and LeVeque do ("Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).</summary>
internal struct TargetStatistic
{
    /// <summary>Labels and weights are held to these, so that squares of sums stay finite.</summary>
    public const double LargestLabel = 1e60;

    public double Weight { get; private set; }

    public double Mean { get; private set; }

    /// <summary>Sum of squared deviations from the mean.</summary>
    public double Squares { get; private set; }

    /// <summary>Population standard deviation; 0 for nothing.</summary>
    public readonly double Deviation => Weight > 0 ? Math.Sqrt(Math.Max(Squares, 0) / Weight) : 0;

    public void Add(double label, double weight)
    {
        Weight += weight;
        var deviation = label - Mean;
        Mean += weight / Weight * deviation;
        Squares += weight * deviation * (label - Mean);
    }

    public void Add(in TargetStatistic other)
    {
        if (other.Weight == 0) return;
        var weight = Weight + other.Weight;
        var difference = other.Mean - Mean;
        Squares += other.Squares + difference * difference * (Weight / weight) * other.Weight;
        Mean += difference * (other.Weight / weight);
        Weight = weight;
    }

    /// <summary>What is left when a part is taken out; nothing where only rounding is left.</summary>
    public readonly TargetStatistic Without(in TargetStatistic part)
    {
        var weight = Weight - part.Weight;
        if (!(weight > 1e-9 * Weight)) return default;
        var mean = Mean + (Mean - part.Mean) * (part.Weight / weight);
        var difference = mean - part.Mean;
        return new() { Weight = weight, Mean = mean, Squares = Math.Max(Squares - part.Squares - difference * difference * (weight / Weight) * part.Weight, 0) };
    }

    /// <summary>The same labels as if they had been fewer.</summary>
    public readonly TargetStatistic HeldTo(double weight) => Weight <= weight ? this : new() { Weight = weight, Mean = Mean, Squares = Squares * (weight / Weight) };

    public readonly void Save(StateWriter writer)
    {
        writer.Double(Weight);
        writer.Double(Mean);
        writer.Double(Squares);
    }

    public static TargetStatistic Load(StateReader reader)
    {
        var loaded = new TargetStatistic { Weight = reader.Finite(), Mean = reader.Finite(), Squares = reader.Finite() };
        return loaded.Weight >= 0 ? loaded : throw new StateFormatException($"a weight is {loaded.Weight}: the bytes are damaged");
    }
}
