using System.Runtime.Intrinsics.X86;

namespace StreamMLOps.Learning;

/// <summary>Asks for a row's values before they are needed, so that they come while its features are looked up. Only a hint: no result depends on it.</summary>
internal static unsafe class RowPrefetch
{
    private const int CacheLine = 64;

    public static void Values(in Row row)
    {
        if (!Sse.IsSupported) return;
        fixed (double* values = row.Values)
        {
            var end = (byte*)(values + row.Count);
            for (var line = (byte*)values; line < end; line += CacheLine) Sse.Prefetch0(line);
        }
    }
}
