using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StreamMLOps.Learning;

/// <summary>
/// An array that the garbage collector does not move, from a cache line's start on, so that hot loops may keep a pointer to it.
/// The pointer is good as long as this value (or a copy) is reachable.
/// </summary>
internal readonly unsafe struct PinnedArray<T> where T : unmanaged
{
    private const int Line = 64;
    private readonly T[] _array;

    /// <summary>Allocates zeros.</summary>
    public PinnedArray(int length)
    {
        _array = GC.AllocateUninitializedArray<T>(length + Line / sizeof(T), pinned: true);
        var start = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_array));
        Pointer = (T*)((start + Line - 1) & -Line);
        Length = length;
        HugePages.Advise(Pointer, (nint)length * sizeof(T));
        Span.Clear();
    }

    public T* Pointer { get; }

    public int Length { get; }

    public Span<T> Span => new(Pointer, Length);

    /// <summary>Bytes held.</summary>
    public long Bytes => (long)(_array?.Length ?? 0) * sizeof(T);

    /// <summary>A longer copy, zeros behind.</summary>
    public PinnedArray<T> Resized(int length)
    {
        var copy = new PinnedArray<T>(length);
        Span.CopyTo(copy.Span);
        GC.KeepAlive(_array);
        return copy;
    }
}
