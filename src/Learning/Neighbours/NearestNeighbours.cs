using System.Collections.Immutable;

namespace StreamMLOps.Learning;

/// <summary>
/// k nearest neighbours among the newest labelled rows: the vote, or the mean, of the <c>k</c> rows of a sliding window that are nearest to the row
/// (Cover and Hart, "Nearest Neighbor Pattern Classification", IEEE Transactions on Information Theory 13, 1967; the window after Bifet,
/// Pfahringer, Read and Holmes, "Efficient Data Stream Classification via Probabilistic Adaptive Windows", SAC 2013). Memory is bounded by the window.
/// </summary>
public static class NearestNeighbours
{
    /// <summary>The kinds <c>nearest-neighbours</c> (two classes), <c>-multi-class</c> and <c>-regression</c>.</summary>
    public static ImmutableArray<ModelKind> Kinds { get; } =
    [
        Kind("nearest-neighbours", LearningTask.Binary, "The vote of the nearest rows of a window: few features, any shape of border, forgets by itself. Time grows with the window.", []),
        Kind("nearest-neighbours-multi-class", LearningTask.MultiClass, "As nearest-neighbours, for many classes.", [ClassLabels.Limit]),
        Kind("nearest-neighbours-regression", LearningTask.Regression, "The mean label of the nearest rows of a window.", []),
    ];

    private static ModelKind Kind(string name, LearningTask task, string summary, ImmutableArray<Parameter> parameters) => new(
        name, 1, task, summary, "Cover and Hart, IEEE Transactions on Information Theory 13 (1967), 21-27; Bifet et al., SAC 2013, 801-806",
        [
            new Parameter.Integer("k", 5, 1, 10_000, "Neighbours that vote."),
            new Parameter.Integer("window", 1_000, 1, 1_000_000, "Newest rows that are kept."),
            new Parameter.Choice("distance", "euclidean",
            [
                new Option("euclidean", "|a - b|: dense numbers of one scale."),
                new Option("cosine", "1 - the cosine of the angle: sparse rows, texts."),
            ], "What near means."),
            new Parameter.Choice("vote", "uniform",
            [
                new Option("uniform", "Every neighbour counts alike."),
                new Option("distance", "Nearer neighbours count more: 1 / (distance + 1e-12)."),
            ], "How neighbours count."),
            .. parameters,
        ],
        spec => new NearestNeighboursModel(spec))
    { BoundedMemory = true };
}

internal sealed class NearestNeighboursModel(ModelSpec spec) : IModel
{
    private const double Nearest = 1e-12;
    // A weight beyond it counts as it: sums of them stay finite.
    private const double LargestWeight = 1e12;
    private readonly bool _cosine = spec.Values.Choice("distance").Option == "cosine";
    private readonly bool _byDistance = spec.Values.Choice("vote").Option == "distance";
    private readonly ClassLabels _labels = new(spec.Kind.Task, spec.Kind.Task == LearningTask.MultiClass ? (int)spec.Values.Integer("max-classes") : 2);
    private readonly int _k = (int)Math.Min(spec.Values.Integer("k"), spec.Values.Integer("window"));
    private readonly (double Distance, int Slot)[] _nearest = new (double, int)[Math.Min(spec.Values.Integer("k"), spec.Values.Integer("window"))];
    private RowWindow _window = new((int)spec.Values.Integer("window"));
    private double[] _votes = new double[2];
    private int _classes = spec.Kind.Task == LearningTask.Binary ? 2 : 0;

    public ModelSpec Spec => spec;

    public int Outputs => spec.Kind.Task == LearningTask.Regression ? 1 : _labels.Outputs(_classes);

    public void Predict(in Row row, Span<double> scores)
    {
        var found = FindNearest(row);
        if (spec.Kind.Task == LearningTask.Regression)
        {
            scores[0] = Mean(found);
            return;
        }
        var votes = _votes.AsSpan(0, _classes);
        votes.Clear();
        foreach (var (distance, slot) in _nearest.AsSpan(0, found)) votes[_labels.ClassOf(_window.Label(slot))] += Vote(distance, slot);
        Probabilities.FromWeights(votes);
        _labels.Write(votes, scores);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (spec.Kind.Task != LearningTask.Regression) _classes = Math.Max(_classes, _labels.ClassOf(label) + 1);
        if (_votes.Length < _classes) Array.Resize(ref _votes, Math.Max(_classes, 2 * _votes.Length));
        if (weight > 0) _window.Add(row, label, weight);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("nearest-neighbours", 1);
        writer.Int32(_classes);
        _window.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section("nearest-neighbours", 1);
        var classes = reader.Count32(spec.Kind.Task == LearningTask.Regression ? 0 : _labels.Most);
        if (classes < _labels.AtStart && spec.Kind.Task == LearningTask.Binary) throw new StateFormatException($"{classes} classes: the bytes are damaged");
        var window = new RowWindow(_window.Capacity);
        window.Load(reader);
        for (var slot = 0; slot < window.Count; slot++)
            if (!IsLabel(window.Label(slot), classes)) throw new StateFormatException($"a row of the window has the label {window.Label(slot)}: the bytes are damaged");
        (_window, _classes) = (window, classes);
        if (_votes.Length < _classes) _votes = new double[_classes];
    }

    private bool IsLabel(double label, int classes) => spec.Kind.Task switch
    {
        LearningTask.Regression => double.IsFinite(label),
        LearningTask.Binary => !double.IsNaN(label),
        _ => label >= 0 && label < classes && label == Math.Floor(label),
    };

    // The nearest first; of equally near ones the newest.
    private int FindNearest(in Row row)
    {
        var found = 0;
        var length = _cosine ? RowDistance.SquaredLength(row) : 0;
        for (var place = _window.Count - 1; place >= 0; place--)
        {
            var slot = _window.SlotOf(place);
            var distance = Distance(row, length, _window[slot]);
            if (found == _k && !(distance < _nearest[found - 1].Distance)) continue;
            var at = found < _k ? found++ : found - 1;
            for (; at > 0 && distance < _nearest[at - 1].Distance; at--) _nearest[at] = _nearest[at - 1];
            _nearest[at] = (distance, slot);
        }
        return found;
    }

    // The square of the Euclidean one: the order is the same.
    private double Distance(in Row row, double squaredLength, in Row other)
    {
        if (!_cosine) return RowDistance.Squared(row, other);
        var lengths = Math.Sqrt(squaredLength) * Math.Sqrt(RowDistance.SquaredLength(other));
        return lengths > 0 ? 1 - RowDistance.Dot(row, other) / lengths : 1;
    }

    private double Mean(int found)
    {
        double sum = 0, votes = 0;
        foreach (var (distance, slot) in _nearest.AsSpan(0, found))
        {
            var vote = Vote(distance, slot);
            votes += vote;
            // A running mean, so that huge labels do not overflow.
            if (vote > 0) sum += (RowDistance.Hold(_window.Label(slot)) - sum) * (vote / votes);
        }
        return sum;
    }

    private double Vote(double distance, int slot)
    {
        var weight = Math.Min(_window.Weight(slot), LargestWeight);
        return _byDistance ? weight / ((_cosine ? Math.Max(distance, 0) : Math.Sqrt(distance)) + Nearest) : weight;
    }
}
