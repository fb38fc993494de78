using System.Text;

namespace StreamMLOps.Learning;

/// <summary>A contribution with the name of its feature.</summary>
/// <param name="Name">The name, or <c>#</c> and the index of a feature whose name is not known.</param>
/// <param name="Feature">The feature's index.</param>
/// <param name="Value">What it adds, in the unit of its <see cref="Explanation"/>.</param>
public readonly record struct NamedContribution(string Name, uint Feature, double Value);

/// <summary>
/// Names of features by their index, as decoders and featurizers gave them, so that weights and explanations can be read. Bounded: where there is no room the name noted longest ago gives way, and comes
/// back when its feature is seen again. It is no part of any model: nothing that a model computes depends on it, and it is saved only where somebody keeps it. Not thread-safe.
/// </summary>
public sealed class FeatureNames
{
    /// <summary>Longest name kept, in bytes; longer ones are cut.</summary>
    public const int MaxNameBytes = 256;

    private readonly Dictionary<uint, byte[]> _names = [];     // looked up only, never walked
    private readonly Queue<uint> _order = new();

    /// <summary>Starts with no name.</summary>
    /// <param name="most">Names kept at most; with <see cref="MaxNameBytes"/> this bounds the memory.</param>
    public FeatureNames(int most = 100_000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        Most = most;
    }

    /// <summary>Names kept at most.</summary>
    public int Most { get; }

    /// <summary>Names kept now.</summary>
    public int Count => _names.Count;

    /// <summary>Times a feature came with another name than the one that is kept: two names with one index. The first is kept.</summary>
    public long Collisions { get; private set; }

    /// <summary>Notes the names of a row's features.</summary>
    /// <param name="rows">A batch; features that have no name there are passed over.</param>
    /// <param name="row">Which row.</param>
    public void Note(RowBatch rows, int row)
    {
        if (!rows.HasNames) return;
        var indices = rows[row].Indices;
        var start = rows.Starts[row];
        for (var k = 0; k < indices.Length; k++) Note(indices[k], rows.NameOf(start + k));
    }

    /// <summary>Notes a name.</summary>
    /// <param name="feature">The feature's index.</param>
    /// <param name="name">UTF-8; an empty name is none.</param>
    public void Note(uint feature, ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) return;
        if (name.Length > MaxNameBytes) name = name[..MaxNameBytes];
        if (_names.TryGetValue(feature, out var known))
        {
            if (!name.SequenceEqual(known)) Collisions++;
            return;
        }
        if (_names.Count == Most) _names.Remove(_order.Dequeue());
        _names.Add(feature, name.ToArray());
        _order.Enqueue(feature);
    }

    /// <summary>The name of a feature, or <c>#</c> and its index.</summary>
    public string NameOf(uint feature) =>
        _names.TryGetValue(feature, out var name) ? Encoding.UTF8.GetString(name) : Unnamed(feature);

    /// <summary>What a feature without a name is called: <c>#</c> and its index.</summary>
    public static string Unnamed(uint feature) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"#{feature}");

    /// <summary>Contributions with the names of their features.</summary>
    public IReadOnlyList<NamedContribution> Name(IEnumerable<Contribution> contributions) =>
        [.. contributions.Select(c => new NamedContribution(NameOf(c.Feature), c.Feature, c.Value))];

    /// <summary>Writes the names in the order in which they were noted.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section("feature-names", 1);
        writer.Int64(Collisions);
        writer.Int32(_order.Count);
        foreach (var feature in _order)
        {
            writer.UInt32(feature);
            writer.Array<byte>(_names[feature]);
        }
    }

    /// <summary>Replaces the names by what <see cref="Save"/> wrote; of more than there is room for, those noted last are kept.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of something else, or damaged.</exception>
    public void Load(StateReader reader)
    {
        reader.Section("feature-names", 1);
        var fresh = new FeatureNames(Most) { Collisions = reader.Count64() };
        for (var left = reader.Count32(int.MaxValue); left > 0; left--)
        {
            var (feature, name) = (reader.UInt32(), reader.Array<byte>());
            if (name.Length is 0 or > MaxNameBytes || fresh._names.ContainsKey(feature)) throw new StateFormatException("a name is empty, too long or there twice: the bytes are damaged");
            fresh.Note(feature, name);
        }
        _names.Clear();
        _order.Clear();
        foreach (var feature in fresh._order)
        {
            _names.Add(feature, fresh._names[feature]);
            _order.Enqueue(feature);
        }
        Collisions = fresh.Collisions;
    }
}
