using System.Text;
using System.Text.Json;

namespace StreamMLOps.Pipeline;

/// <summary>A field of a record that the mapping names.</summary>
internal enum JsonField
{
    None,
    Id,
    Features,
    Label,
    EventTime,
}

/// <summary>The mapped paths as a tree of property names: an inner node is an object on the way to a field, a leaf is a field.</summary>
internal sealed class JsonPaths
{
    private readonly byte[] _name;
    private readonly List<JsonPaths> _children = [];

    private JsonPaths(string name) => _name = Encoding.UTF8.GetBytes(name);

    /// <summary>The field that ends here; none for an inner node.</summary>
    public JsonField Field { get; private set; }

    /// <exception cref="ArgumentException">A path is empty, or one is another or leads through it.</exception>
    public static JsonPaths Of(JsonMapping mapping)
    {
        var root = new JsonPaths("");
        root.Add(mapping.Id, JsonField.Id);
        if (!mapping.AllFields) root.Add(mapping.Features, JsonField.Features);
        root.Add(mapping.Label, JsonField.Label);
        root.Add(mapping.EventTime, JsonField.EventTime);
        return root;
    }

    /// <summary>The child that the reader's property name leads to, or null.</summary>
    public JsonPaths? Find(ref Utf8JsonReader json)
    {
        foreach (var child in _children)
        {
            if (json.ValueTextEquals(child._name)) return child;
        }
        return null;
    }

    private void Add(string path, JsonField field)
    {
        var node = this;
        foreach (var name in path.Split('.'))
        {
            if (name.Length == 0) throw new ArgumentException($"the path '{path}' of a JSON mapping has an empty name in it");
            var child = node._children.Find(c => c._name.AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(name)));
            if (child is null) node._children.Add(child = new JsonPaths(name));
            if (child.Field != JsonField.None) throw Overlap(path, child.Field);
            node = child;
        }
        if (node._children.Count > 0) throw Overlap(path, JsonField.None);
        node.Field = field;
    }

    private static ArgumentException Overlap(string path, JsonField other) =>
        new($"the path '{path}' of a JSON mapping is, leads through or is part of the path of {(other == JsonField.None ? "another field" : other)}: each field needs a place of its own");
}
