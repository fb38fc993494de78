using System.Diagnostics;
using System.Numerics;

namespace StreamMLOps.Learning;

/// <summary>
/// Logistic regression over features that appear at any time, one row at a time, with SGD, AdaGrad or FTRL-proximal; the
/// score is <c>sigmoid(w·x + b)</c>. The order of a row's work is River's: gradient of the log loss at the old weights, then the
/// intercept, then the optimizer's step for each feature of the row.
/// </summary>
/// <remarks>
/// No row makes the state infinite or NaN: values and gradients are held to ±2^50 in single precision and ±2^480 in double, whose squares
/// can be summed for ever, and a sum that is NaN (infinite products of both signs) counts as 0. Ordinary data never comes near.
/// </remarks>
public static class LogisticRegression
{
    /// <summary>The kind <c>logistic-regression</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "logistic-regression",
        1,
        LearningTask.Binary,
        "Linear model of the log-odds: the first thing to try on sparse, evolving features; a few hundred thousand rows a second on one core.",
        "Duchi, Hazan and Singer, JMLR 12 (2011), 2121-2159; McMahan et al., KDD 2013",
        [
            new Parameter.Choice("optimizer", "adagrad",
            [
                new Option("sgd", "One rate for all features.",
                    new Parameter.Number("rate", 0.01, 0, 1e6, "Step size.", Open: true),
                    new Parameter.Choice("schedule", "constant",
                    [
                        new Option("constant", "The rate stays."),
                        new Option("inverse-sqrt", "The rate is divided by the root of 1 + rows learned."),
                    ], "How the rate changes with time."),
                    LinearParameters.L1),
                new Option("adagrad", "A rate of its own for each feature, falling with its squared gradients: rare features learn fast.",
                    new Parameter.Number("rate", 0.05, 0, 1e6, "Step size of a feature's first gradient.", Open: true),
                    new Parameter.Number("epsilon", 1e-8, 1e-30, 1e6, "Added to the sum of squares, inside the root."),
                    LinearParameters.L1),
                new Option("ftrl", "Follow the regularized leader: as AdaGrad, and L1 keeps weights that explain little at exactly zero.",
                    new Parameter.Number("alpha", 0.05, 0, 1e6, "Step size.", Open: true),
                    new Parameter.Number("beta", 1, 0, 1e6, "Keeps first steps small."),
                    new Parameter.Number("l1", 0, 0, 1e6, "L1 strength."),
                    new Parameter.Number("l2", 1, 0, 1e6, "L2 strength."),
                    new Parameter.Flag("delayed", false, "Weights take effect one row late, as in River.")),
            ], "How gradients move weights."),
            new Parameter.Number("l2", 0, 0, 1e6, "L2 penalty on the weights of a row's features, added to their gradients."),
            new Parameter.Choice("intercept", "constant",
            [
                new Option("none", "No intercept: the hyperplane goes through the origin."),
                new Option("constant", "Learned with a constant rate, as in River.",
                    new Parameter.Number("rate", 0.01, 0, 1e6, "Step size.", Open: true)),
                new Option("adagrad", "Learned with AdaGrad.",
                    new Parameter.Number("rate", 0.05, 0, 1e6, "Step size of the first gradient.", Open: true),
                    new Parameter.Number("epsilon", 1e-6, 1e-30, 1e6, "Added to the sum of squares, inside the root.")),
            ], "How the intercept is learned; it is never regularized."),
            new Parameter.Choice("precision", "single",
            [
                new Option("single", "Four bytes a number: half the memory, faster."),
                new Option("double", "Eight bytes a number."),
            ], "Numbers kept for each feature. Scores are double either way."),
        ],
        spec => spec.Values.Choice("precision").Option == "single" ? Create<float>(spec) : Create<double>(spec));

    private static IModel Create<T>(ModelSpec spec) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var (optimizer, p) = spec.Values.Choice("optimizer");
        return optimizer switch
        {
            "sgd" => Truncated(new Sgd<T>(p.Number("rate"), p.Choice("schedule").Option == "inverse-sqrt")),
            "adagrad" => Truncated(new AdaGrad<T>(p.Number("rate"), p.Number("epsilon"))),
            "ftrl" => Model(new FollowTheRegularizedLeader<T>(p.Number("alpha"), p.Number("beta"), p.Number("l1"), p.Number("l2"), p.Flag("delayed"))),
            _ => throw new UnreachableException(optimizer),
        };

        IModel Truncated<TOptimizer>(TOptimizer o) where TOptimizer : struct, IRatedOptimizer<T> =>
            p.Number("l1") is > 0 and var l1 ? Model(new TruncatedGradient<T, TOptimizer>(o, l1)) : Model(o);

        IModel Model<TOptimizer>(TOptimizer o) where TOptimizer : struct, ILinearOptimizer<T> => new LogisticRegressionModel<T, TOptimizer>(spec, o);
    }
}
