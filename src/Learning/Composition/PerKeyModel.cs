using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// A small model for each value of a key feature (a customer, a host), at most so many; the key that was learned longest ago gives way. A shared model learns all rows and answers for
/// keys with too few rows of their own (a cache of models with least-recently-used replacement: Sleator and Tarjan, "Amortized Efficiency of List Update and Paging Rules", CACM 28, 1985).
/// </summary>
public static class PerKeyModel
{
    /// <summary>The kinds <c>per-key</c> and <c>per-key-regression</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("per-key", LearningTask.Binary, "logistic-regression"),
        Kind("per-key-regression", LearningTask.Regression, "linear-regression"),
    ];

    private static ModelKind Kind(string name, LearningTask task, string algorithm) => new(
        name, 1, task, "A model of its own for each value of a key feature, and a shared one for the rest: where customers, hosts or devices each behave their own way.",
        "Sleator and Tarjan, CACM 28 (1985), 202-208",
        [
            new Parameter.Integer("key", 0, 0, uint.MaxValue, "The feature whose value is the key; 0 where a row does not have it."),
            new Parameter.Integer("most", 1_000, 1, 10_000_000, "Keys with a model of their own; the one learned longest ago gives way."),
            new Parameter.Integer("warm-up", 10, 0, 1_000_000_000, "Rows of a key before its own model answers."),
            new Parameter.Model("model", ConfigNode.Of(("algorithm", algorithm)), "Of each key.", task),
            new Parameter.Model("shared", ConfigNode.Of(("algorithm", algorithm)), "Of all rows.", task),
        ],
        spec => spec.Values.Model("model").Create() is IExplainable && spec.Values.Model("shared").Create() is IExplainable ? new ExplainableKeyedModels(spec) : new KeyedModels(spec));
}

internal class KeyedModels : IModel
{
    private readonly uint _key;
    private readonly int _most;
    private readonly long _warmUp;
    private IModel _shared;
    private LinkedList<Keyed> _byAge = new();                               // learned longest ago first
    private Dictionary<ulong, LinkedListNode<Keyed>> _byKey = [];           // looked up only, never walked

    public KeyedModels(ModelSpec spec)
    {
        Spec = spec;
        _key = (uint)spec.Values.Integer("key");
        _most = (int)spec.Values.Integer("most");
        _warmUp = spec.Values.Integer("warm-up");
        _shared = spec.Values.Model("shared").Create();
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _shared.Features;

    public void Predict(in Row row, Span<double> scores) => Answering(row).Predict(row, scores);

    public void Learn(in Row row, double label, double weight = 1)
    {
        // A row of weight 0 was not there.
        if (weight == 0) return;
        _shared.Learn(row, label, weight);
        var key = KeyOf(row);
        if (_byKey.TryGetValue(key, out var own))
        {
            _byAge.Remove(own);
            _byAge.AddLast(own);
        }
        else
        {
            if (_byKey.Count == _most)
            {
                _byKey.Remove(_byAge.First!.Value.Key);
                _byAge.RemoveFirst();
            }
            _byKey.Add(key, own = _byAge.AddLast(new Keyed(key, Fresh(key))));
        }
        own.Value.Model.Learn(row, label, weight);
        own.Value.Rows++;
    }

    public void Save(StateWriter writer)
    {
        writer.Section(Spec.Kind.Name, 1);
        _shared.Save(writer);
        writer.Int32(_byAge.Count);
        foreach (var own in _byAge)
        {
            writer.UInt64(own.Key);
            writer.Int64(own.Rows);
            own.Model.Save(writer);
        }
    }

    public void Load(StateReader reader)
    {
        reader.Section(Spec.Kind.Name, 1);
        var shared = Spec.Values.Model("shared").Create();
        shared.Load(reader);
        var byAge = new LinkedList<Keyed>();
        var byKey = new Dictionary<ulong, LinkedListNode<Keyed>>();
        for (var count = reader.Count32(_most); byAge.Count < count;)
        {
            var key = reader.UInt64();
            var own = new Keyed(key, Fresh(key)) { Rows = reader.Count64() };
            own.Model.Load(reader);
            if (!byKey.TryAdd(key, byAge.AddLast(own))) throw new StateFormatException("a key is listed twice: the bytes are damaged");
        }
        (_shared, _byAge, _byKey) = (shared, byAge, byKey);
    }

    /// <summary>The model that answers to a row.</summary>
    protected IModel Answering(in Row row) => _byKey.TryGetValue(KeyOf(row), out var own) && own.Value.Rows >= _warmUp ? own.Value.Model : _shared;

    private ulong KeyOf(in Row row)
    {
        var k = row.Indices.BinarySearch(_key);
        return k < 0 ? 0 : BitConverter.DoubleToUInt64Bits(row.Values[k]);
    }

    // Seeded by its key: what came before it does not matter.
    private IModel Fresh(ulong key)
    {
        var model = Spec.Values.Model("model");
        return model.WithSeed(RandomSource.Derive(model.Seed ^ Spec.Seed, key)).Create();
    }

    private sealed class Keyed(ulong key, IModel model)
    {
        public ulong Key => key;

        public IModel Model => model;

        public long Rows { get; set; }
    }
}

/// <summary>Models for keys that explain themselves: a row is explained by the model that answers to it.</summary>
internal sealed class ExplainableKeyedModels(ModelSpec spec) : KeyedModels(spec), IExplainable
{
    public void Explain(in Row row, int output, Explanation explanation) => ((IExplainable)Answering(row)).Explain(row, output, explanation);
}
