namespace StreamMLOps.Learning;

/// <summary>
/// A micro-cluster of <see cref="DenStream"/>: the fading mean of its rows, their fading weight and mean squared length. Mean and mean square do not change as
/// weights fade, so that only the weight knows the time.
/// </summary>
internal sealed class MicroCluster
{
    // A coordinate this small beside the longest is what is left of a feature that faded away.
    private const double Negligible = 1e-9;
    private uint[] _features = [];
    private double[] _centre = [];
    private int _count;
    private double _squaredLength;
    private double _meanSquare;
    private double _weight;

    /// <summary>When the weight was right, in rows learned.</summary>
    public long At { get; private set; }

    /// <summary>When it began, in rows learned.</summary>
    public long Since { get; private init; }

    /// <summary>Its own number.</summary>
    public long Number { get; init; }

    /// <summary>The number of the cluster that it is part of.</summary>
    public long Cluster { get; set; }

    private Row Centre => new(_features.AsSpan(0, _count), _centre.AsSpan(0, _count));

    /// <summary>A micro-cluster of one row.</summary>
    public static MicroCluster Of(in Row row, double weight, long now, long number)
    {
        var cluster = new MicroCluster { Number = number, Cluster = number, At = now, Since = now, _weight = weight };
        cluster.Assign(row.Indices, row.Values);
        cluster._meanSquare = cluster._squaredLength;
        return cluster;
    }

    /// <summary>Its weight now.</summary>
    public double Weight(long now, double fading) => _weight * DeterministicMath.Exp(-fading * (now - At));

    /// <summary>Squared distance of its centre from a row.</summary>
    public double SquaredDistance(in Row row) => RowDistance.Squared(Centre, row);

    /// <summary>Squared distance of two centres.</summary>
    public double SquaredDistance(MicroCluster other) => RowDistance.Squared(Centre, other.Centre);

    /// <summary>Takes the row in if the radius then is at most <paramref name="radius"/>: the root of the mean squared distance from the centre.</summary>
    public bool TryAdd(in Row row, double weight, long now, double fading, double radius)
    {
        var sum = Weight(now, fading) + weight;
        var share = weight / sum;
        var square = (1 - share) * _meanSquare + share * RowDistance.SquaredLength(row);
        var length = (1 - share) * (1 - share) * _squaredLength + 2 * share * (1 - share) * RowDistance.Dot(Centre, row) + share * share * RowDistance.SquaredLength(row);
        if (!(square - length <= radius * radius)) return false;
        Mix(row, share);
        (_meanSquare, _weight, At) = (square, sum, now);
        return true;
    }

    /// <summary>Writes it.</summary>
    public void Save(StateWriter writer)
    {
        writer.Int64(Number);
        writer.Int64(Cluster);
        writer.Int64(At);
        writer.Int64(Since);
        writer.Double(_weight);
        writer.Double(_meanSquare);
        writer.Double(_squaredLength);
        writer.Array<uint>(Centre.Indices);
        writer.Array<double>(Centre.Values);
    }

    /// <summary>Reads one.</summary>
    public static MicroCluster Load(StateReader reader)
    {
        var cluster = new MicroCluster { Number = reader.Count64(), Cluster = reader.Count64(), At = reader.Count64(), Since = reader.Count64() };
        cluster._weight = reader.Finite();
        cluster._meanSquare = reader.Finite();
        cluster._squaredLength = reader.Finite();
        cluster._features = reader.Array<uint>();
        cluster._count = cluster._features.Length;
        cluster._centre = new double[cluster._count];
        reader.Finite(cluster._centre);
        for (var k = 1; k < cluster._count; k++)
            if (cluster._features[k] <= cluster._features[k - 1]) throw new StateFormatException("the features of a centre do not ascend: the bytes are damaged");
        return !(cluster._weight > 0) || cluster._squaredLength < 0 ? throw new StateFormatException("a micro-cluster has no weight: the bytes are damaged") : cluster;
    }

    private void Mix(in Row row, double share)
    {
        var features = new uint[_count + row.Count];
        var centre = new double[features.Length];
        int i = 0, j = 0, count = 0;
        while (i < _count || j < row.Count)
        {
            var old = i < _count && (j == row.Count || _features[i] <= row.Indices[j]);
            var fresh = j < row.Count && (i == _count || row.Indices[j] <= _features[i]);
            features[count] = old ? _features[i] : row.Indices[j];
            centre[count++] = (old ? (1 - share) * _centre[i] : 0) + (fresh ? share * RowDistance.Hold(row.Values[j]) : 0);
            if (old) i++;
            if (fresh) j++;
        }
        Assign(features.AsSpan(0, count), centre.AsSpan(0, count));
    }

    private void Assign(ReadOnlySpan<uint> features, ReadOnlySpan<double> centre)
    {
        if (_features.Length < features.Length) (_features, _centre) = (new uint[features.Length], new double[features.Length]);
        var longest = 0.0;
        foreach (var number in centre) longest = Math.Max(longest, Math.Abs(RowDistance.Hold(number)));
        _count = 0;
        for (var k = 0; k < features.Length; k++)
        {
            var number = RowDistance.Hold(centre[k]);
            if (Math.Abs(number) <= Negligible * longest) continue;
            (_features[_count], _centre[_count]) = (features[k], number);
            _count++;
        }
        _squaredLength = RowDistance.SquaredLength(Centre);
    }
}
