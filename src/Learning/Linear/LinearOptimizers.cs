using System.Collections.Immutable;
using System.Diagnostics;
using System.Numerics;

namespace StreamMLOps.Learning;

/// <summary>The optimizers of <see cref="LinearClassifier"/> and <see cref="LinearRegression"/>: their settings, and the model for a choice.</summary>
internal static class LinearOptimizers
{
    /// <summary>All of them.</summary>
    public static Parameter Parameter(string @default) => Choice(@default, [.. Alone,
        new Option("normalized", "Adagrad that learns the scale of each feature, as Vowpal Wabbit does: features in different units.", Rate(0.5)),
        new Option("coin", "Coin betting: no rate to choose.",
            new Parameter.Number("alpha", 10, 1e-6, 1e9, "How many gradients the first bets are spread over.")),
    ]);

    /// <summary>Those that see one weight's gradient and nothing else, for models that are more than one line: <see cref="WeightBlocks"/>.</summary>
    public static Parameter AloneParameter(string @default) => Choice(@default, [.. Alone]);

    /// <summary>Those that keep the values that weights started from.</summary>
    public static Parameter DescentParameter(string @default) => Choice(@default, [.. Alone.Where(o => o.Name is "sgd" or "adagrad")]);

    public static Parameter L2 { get; } = new Parameter.Number("l2", 0, 0, 1e6, "L2 penalty on the weights of a row's features, added to their gradients.");

    public static IModel Create(ModelSpec spec, bool clamp) =>
        LinearParameters.IsSingle(spec) ? Create<float>(spec, clamp) : Create<double>(spec, clamp);

    private static IModel Create<T>(ModelSpec spec, bool clamp) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var gradient = new RowGradient<T>(spec.Values, clamp);
        var (optimizer, p) = spec.Values.Choice("optimizer");
        return optimizer switch
        {
            "sgd" => Truncated(Sgd<T>(p)),
            "momentum" => Descent(Momentum<T>(p)),
            "adagrad" => Truncated(AdaGrad<T>(p)),
            "rmsprop" => Descent(RmsProp<T>(p)),
            "adam" => Descent(Adam<T>(p)),
            "ftrl" => Descent(Ftrl<T>(p)),
            "normalized" => Model(new NormalizedRule<T>(gradient, p.Number("rate"))),
            "coin" => Model(new CoinBettingRule<T>(gradient, p.Number("alpha"))),
            _ => throw new UnreachableException(optimizer),
        };

        IModel Truncated<TOptimizer>(TOptimizer o) where TOptimizer : struct, IRatedOptimizer<T> =>
            p.Number("l1") is > 0 and var l1 ? Descent(new TruncatedGradient<T, TOptimizer>(o, l1)) : Descent(o);

        IModel Descent<TOptimizer>(TOptimizer o) where TOptimizer : struct, ILinearOptimizer<T> => Model(new GradientRule<T, TOptimizer>(gradient, o));

        IModel Model<TRule>(TRule rule) where TRule : struct, ILinearRule<T> => new LinearModel<T, TRule>(spec, LinearParameters.HasIntercept(spec), rule);
    }

    /// <summary>Blocks of weights moved by the optimizer that a setting of <see cref="AloneParameter"/> or <see cref="DescentParameter"/> chose.</summary>
    public static WeightBlocks CreateBlocks((string Option, ParameterValues Values) chosen)
    {
        var p = chosen.Values;
        return chosen.Option switch
        {
            "sgd" => Truncated(Sgd<double>(p)),
            "momentum" => Blocks(Momentum<double>(p)),
            "adagrad" => Truncated(AdaGrad<double>(p)),
            "rmsprop" => Blocks(RmsProp<double>(p)),
            "adam" => Blocks(Adam<double>(p)),
            "ftrl" => Blocks(Ftrl<double>(p)),
            _ => throw new UnreachableException(chosen.Option),
        };

        WeightBlocks Truncated<TOptimizer>(TOptimizer o) where TOptimizer : struct, IRatedOptimizer<double> =>
            p.Number("l1") is > 0 and var l1 ? Blocks(new TruncatedGradient<double, TOptimizer>(o, l1)) : Blocks(o);

        static WeightBlocks Blocks<TOptimizer>(TOptimizer o) where TOptimizer : struct, ILinearOptimizer<double> => new WeightBlocks<TOptimizer>(o);
    }

    private static Sgd<T> Sgd<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("rate"), p.Choice("schedule").Option == "inverse-sqrt");

    private static Momentum<T> Momentum<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("rate"), p.Number("rho"));

    private static AdaGrad<T> AdaGrad<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("rate"), p.Number("epsilon"));

    private static RmsProp<T> RmsProp<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("rate"), p.Number("rho"), p.Number("epsilon"));

    private static Adam<T> Adam<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("rate"), p.Number("beta1"), p.Number("beta2"), p.Number("epsilon"));

    private static FollowTheRegularizedLeader<T> Ftrl<T>(ParameterValues p) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new(p.Number("alpha"), p.Number("beta"), p.Number("l1"), p.Number("l2"), delayed: false);

    private static Parameter Epsilon { get; } = new Parameter.Number("epsilon", 1e-8, 1e-30, 1e6, "Keeps the root from 0.");

    private static ImmutableArray<Option> Alone { get; } =
    [
        new Option("sgd", "One rate for all features.",
            Rate(0.01),
            new Parameter.Choice("schedule", "constant",
            [
                new Option("constant", "The rate stays."),
                new Option("inverse-sqrt", "The rate is divided by the root of 1 + rows learned."),
            ], "How the rate changes with time."),
            LinearParameters.L1),
        new Option("momentum", "SGD with a velocity.", Rate(0.01), Fading("rho", 0.9, "What remains of the velocity.")),
        new Option("adagrad", "A rate of its own for each feature, falling with its squared gradients: rare features learn fast.", Rate(0.1), Epsilon, LinearParameters.L1),
        new Option("rmsprop", "As adagrad, over a fading window: rates do not die out.", Rate(0.01), Fading("rho", 0.9, "What remains of the mean square."), Epsilon),
        new Option("adam", "Fading means of gradients and squares.", Rate(0.01),
            Fading("beta1", 0.9, "What remains of the mean gradient."), Fading("beta2", 0.999, "What remains of the mean square."), Epsilon),
        new Option("ftrl", "Follow the regularized leader: as adagrad, and L1 keeps weights that explain little at exactly zero.",
            new Parameter.Number("alpha", 0.05, 1e-6, 1e6, "Step size."),
            new Parameter.Number("beta", 1, 0, 1e6, "Keeps first steps small."),
            new Parameter.Number("l1", 0, 0, 1e6, "L1 strength."),
            new Parameter.Number("l2", 0, 0, 1e6, "L2 strength.")),
    ];

    private static Parameter Choice(string @default, ImmutableArray<Option> options) => new Parameter.Choice("optimizer", @default, options, "How gradients move weights.");

    private static Parameter Rate(double @default) => new Parameter.Number("rate", @default, 1e-9, 1e6, "Step size.");

    private static Parameter Fading(string name, double @default, string doc) => new Parameter.Number(name, @default, 0, 1, doc, Open: true);
}
