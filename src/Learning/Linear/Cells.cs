using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>Moves one number of each of a few cells between memory and the lanes of a vector.</summary>
internal static unsafe class Cells
{
    /// <summary>The first number of cells <c>row[0], row[1], ...</c>, each cell <paramref name="width"/> numbers wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Gather<T>(T* cells, int* row, int width) where T : unmanaged
    {
        if (sizeof(T) == sizeof(float))
        {
            var c = (float*)cells;
            return Vector128.Create(c[(nint)row[0] * width], c[(nint)row[1] * width], c[(nint)row[2] * width], c[(nint)row[3] * width]).As<float, T>();
        }
        var d = (double*)cells;
        return Vector128.Create(d[(nint)row[0] * width], d[(nint)row[1] * width]).As<double, T>();
    }

    /// <summary>Writes the lanes where <see cref="Gather"/> reads them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter<T>(T* cells, int* row, int width, Vector128<T> lanes) where T : unmanaged
    {
        cells[(nint)row[0] * width] = lanes[0];
        cells[(nint)row[1] * width] = lanes[1];
        if (sizeof(T) != sizeof(float)) return;
        cells[(nint)row[2] * width] = lanes[2];
        cells[(nint)row[3] * width] = lanes[3];
    }
}
