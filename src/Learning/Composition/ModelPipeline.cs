using System.Collections.Immutable;
using System.Diagnostics;

namespace StreamMLOps.Learning;

/// <summary>
/// Transformers and a model as one model with one state. A row is scored as the transformers are; then each transformer learns the row as it comes to it and hands on
/// what it now makes of it, and the model learns what comes out (the order of Montiel et al., "River: Machine Learning for Streaming Data in Python", JMLR 22, 2021).
/// </summary>
public static class ModelPipeline
{
    /// <summary>The kinds <c>pipeline</c>, <c>pipeline-multi-class</c>, <c>pipeline-regression</c> and <c>pipeline-anomaly</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("pipeline", LearningTask.Binary, "logistic-regression", "two classes"),
        Kind("pipeline-multi-class", LearningTask.MultiClass, "softmax-regression", "many classes"),
        Kind("pipeline-regression", LearningTask.Regression, "linear-regression", "a number"),
        Kind("pipeline-anomaly", LearningTask.Anomaly, "half-space-trees", "anomalies"),
    ];

    /// <summary>The transformers of a model of these kinds, in order: their meters can be read from them.</summary>
    /// <exception cref="ArgumentException">The model is of another kind.</exception>
    public static IReadOnlyList<ITransformer> StepsOf(IModel model) =>
        (model as PipelineModel ?? throw new ArgumentException($"'{model.Spec.Kind.Name}' is no pipeline", nameof(model))).Steps;

    private static ModelKind Kind(string name, LearningTask task, string algorithm, string of) => new(
        name, 1, task, $"Scaling, encoding and a model of {of} as one model: what the steps know is learned, saved and audited with it.",
        "Montiel et al., JMLR 22 (2021), 1-8",
        [
            TransformerRegistry.Parameter("steps", new ConfigNode.List([new ConfigNode.Text("standard-scaler")]), "Transformers in order; they are listed below."),
            new Parameter.Model("model", ConfigNode.Of(("algorithm", algorithm)), "What learns the transformed rows.", task),
        ],
        spec => spec.Values.Model("model").Create() is IExplainable ? new ExplainablePipelineModel(spec) : new PipelineModel(spec));
}

internal class PipelineModel : IModel
{
    private readonly bool _stateless;
    private readonly RowBatch[] _rows;    // what comes out of each step

    public PipelineModel(ModelSpec spec)
    {
        Spec = spec;
        Steps = [.. spec.Values.Choices("steps").Select(TransformerRegistry.Create)];
        Inner = spec.Values.Model("model").Create();
        _rows = [.. Steps.Select(_ => new RowBatch(1, 256))];
        _stateless = Steps.All(step => step.IsStateless);
    }

    public ModelSpec Spec { get; }

    public int Outputs => Inner.Outputs;

    public long Features => Inner.Features;

    public ITransformer[] Steps { get; private set; }

    protected IModel Inner { get; private set; }

    public void Predict(in Row row, Span<double> scores) => Inner.Predict(Transform(row), scores);

    public void Learn(in Row row, double label, double weight = 1)
    {
        var current = row;
        for (var i = 0; i < Steps.Length; i++)
        {
            // A row of weight 0 was not there.
            if (weight > 0) Steps[i].Learn(current);
            current = Apply(i, current);
        }
        Inner.Learn(current, label, weight);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        if (_stateless)
        {
            Inner.PredictThenLearn(Transform(row), label, weight, scores);
            return;
        }
        Predict(row, scores);
        Learn(row, label, weight);
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, 1);
        writer.Int32(Steps.Length);
        foreach (var step in Steps) step.Save(writer);
        Inner.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section(Spec.Kind.Name, 1);
        var count = reader.Int32();
        if (count != Steps.Length) throw new StateFormatException($"the state has {count} steps, this pipeline {Steps.Length}: load it with the settings it was saved with");
        // Into fresh parts: bytes that turn out to be damaged must leave this model as it is.
        ITransformer[] steps = [.. Spec.Values.Choices("steps").Select(TransformerRegistry.Create)];
        foreach (var step in steps) step.Load(reader);
        var inner = Spec.Values.Model("model").Create();
        inner.Load(reader);
        (Steps, Inner) = (steps, inner);
    }

    /// <summary>The row as it comes out of the last step; what came out of each is in <see cref="After"/>.</summary>
    protected Row Transform(in Row row)
    {
        var current = row;
        for (var i = 0; i < Steps.Length; i++) current = Apply(i, current);
        return current;
    }

    /// <summary>The row that came out of a step last.</summary>
    protected Row After(int step) => _rows[step][0];

    private Row Apply(int i, scoped in Row row)
    {
        var output = _rows[i];
        output.Clear();
        output.BeginRow();
        Steps[i].Transform(row, output);
        var fault = output.TryEndRow();
        return fault == RowFault.None ? output[0] : throw new UnreachableException($"step {i} made a row that is no row: {fault}");
    }
}

/// <summary>A pipeline whose model explains itself: contributions are traced back through the steps to the features as they came.</summary>
internal sealed class ExplainablePipelineModel(ModelSpec spec) : PipelineModel(spec), IExplainable
{
    public void Explain(in Row row, int output, Explanation explanation)
    {
        ((IExplainable)Inner).Explain(Transform(row), output, explanation);
        var origins = new List<FeatureOrigin>();
        for (var i = Steps.Length - 1; i >= 0; i--)
        {
            origins.Clear();
            if (Steps[i].TryTrace(i == 0 ? row : After(i - 1), origins)) Trace(explanation, origins.ToLookup(o => o.Output));
        }
    }

    private static void Trace(Explanation explanation, ILookup<uint, FeatureOrigin> origins)
    {
        var outputs = explanation.Contributions.ToArray();
        var baseline = explanation.Baseline;
        explanation.Reset(explanation.Unit);
        foreach (var contribution in outputs)
        {
            // A tree may ask for a feature that no feature of this row became.
            if (!origins.Contains(contribution.Feature)) baseline += contribution.Value;
            foreach (var origin in origins[contribution.Feature]) explanation.Add(origin.Input, contribution.Value * origin.Share);
        }
        explanation.Baseline = baseline;
        explanation.Merge();
    }
}
