namespace StreamMLOps.Learning;

/// <summary>
/// A linear classifier with a choice of loss and optimizer. <see cref="LogisticRegression"/> is the same with log loss, fewer optimizers and River's intercept.
/// The papers are with each optimizer.
/// </summary>
public static class LinearClassifier
{
    /// <summary>The kind <c>linear-classifier</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "linear-classifier", 1, LearningTask.Binary,
        "Linear model with a choice of loss (log, hinge, squared hinge) and optimizer (normalized and coin betting too): where logistic regression needs another of them.",
        "Ross, Mineiro and Langford, UAI 2013; Orabona and Tommasi, NIPS 2017; Shalev-Shwartz, Foundations and Trends in ML 4 (2012)",
        [LinearLoss.Classification, LinearOptimizers.Parameter("coin"), LinearOptimizers.L2, LinearParameters.Intercept, LinearParameters.Precision],
        spec => LinearOptimizers.Create(spec, clamp: false));
}
