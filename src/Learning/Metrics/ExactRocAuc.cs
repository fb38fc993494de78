namespace StreamMLOps.Learning;

/// <summary>Area under the ROC curve by sorting the rows, ties half (Hanley and McNeil, Radiology 143, 1982). It keeps every row, so it is of a window alone.</summary>
internal sealed class ExactRocAuc : MetricStatistic
{
    private readonly List<(double Score, bool Positive, double Weight)> _rows = [];

    public static MetricKind Kind { get; } = new(
        "exact-roc-auc", [LearningTask.Binary, LearningTask.Anomaly], higherIsBetter: true,
        "As roc-auc, without bins: exactly, over a window.", "Hanley and McNeil, Radiology 143 (1982), 29-36", [], (_, _) => new ExactRocAuc(), windowOnly: true);

    public override double Value
    {
        get
        {
            _rows.Sort();
            double below = 0, positives = 0, wins = 0;
            for (var i = 0; i < _rows.Count;)
            {
                double negatives = 0, ties = 0;
                var score = _rows[i].Score;
                for (; i < _rows.Count && _rows[i].Score == score; i++)
                {
                    if (_rows[i].Positive) ties += _rows[i].Weight;
                    else negatives += _rows[i].Weight;
                }
                wins += ties * (below + 0.5 * negatives);
                below += negatives;
                positives += ties;
            }
            return below > 0 && positives > 0 ? wins / (below * positives) : double.NaN;
        }
    }

    public override bool CanMerge => false;

    public override void Add(in MetricObservation row, double weight) => _rows.Add((row.Score, row.Label > 0, weight));

    public override void Scale(double factor) => throw new NotSupportedException("of a window alone");

    public override void Merge(MetricStatistic other) => throw new NotSupportedException("of a window alone");

    public override void Clear() => _rows.Clear();

    public override void Save(StateWriter writer) => throw new NotSupportedException("the window is saved instead");

    public override void Load(StateReader reader) => throw new NotSupportedException("the window is saved instead");
}
