namespace StreamMLOps.Learning;

/// <summary>Settings that the linear kinds share.</summary>
internal static class LinearParameters
{
    public static Parameter Intercept { get; } = new Parameter.Flag("intercept", true, "Every row has one feature more, of value 1.");

    public static Parameter Precision { get; } = new Parameter.Choice("precision", "single",
    [
        new Option("single", "Four bytes a number: half the memory, faster."),
        new Option("double", "Eight bytes a number."),
    ], "Numbers kept for each feature. Scores are double either way.");

    public static bool IsSingle(ModelSpec spec) => spec.Values.Choice("precision").Option == "single";

    public static bool HasIntercept(ModelSpec spec) => spec.Values.Flag("intercept");
}
