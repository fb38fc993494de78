using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// A classifier that starts anew when its errors drift. From a detector's warning on a second model learns beside the first; a drift puts it in the first one's place, and a warning that passes
/// lets it go (Gama, Medas, Castillo and Rodrigues, "Learning with Drift Detection", SBIA 2004). After a drift without warning the new model has seen nothing.
/// </summary>
public static class DriftRetraining
{
    /// <summary>The kinds <c>drift-retraining</c> and <c>drift-retraining-multi-class</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("drift-retraining", LearningTask.Binary, "logistic-regression"),
        Kind("drift-retraining-multi-class", LearningTask.MultiClass, "softmax-regression"),
    ];

    private static ModelKind Kind(string name, LearningTask task, string algorithm) => new(
        name, 1, task, "Replaces a classifier when a detector says that its errors drift, by one that learned since the warning: for abrupt changes, and models that do not forget.",
        "Gama, Medas, Castillo and Rodrigues, SBIA 2004, 286-295",
        [
            DriftDetectorRegistry.Parameter("drift", "ddm", "Watches the errors: 0 right, 1 wrong."),
            new Parameter.Model("model", ConfigNode.Of(("algorithm", algorithm)), "The classifier.", task),
        ],
        spec => spec.Values.Model("model").Create() is IExplainable ? new ExplainableDriftRetrainingModel(spec) : new DriftRetrainingModel(spec));
}

/// <summary>A model that is replaced by another one when it drifts.</summary>
public interface IReplacedModel : IModel
{
    /// <summary>Number of the model that answers, from 1: another one, another model.</summary>
    long Answering { get; }
}

internal class DriftRetrainingModel : IReplacedModel
{
    private readonly bool _binary;
    private IDriftDetector _detector;
    private Numbered _model;
    private Numbered? _next;
    private long _made;            // models so far: each has a seed of its own
    private int _outputs;          // classes seen by any model: a fresh one has seen none
    private double[] _scores = new double[1];

    public DriftRetrainingModel(ModelSpec spec)
    {
        Spec = spec;
        _binary = spec.Kind.Task == LearningTask.Binary;
        _detector = DriftDetectorRegistry.Create(spec.Values.Choice("drift"));
        _model = Fresh();
        _outputs = _model.Model.Outputs;
    }

    public ModelSpec Spec { get; }

    long IReplacedModel.Answering => _model.Number;

    /// <summary>The model that answers now.</summary>
    protected IModel Answering => _model.Model;

    public int Outputs => _outputs;

    public long Features => _model.Model.Features;

    public void Predict(in Row row, Span<double> scores)
    {
        scores[.._outputs].Clear();
        _model.Model.Predict(row, scores);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (_scores.Length < _outputs) _scores = new double[_outputs * 2];
        PredictThenLearn(row, label, weight, _scores);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        scores = scores[.._outputs];
        scores.Clear();
        _model.Model.PredictThenLearn(row, label, weight, scores);
        // A row of weight 0 was not there.
        if (weight == 0) return;
        _next?.Model.Learn(row, label, weight);
        _outputs = Math.Max(_outputs, _model.Model.Outputs);
        var state = _detector.Update(IsRight(scores, label) ? 0 : 1);
        if (state == DriftState.Drift) _model = _next ?? Fresh();
        if (state != DriftState.Warning) _next = null;
        else _next ??= Fresh();
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, 1);
        writer.Int64(_made);
        writer.Int32(_outputs);
        _detector.Save(writer);
        Write(writer, _model);
        writer.Flag(_next is not null);
        if (_next is { } next) Write(writer, next);
    }

    public void Load(StateReader reader)
    {
        reader.Section(Spec.Kind.Name, 1);
        var made = reader.Count64();
        var outputs = reader.Count32(_binary ? 1 : 1 << 20);
        if (_binary && outputs != 1) throw new StateFormatException($"a model of two classes has {outputs} scores: the bytes are damaged");
        var detector = DriftDetectorRegistry.Create(Spec.Values.Choice("drift"));
        detector.Load(reader);
        var model = Read(reader, made);
        Numbered? next = reader.Flag() ? Read(reader, made) : null;
        if (outputs < model.Model.Outputs) throw new StateFormatException($"a model has more than {outputs} scores: the bytes are damaged");
        (_made, _outputs, _detector, _model, _next) = (made, outputs, detector, model, next);
    }

    private static void Write(StateWriter writer, Numbered model)
    {
        writer.Int64(model.Number);
        model.Model.Save(writer);
    }

    private Numbered Read(StateReader reader, long made)
    {
        var number = reader.Count64();
        if (number == 0 || number > made) throw new StateFormatException($"model {number} of {made}: the bytes are damaged");
        var model = Make(number);
        model.Model.Load(reader);
        return model;
    }

    private bool IsRight(ReadOnlySpan<double> scores, double label)
    {
        if (_binary) return scores[0] > 0.5 == label > 0;
        var best = 0;
        for (var c = 1; c < scores.Length; c++)
            if (scores[c] > scores[best]) best = c;
        return scores.Length > 0 && best == label;
    }

    private Numbered Fresh() => Make(++_made);

    private Numbered Make(long number)
    {
        var model = Spec.Values.Model("model");
        return new(number, model.WithSeed(RandomSource.Derive(model.Seed ^ Spec.Seed, (ulong)number)).Create());
    }

    private readonly record struct Numbered(long Number, IModel Model);
}

/// <summary>A classifier that starts anew and explains itself: by the model that answers now. Of a class that this one has not seen there is nothing to say.</summary>
internal sealed class ExplainableDriftRetrainingModel(ModelSpec spec) : DriftRetrainingModel(spec), IExplainable
{
    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(output);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(output, Outputs);
        if (output < Answering.Outputs) ((IExplainable)Answering).Explain(row, output, explanation);
        else explanation.Reset(ContributionUnit.Score);
    }
}
