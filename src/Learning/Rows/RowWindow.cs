namespace StreamMLOps.Learning;

/// <summary>The newest rows with their labels and weights, a fixed number of them. A row is known by its slot as long as it is there, and by its age in what is saved.</summary>
internal sealed class RowWindow(int capacity)
{
    private readonly Slot[] _slots = new Slot[capacity];
    private int _next;

    /// <summary>Rows there are.</summary>
    public int Count { get; private set; }

    /// <summary>Rows there can be.</summary>
    public int Capacity => capacity;

    /// <summary>Whether the next row takes the place of the oldest.</summary>
    public bool IsFull => Count == capacity;

    /// <summary>The row of a slot, valid until another takes its place.</summary>
    public Row this[int slot] => new(_slots[slot].Indices.AsSpan(0, _slots[slot].Count), _slots[slot].Values.AsSpan(0, _slots[slot].Count));

    /// <summary>The slot of the row with this place in time, 0 the oldest.</summary>
    public int SlotOf(int place) => (_next - Count + place + capacity) % capacity;

    /// <summary>The label of a slot's row.</summary>
    public double Label(int slot) => _slots[slot].Label;

    /// <summary>The weight of a slot's row.</summary>
    public double Weight(int slot) => _slots[slot].Weight;

    /// <summary>Keeps a copy of the row, in place of the oldest when the window is full.</summary>
    /// <returns>Its slot.</returns>
    public int Add(in Row row, double label, double weight)
    {
        var at = _next;
        ref var slot = ref _slots[at];
        if (slot.Indices is null || slot.Indices.Length < row.Count)
        {
            slot.Indices = new uint[row.Count];
            slot.Values = new double[row.Count];
        }
        row.Indices.CopyTo(slot.Indices);
        row.Values.CopyTo(slot.Values);
        (slot.Count, slot.Label, slot.Weight) = (row.Count, label, weight);
        _next = (_next + 1) % capacity;
        if (Count < capacity) Count++;
        return at;
    }

    /// <summary>Holds the rows of another window of the same capacity, in the same slots; the other must not be used any more.</summary>
    public void CopyFrom(RowWindow other)
    {
        other._slots.CopyTo(_slots, 0);
        (_next, Count) = (other._next, other.Count);
    }

    /// <summary>Takes all rows out and lets go of their memory.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        (_next, Count) = (0, 0);
    }

    /// <summary>Writes the rows, the oldest first.</summary>
    public void Save(StateWriter writer)
    {
        writer.Int32(Count);
        for (var place = 0; place < Count; place++)
        {
            var slot = SlotOf(place);
            writer.Double(_slots[slot].Label);
            writer.Double(_slots[slot].Weight);
            writer.Array(this[slot].Indices);
            writer.Array(this[slot].Values);
        }
    }

    /// <summary>Replaces the rows; the oldest is then in slot 0.</summary>
    public void Load(StateReader reader)
    {
        Clear();
        var rows = reader.Count32(capacity);
        for (var i = 0; i < rows; i++)
        {
            var label = reader.Double();
            var weight = reader.Finite();
            var indices = reader.Array<uint>();
            var values = reader.Array<double>();
            if (double.IsInfinity(label) || weight < 0 || indices.Length != values.Length) throw Damaged();
            for (var k = 0; k < indices.Length; k++)
                if ((k > 0 && indices[k] <= indices[k - 1]) || !double.IsFinite(values[k])) throw Damaged();
            Add(new Row(indices, values), label, weight);
        }
    }

    private static StateFormatException Damaged() => new("a row of the window is not canonical: the bytes are damaged");

    private struct Slot
    {
        public uint[]? Indices;
        public double[]? Values;
        public int Count;
        public double Label;
        public double Weight;
    }
}
