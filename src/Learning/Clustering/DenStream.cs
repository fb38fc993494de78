namespace StreamMLOps.Learning;

/// <summary>
/// DenStream: rows gather in micro-clusters of a small radius whose weights fade; heavy ones that lie close to one another make a cluster, of any shape, and
/// light ones are outliers until they are heavy enough (Cao, Ester, Qian and Zhou, "Density-Based Clustering over an Evolving Data Stream with
/// Noise", SDM 2006). Time is counted in rows learned. A cluster's number is that of its oldest micro-cluster, so that it stays as the cluster moves.
/// </summary>
public static class DenStream
{
    /// <summary>The kind <c>den-stream</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "den-stream", 1, LearningTask.Clustering,
        "Groups of any shape and number, and rows that belong to none (-1), forgotten as they fade: choose epsilon by the distance that rows of one group have.",
        "Cao, Ester, Qian and Zhou, SDM 2006, 328-339",
        [
            new Parameter.Number("epsilon", 1, 1e-9, 1e9, "Largest radius of a micro-cluster, in the unit of the values."),
            new Parameter.Number("reach", 4, 2, 100, "Micro-clusters whose centres are within so many epsilon are one cluster, and a row belongs to one within half of that."),
            new Parameter.Number("mu", 10, 1e-3, 1e9, "Weight of a dense place, in rows."),
            new Parameter.Number("beta", 0.2, 0.001, 1, "Share of mu at which an outlier becomes a micro-cluster."),
            new Parameter.Number("half-life", 1_000, 1, 1e9, "Rows in which a weight fades to its half."),
            new Parameter.Integer("most", 500, 2, 100_000, "Micro-clusters and outliers that are kept, of each: the lightest goes."),
        ],
        spec => new DenStreamModel(spec))
    { BoundedMemory = true };
}

internal sealed class DenStreamModel : IModel
{
    private const double Ln2 = 0.6931471805599453;
    private const double LargestWeight = 1e12;
    private readonly double _radius;
    private readonly double _reach;
    private readonly double _heavy;
    private readonly double _fading;
    private readonly long _period;
    private readonly int _most;
    private readonly List<MicroCluster> _clusters = [];    // heavy ones, by number
    private readonly List<MicroCluster> _outliers = [];    // by number
    private long _now;
    private long _numbers;

    public DenStreamModel(ModelSpec spec)
    {
        Spec = spec;
        _radius = spec.Values.Number("epsilon");
        _reach = spec.Values.Number("reach") * _radius;
        // A single row must be an outlier at first, and fade below this weight in a finite time.
        _heavy = Math.Max(1.1, spec.Values.Number("beta") * spec.Values.Number("mu"));
        _fading = Ln2 / spec.Values.Number("half-life");
        _period = (long)Math.Ceiling(Math.Max(1, DeterministicMath.Log(_heavy / (_heavy - 1)) / _fading));
        _most = (int)spec.Values.Integer("most");
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    /// <summary>The number of the cluster whose nearest micro-cluster is within half the reach, else -1.</summary>
    public void Predict(in Row row, Span<double> scores)
    {
        var nearest = Nearest(_clusters, row, out var squared);
        scores[0] = nearest is not null && squared <= 0.25 * _reach * _reach ? nearest.Cluster : -1;
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        if (weight == 0) return;
        weight = Math.Min(weight, LargestWeight);
        _now++;
        if (Nearest(_clusters, row, out _) is not { } cluster || !cluster.TryAdd(row, weight, _now, _fading, _radius)) LearnOutlier(row, weight);
        if (_now % _period == 0) Prune();
    }

    public void Save(StateWriter writer)
    {
        writer.Section("den-stream", 1);
        writer.Int64(_now);
        writer.Int64(_numbers);
        Save(writer, _clusters);
        Save(writer, _outliers);
    }

    public void Load(StateReader reader)
    {
        reader.Section("den-stream", 1);
        var (now, numbers) = (reader.Count64(), reader.Count64());
        var clusters = LoadList(reader);
        var outliers = LoadList(reader);
        if (clusters.Concat(outliers).Any(c => c.At > now || c.Since > c.At || c.Number >= numbers)) throw new StateFormatException("a micro-cluster is of the future: the bytes are damaged");
        (_now, _numbers) = (now, numbers);
        _clusters.Clear();
        _clusters.AddRange(clusters);
        _outliers.Clear();
        _outliers.AddRange(outliers);
    }

    private void LearnOutlier(in Row row, double weight)
    {
        if (Nearest(_outliers, row, out _) is not { } outlier || !outlier.TryAdd(row, weight, _now, _fading, _radius))
        {
            outlier = MicroCluster.Of(row, weight, _now, _numbers++);
            _outliers.Add(outlier);
            if (_outliers.Count > _most) DropLightest(_outliers);
        }
        if (outlier.Weight(_now, _fading) < _heavy || !_outliers.Remove(outlier)) return;
        _clusters.Insert(_clusters.FindLastIndex(c => c.Number < outlier.Number) + 1, outlier);
        if (_clusters.Count > _most) DropLightest(_clusters);
        Join();
    }

    // An outlier must weigh what a young micro-cluster that is fed just enough would weigh at its age.
    private void Prune()
    {
        var before = _clusters.Count;
        _clusters.RemoveAll(c => c.Weight(_now, _fading) < _heavy);
        _outliers.RemoveAll(o => o.Weight(_now, _fading) < (1 - DeterministicMath.Exp(-_fading * (_now - o.Since + _period))) / (1 - DeterministicMath.Exp(-_fading * _period)));
        // Centres move: joined anew even where none went.
        if (before > 0) Join();
    }

    private void DropLightest(List<MicroCluster> list)
    {
        var lightest = 0;
        for (var i = 1; i < list.Count; i++)
            if (list[i].Weight(_now, _fading) < list[lightest].Weight(_now, _fading)) lightest = i;
        list.RemoveAt(lightest);
    }

    // All that are within reach, directly or through others, are one cluster. The paper's reach is 2 epsilon, which leaves gaps: rows spread evenly along a line
    // have the radius epsilon when their ends are 2 sqrt(3) epsilon apart.
    private void Join()
    {
        foreach (var cluster in _clusters) cluster.Cluster = -1;
        var open = new Stack<MicroCluster>();
        foreach (var first in _clusters)
        {
            if (first.Cluster >= 0) continue;
            first.Cluster = first.Number;
            open.Push(first);
            while (open.TryPop(out var next))
            {
                foreach (var other in _clusters)
                {
                    if (other.Cluster >= 0 || next.SquaredDistance(other) > _reach * _reach) continue;
                    other.Cluster = first.Number;
                    open.Push(other);
                }
            }
        }
    }

    private static MicroCluster? Nearest(List<MicroCluster> list, in Row row, out double squared)
    {
        MicroCluster? nearest = null;
        squared = double.PositiveInfinity;
        foreach (var cluster in list)
        {
            var distance = cluster.SquaredDistance(row);
            if (distance < squared) (nearest, squared) = (cluster, distance);
        }
        return nearest;
    }

    private static void Save(StateWriter writer, List<MicroCluster> list)
    {
        writer.Int32(list.Count);
        foreach (var cluster in list) cluster.Save(writer);
    }

    private List<MicroCluster> LoadList(StateReader reader)
    {
        var list = new List<MicroCluster>();
        for (var left = reader.Count32(_most); left > 0; left--)
        {
            list.Add(MicroCluster.Load(reader));
            if (list.Count > 1 && list[^2].Number >= list[^1].Number) throw new StateFormatException("micro-clusters are out of order: the bytes are damaged");
        }
        return list;
    }
}
