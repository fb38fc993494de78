namespace StreamMLOps.Learning;

/// <summary>
/// The hashing trick with a meter: 2^bits indices, whatever the features; features that meet are summed, and how often they meet is counted
/// (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009, without the sign).
/// </summary>
public sealed class FeatureHasher : ITransformer
{
    private readonly ulong _salt;
    private readonly uint _mask;
    private FeatureIndex _places = new();      // the places taken,
    private uint[] _owners = new uint[64];     // and the feature that each was first taken by
    private int[] _cells = new int[1];

    private FeatureHasher(int bits, ulong salt) => (_mask, _salt) = (uint.MaxValue >> (32 - bits), salt);

    /// <summary>The kind <c>hash</c>.</summary>
    public static TransformerKind Kind { get; } = new(
        "hash", "Folds all features into 2^bits, which bounds the memory of what follows, and meters how often features meet.",
        "Weinberger et al., ICML 2009",
        [
            new Parameter.Integer("bits", 20, 1, 30, "Bits of the index."),
            new Parameter.Integer("salt", 0, 0, long.MaxValue, "Other salts let other features meet."),
        ],
        p => new FeatureHasher((int)p.Integer("bits"), (ulong)p.Integer("salt")));

    /// <summary>Features of learned rows, each counted each time.</summary>
    public long Seen { get; private set; }

    /// <summary>Of these, how many came to a place that another feature had taken first.</summary>
    public long Met { get; private set; }

    /// <summary>Share of features that share their place with one that was there before.</summary>
    public double Collisions => Seen == 0 ? 0 : (double)Met / Seen;

    /// <summary>Places taken, of 2^bits.</summary>
    public int Places => _places.Count;

    /// <inheritdoc/>
    public void Learn(in Row row)
    {
        foreach (var feature in row.Indices)
        {
            var place = PlaceOf(feature);
            var before = _places.Count;
            _places.FindOrAdd(new ReadOnlySpan<uint>(in place), _cells);
            if (_places.Count > before)
            {
                if (_places.Count > _owners.Length) Array.Resize(ref _owners, _owners.Length * 2);
                _owners[before] = feature;
            }
            Seen++;
            if (_owners[_cells[0] - 1] != feature) Met++;
        }
    }

    /// <inheritdoc/>
    public void Transform(in Row row, RowBatch output)
    {
        for (var k = 0; k < row.Count; k++) output.Add(PlaceOf(row.Indices[k]), Scaling.Hold(row.Values[k]));
    }

    /// <inheritdoc/>
    public bool TryTrace(in Row row, ICollection<FeatureOrigin> origins)
    {
        var sums = new SortedDictionary<uint, double>();
        for (var k = 0; k < row.Count; k++) sums[PlaceOf(row.Indices[k])] = sums.GetValueOrDefault(PlaceOf(row.Indices[k])) + Scaling.Hold(row.Values[k]);
        for (var k = 0; k < row.Count; k++)
        {
            var place = PlaceOf(row.Indices[k]);
            if (sums[place] != 0) origins.Add(new(row.Indices[k], place, Scaling.Hold(row.Values[k]) / sums[place]));
        }
        return true;
    }

    /// <inheritdoc/>
    public void Save(StateWriter writer)
    {
        writer.Section("hash", 1);
        writer.Int64(Seen);
        writer.Int64(Met);
        var places = new uint[_places.Count];
        _places.CopyTo(places);
        writer.Array<uint>(places);
        writer.Array<uint>(_owners.AsSpan(0, places.Length));
    }

    /// <inheritdoc/>
    public void Load(StateReader reader)
    {
        reader.Section("hash", 1);
        var (seen, met) = (reader.Count64(), reader.Count64());
        var taken = reader.Array<uint>();
        var places = FeatureIndex.Restore(taken);
        var owners = reader.Array<uint>();
        if (owners.Length != taken.Length || met > seen) throw new StateFormatException($"{owners.Length} owners of {taken.Length} places, {met} of {seen} met: the bytes are damaged");
        for (var i = 0; i < taken.Length; i++)
            if (PlaceOf(owners[i]) != taken[i]) throw new StateFormatException("a feature owns a place that is not its own: the bytes are damaged, or of another salt");
        if (owners.Length < 64) Array.Resize(ref owners, 64);
        (Seen, Met, _places, _owners) = (seen, met, places, owners);
    }

    private uint PlaceOf(uint feature) => (uint)(RandomSource.Derive(_salt, feature) >> 32) & _mask;
}
