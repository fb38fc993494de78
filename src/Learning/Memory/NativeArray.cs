using System.Runtime.InteropServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Zeroed memory outside the garbage collector's heap, for tables that hot loops reach through a pointer: on a cache line's
/// boundary, and on large pages where the system has them, because random access to millions of parameters is otherwise bound by address
/// translation. Freed with its last reference, or by its one owner (<see cref="Free"/>) so that the next one is made of the same memory; whoever uses <see cref="Pointer"/> keeps the array alive until done (<see cref="GC.KeepAlive"/>).
/// </summary>
internal sealed unsafe partial class NativeArray<T> where T : unmanaged
{
    private const int CacheLine = 64;
    private const nuint LargePage = 2 << 20;

    public NativeArray(int length)
    {
        Length = length;
        var bytes = (nuint)length * (nuint)sizeof(T);
        var large = bytes >= LargePage;
        Pointer = (T*)NativeMemory.AlignedAlloc(bytes, large ? LargePage : CacheLine);
        if (large) LargePages.Advise(Pointer, bytes);
        NativeMemory.Clear(Pointer, bytes);
        if (bytes > 0) GC.AddMemoryPressure((long)bytes);
    }

    ~NativeArray() => Release();

    public T* Pointer { get; private set; }

    public int Length { get; private set; }

    public long Bytes => (long)Length * sizeof(T);

    public Span<T> Span => new(Pointer, Length);

    /// <summary>Frees the memory at once: for an owner that has given it to nobody. The array is one of length 0 from then on.</summary>
    public void Free()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        NativeMemory.AlignedFree(Pointer);
        if (Length > 0) GC.RemoveMemoryPressure(Bytes);
        Pointer = null;
        Length = 0;
    }
}

internal static unsafe partial class LargePages
{
    private const int MadviseHugePage = 14;

    /// <summary>A hint to Linux; elsewhere, and where it is refused, the memory is the same in smaller pages.</summary>
    public static void Advise(void* start, nuint bytes)
    {
        if (OperatingSystem.IsLinux()) _ = Madvise(start, bytes, MadviseHugePage);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(void* start, nuint bytes, int advice);
}
