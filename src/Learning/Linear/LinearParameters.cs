namespace StreamMLOps.Learning;

/// <summary>Settings that the linear kinds share.</summary>
internal static class LinearParameters
{
    public static Parameter Intercept { get; } = new Parameter.Flag("intercept", true, "Every row has one feature more, of value 1.");

    /// <summary>Of the optimizers that <see cref="TruncatedGradient{T,TOptimizer}"/> can follow.</summary>
    public static Parameter L1 { get; } = new Parameter.Number("l1", 0, 0, 1e6,
        "L1 strength: in each row that has a feature its weight is pulled towards zero by this times its rate, and stays at exactly zero where gradients are no larger on the average.")
    {
        Later = true,
    };

    public static Parameter Precision { get; } = new Parameter.Choice("precision", "single",
    [
        new Option("single", "Four bytes a number: half the memory, faster."),
        new Option("double", "Eight bytes a number."),
    ], "Numbers kept for each feature. Scores are double either way.");

    public static bool IsSingle(ModelSpec spec) => spec.Values.Choice("precision").Option == "single";

    public static bool HasIntercept(ModelSpec spec) => spec.Values.Flag("intercept");
}
