using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StreamMLOps.Learning;

/// <summary>The row under construction of a <see cref="RowBatch"/>, for decoders that write features at full speed: no check of any bound.</summary>
/// <param name="indices">From the row's first index on.</param>
/// <param name="values">From the row's first value on.</param>
/// <param name="capacity">Features for which there is room.</param>
internal readonly ref struct OpenedRow(Span<uint> indices, Span<double> values, int capacity)
{
    private readonly ref uint _index = ref MemoryMarshal.GetReference(indices);
    private readonly ref double _value = ref MemoryMarshal.GetReference(values);

    public int Capacity { get; } = capacity;

    public void Set(int k, uint index, double value)
    {
        Debug.Assert(k < Capacity);
        Index(k) = index;
        Value(k) = value;
    }

    public ref uint Index(int k) => ref Unsafe.Add(ref _index, k);

    public ref double Value(int k) => ref Unsafe.Add(ref _value, k);
}
