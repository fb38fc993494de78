using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// Factorization machine of second order: a weight for each feature and, for each pair of features, the product of their factors,
/// <c>m(x) = b + sum w_i x_i + sum_{i &lt; j} (v_i·v_j) x_i x_j</c>, in time linear in the row's length: the pairs are
/// <c>1/2 sum_f ((sum v_if x_i)² - sum (v_if x_i)²)</c> (Rendle, "Factorization Machines", ICDM 2010). A pair never seen together is
/// estimated from what each was seen with.
/// </summary>
public static class FactorizationMachine
{
    /// <summary>The kinds <c>factorization-machine</c> (two classes) and <c>factorization-machine-regression</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("factorization-machine", LearningTask.Binary, "Linear model with interactions of all pairs of features: clicks, recommendations, users with items.", [LinearLoss.Classification]),
        Kind("factorization-machine-regression", LearningTask.Regression, "As factorization-machine, of a number: ratings, amounts.",
            [LinearLoss.Regression, new Parameter.Flag("clamp", true, "Scores are held to the range of the labels seen, 0 included.")]),
    ];

    private static ModelKind Kind(string name, LearningTask task, string summary, ImmutableArray<Parameter> parameters) => new(
        name, 1, task, summary, "Rendle, ICDM 2010, 995-1000",
        [
            new Parameter.Integer("factors", 8, 1, 256, "Numbers that describe a feature in pairs."),
            new Parameter.Number("spread", 0.01, 1e-9, 1, "Standard deviation of a new feature's factors."),
            .. parameters,
            LinearOptimizers.DescentParameter("adagrad"), LinearOptimizers.L2,
        ],
        spec => new FactorizationMachineModel(spec));
}

internal sealed class FactorizationMachineModel : IModel
{
    // Three of them and a row's length multiplied and squared stay finite.
    private const double LargestFactor = 1e20;
    private readonly string _section;
    private readonly int _factors;
    private readonly double _spread;
    private readonly double _l2;
    private FeatureIndex _index = new();
    private WeightBlocks _weights;       // block 0: the intercept; then weight and factors of each feature
    private RowGradient<double> _gradient;
    private int[] _cells = new int[64];
    private readonly double[] _sums;
    private double[] _gradients = [];

    public FactorizationMachineModel(ModelSpec spec)
    {
        Spec = spec;
        _section = spec.Kind.Name;
        _factors = (int)spec.Values.Integer("factors");
        _spread = spec.Values.Number("spread");
        _l2 = spec.Values.Number("l2");
        _sums = new double[_factors];
        _gradient = new(spec.Values, spec.Kind.Task == LearningTask.Regression && spec.Values.Flag("clamp"));
        _weights = LinearOptimizers.CreateBlocks(spec.Values.Choice("optimizer"));
        Reserve(1);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _index.Count;

    public void Predict(in Row row, Span<double> scores)
    {
        var cells = Cells(row.Count);
        _index.Find(row.Indices, cells);
        scores[0] = _gradient.Score(Margin(cells, row));
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        var cells = Cells(row.Count);
        var known = _index.Count;
        _index.FindOrAdd(row.Indices, cells);
        Reserve(_index.Count + 1);
        // By the feature's number, not by its turn: the same factors whatever came before.
        for (var k = 0; k < cells.Length; k++)
            if (cells[k] > known) Draw(cells[k], row.Indices[k]);

        var margin = Margin(cells, row);
        _weights.Begin(_gradient.Rows);
        if (!_gradient.Take(margin, label, weight)) return;
        var slope = _gradient.Slope[0];
        for (var k = 0; k < row.Count; k++)
        {
            var x = Hold(row.Values[k]);
            var block = _weights[cells[k]];
            _gradients[0] = slope * x;
            for (var f = 0; f < _factors; f++) _gradients[f + 1] = slope * (x * (_sums[f] - Hold(block[f + 1]) * x));
            for (var n = 0; n <= _factors; n++) _gradients[n] = Bound(_gradients[n]) + _l2 * block[n];
            _weights.Step(cells[k], _gradients);
        }
        Array.Clear(_gradients);
        _gradients[0] = Bound(slope);
        _weights.Step(0, _gradients);
    }

    public void Save(StateWriter writer)
    {
        writer.Section(_section, 1);
        _gradient.Save(writer);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        _weights.Save(writer, _factors + 1);
    }

    public void Load(StateReader reader)
    {
        // Into a fresh model first: bytes that turn out to be damaged must leave this one as it is.
        var fresh = new FactorizationMachineModel(Spec);
        fresh.Read(reader);
        (_gradient, _index, _weights, _gradients) = (fresh._gradient, fresh._index, fresh._weights, fresh._gradients);
    }

    private void Read(StateReader reader)
    {
        reader.Section(_section, 1);
        _gradient.Load(reader);
        _index = FeatureIndex.Restore(reader.Array<uint>());
        _weights.Load(reader, _index.Count + 1, _factors + 1);
    }

    // Leaves the sums of the factors in _sums. A feature never seen adds nothing.
    private double Margin(ReadOnlySpan<int> cells, in Row row)
    {
        Array.Clear(_sums);
        double margin = _weights[0][0], squares = 0;
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0) continue;
            var x = Hold(row.Values[k]);
            var block = _weights[cells[k]];
            margin += block[0] * x;
            for (var f = 0; f < _factors; f++)
            {
                var part = Hold(block[f + 1]) * x;
                _sums[f] += part;
                squares += part * part;
            }
        }
        var pairs = 0.0;
        foreach (var sum in _sums) pairs += sum * sum;
        return margin + 0.5 * (pairs - squares);
    }

    private void Draw(int cell, uint feature)
    {
        var random = new RandomSource(RandomSource.Derive(Spec.Seed, feature));
        var block = _weights[cell];
        for (var f = 0; f < _factors; f++) block[f + 1] = _spread * random.NextGaussian();
    }

    private void Reserve(int blocks)
    {
        _weights.Reserve(blocks, _factors + 1);
        if (_gradients.Length < _weights.Size) _gradients = new double[_weights.Size];
    }

    private static double Hold(double number) => Math.Clamp(number, -LargestFactor, LargestFactor);

    private static double Bound(double gradient) => WeightBlocks.Hold(gradient);

    private Span<int> Cells(int count)
    {
        if (count > _cells.Length) _cells = new int[Math.Max(count, _cells.Length * 2)];
        return _cells.AsSpan(0, count);
    }
}
