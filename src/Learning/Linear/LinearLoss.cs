namespace StreamMLOps.Learning;

/// <summary>
/// What a linear model minimizes: how a margin <c>w·x + b</c> becomes a score, the loss of a labelled row and its slope along the margin.
/// </summary>
internal abstract class LinearLoss
{
    // e^80 is far beyond any count, and its square is finite.
    private const double LargestExponent = 80;

    /// <summary>Losses of two classes: the score is the probability of the positive one (or a margin mapped to [0, 1]).</summary>
    public static Parameter Classification { get; } = new Parameter.Choice("loss", "log",
    [
        new Option("log", "Logistic loss: scores are probabilities."),
        new Option("hinge", "max(0, 1 - m): a support vector machine."),
        new Option("squared-hinge", "max(0, 1 - m)²: as hinge, smoother, and harder on rows far off."),
    ], "What is minimized.");

    /// <summary>Losses of a number.</summary>
    public static Parameter Regression { get; } = new Parameter.Choice("loss", "squared",
    [
        new Option("squared", "(p - y)²: predicts the mean."),
        new Option("huber", "Squared near the label, linear beyond: the mean, undisturbed by outliers.",
            new Parameter.Number("epsilon", 0.1, 1e-12, 1e12, "Where it becomes linear.")),
        new Option("quantile", "Predicts a quantile of the labels.",
            new Parameter.Number("alpha", 0.5, 0, 1, "Which quantile.", Open: true)),
        new Option("poisson", "For counts: predicts the mean as e^m; labels must not be negative."),
    ], "What is minimized.");

    /// <summary>The loss that a setting chose.</summary>
    public static LinearLoss Create((string Option, ParameterValues Values) chosen) => chosen.Option switch
    {
        "log" => new Log(),
        "hinge" => new Hinge(),
        "squared-hinge" => new SquaredHinge(),
        "squared" => new Squared(),
        "huber" => new Huber(chosen.Values.Number("epsilon")),
        "quantile" => new Quantile(chosen.Values.Number("alpha")),
        "poisson" => new Poisson(),
        _ => throw new System.Diagnostics.UnreachableException(chosen.Option),
    };

    /// <summary>The score of a margin.</summary>
    public abstract double Score(double margin);

    /// <summary>The loss of a row with this score; only for tests and reports.</summary>
    public abstract double Of(double margin, double label);

    /// <summary>The slope of the loss along the margin, given the margin and the score made of it (held to a range, perhaps).</summary>
    public abstract double Slope(double margin, double score, double label);

    private static double Side(double label) => label > 0 ? 1 : -1;

    private sealed class Log : LinearLoss
    {
        public override double Score(double margin) => DeterministicMath.Sigmoid(margin);

        public override double Of(double margin, double label) => DeterministicMath.Softplus(-Side(label) * margin);

        public override double Slope(double margin, double score, double label) => -Side(label) * DeterministicMath.Sigmoid(-Side(label) * margin);
    }

    private sealed class Hinge : LinearLoss
    {
        public override double Score(double margin) => DeterministicMath.Sigmoid(margin);

        public override double Of(double margin, double label) => Math.Max(0, 1 - Side(label) * margin);

        public override double Slope(double margin, double score, double label) => Side(label) * margin <= 1 ? -Side(label) : 0;
    }

    private sealed class SquaredHinge : LinearLoss
    {
        public override double Score(double margin) => DeterministicMath.Sigmoid(margin);

        public override double Of(double margin, double label)
        {
            var short_ = Math.Max(0, 1 - Side(label) * margin);
            return short_ * short_;
        }

        public override double Slope(double margin, double score, double label) => -2 * Side(label) * Math.Max(0, 1 - Side(label) * margin);
    }

    private sealed class Squared : LinearLoss
    {
        public override double Score(double margin) => margin;

        public override double Of(double margin, double label) => (margin - label) * (margin - label);

        public override double Slope(double margin, double score, double label) => 2 * (score - label);
    }

    private sealed class Huber(double epsilon) : LinearLoss
    {
        public override double Score(double margin) => margin;

        public override double Of(double margin, double label)
        {
            var distance = Math.Abs(margin - label);
            return distance <= epsilon ? 0.5 * distance * distance : epsilon * distance - 0.5 * epsilon * epsilon;
        }

        public override double Slope(double margin, double score, double label) => Math.Clamp(score - label, -epsilon, epsilon);
    }

    private sealed class Quantile(double alpha) : LinearLoss
    {
        public override double Score(double margin) => margin;

        public override double Of(double margin, double label) => label > margin ? alpha * (label - margin) : (1 - alpha) * (margin - label);

        public override double Slope(double margin, double score, double label) => (label < score ? 1 : 0) - alpha;
    }

    private sealed class Poisson : LinearLoss
    {
        public override double Score(double margin) => DeterministicMath.Exp(Math.Min(margin, LargestExponent));

        public override double Of(double margin, double label) => Score(margin) - label * margin;

        public override double Slope(double margin, double score, double label) => score - label;
    }
}
