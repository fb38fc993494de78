namespace StreamMLOps.Learning;

/// <summary>
/// Many classes by a model of two for each: its class against all others (Rifkin and Klautau, "In Defense of One-Vs-All Classification", JMLR 5, 2004). Scores are the
/// models' scores, made to add up to 1. A class that comes late has a model that saw nothing before.
/// </summary>
public static class OneVsRest
{
    /// <summary>The kind <c>one-vs-rest</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "one-vs-rest", 1, LearningTask.MultiClass,
        "Makes a classifier of many classes of any classifier of two: where the kinds for many classes lack what you need. Time and memory: as many models as classes.",
        "Rifkin and Klautau, JMLR 5 (2004), 101-141",
        [
            new Parameter.Model("model", ConfigNode.Of(("algorithm", "logistic-regression")), "The classifier of each class.", LearningTask.Binary),
            ClassLabels.Limit,
        ],
        spec => spec.Values.Model("model").Create() is IExplainable ? new ExplainableOneVsRestModel(spec) : new OneVsRestModel(spec));
}

internal class OneVsRestModel(ModelSpec spec) : IModel
{
    private readonly ClassLabels _labels = new(LearningTask.MultiClass, (int)spec.Values.Integer("max-classes"));
    private List<IModel> _models = [];

    public ModelSpec Spec => spec;

    public int Outputs => _models.Count;

    public long Features => _models.Count == 0 ? 0 : _models.Max(m => m.Features);

    /// <summary>The model of each class.</summary>
    protected IReadOnlyList<IModel> Models => _models;

    public void Predict(in Row row, Span<double> scores)
    {
        scores = scores[.._models.Count];
        var sum = 0.0;
        for (var c = 0; c < scores.Length; c++)
        {
            _models[c].Predict(row, scores.Slice(c, 1));
            sum += scores[c];
        }
        foreach (ref var score in scores) score = sum > 0 ? score / sum : 1.0 / scores.Length;
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        var known = _labels.ClassOf(label);
        // A row of weight 0 was not there.
        if (weight == 0) return;
        while (_models.Count <= known) _models.Add(Fresh(_models.Count));
        for (var c = 0; c < _models.Count; c++) _models[c].Learn(row, c == known ? 1 : 0, weight);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("one-vs-rest", 1);
        writer.Int32(_models.Count);
        foreach (var model in _models) model.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section("one-vs-rest", 1);
        var models = new List<IModel>();
        for (var count = reader.Count32(_labels.Most); models.Count < count;)
        {
            var model = Fresh(models.Count);
            model.Load(reader);
            models.Add(model);
        }
        _models = models;
    }

    private IModel Fresh(int c)
    {
        var model = spec.Values.Model("model");
        return model.WithSeed(RandomSource.Derive(model.Seed ^ spec.Seed, (ulong)c)).Create();
    }
}

/// <summary>One against the rest by models that explain themselves: a class is explained by its own model, before scores are made to add up to 1.</summary>
internal sealed class ExplainableOneVsRestModel(ModelSpec spec) : OneVsRestModel(spec), IExplainable
{
    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(output);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(output, Outputs);
        ((IExplainable)Models[output]).Explain(row, 0, explanation);
    }
}
