namespace StreamMLOps.Learning;

/// <summary>
/// Linear regression with a choice of loss (mean, robust mean, quantile, count) and optimizer. Scores are held to the range of the labels seen.
/// The papers are with each optimizer; Huber, "Robust Estimation of a Location Parameter", 1964; Koenker and Bassett, "Regression Quantiles", 1978.
/// </summary>
public static class LinearRegression
{
    /// <summary>The kind <c>linear-regression</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "linear-regression", 1, LearningTask.Regression,
        "Linear model of a number: mean, robust mean, quantile or count; the normalized optimizer needs no scaling of features.",
        "Ross, Mineiro and Langford, UAI 2013; McMahan et al., KDD 2013",
        [
            LinearLoss.Regression, LinearOptimizers.Parameter("normalized"), LinearOptimizers.L2,
            new Parameter.Flag("clamp", true, "Scores are held to the range of the labels seen, 0 included."),
            LinearParameters.Intercept, LinearParameters.Precision,
        ],
        spec => LinearOptimizers.Create(spec, spec.Values.Flag("clamp")));
}
