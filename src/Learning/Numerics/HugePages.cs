using System.Runtime.InteropServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Asks the operating system to back large tables with large pages: random access to millions of parameters is otherwise
/// bound by address translation, the more so in a virtual machine. A hint; nothing depends on it.
/// </summary>
internal static partial class HugePages
{
    private const nint PageSize = 2 << 20;
    private const int AdviseHugePage = 14;   // MADV_HUGEPAGE

    /// <summary>Advises the whole large pages within the range; call before the memory is first touched.</summary>
    public static unsafe void Advise(void* start, nint bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        var first = ((nint)start + PageSize - 1) & -PageSize;
        var length = ((nint)start + bytes - first) & -PageSize;
        if (length > 0) _ = Madvise(first, length, AdviseHugePage);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Madvise(nint address, nint length, int advice);
}
