using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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

    /// <summary>Both numbers of cells two wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> GatherPairs<T>(T* cells, int* row, out Vector128<T> second) where T : unmanaged
    {
        if (sizeof(T) == sizeof(float) && Sse.IsSupported)
        {
            var pairs = (double*)cells;
            var low = Vector128.Create(pairs[row[0]], pairs[row[1]]).AsSingle();
            var high = Vector128.Create(pairs[row[2]], pairs[row[3]]).AsSingle();
            second = Sse.Shuffle(low, high, 0b11_01_11_01).As<float, T>();
            return Sse.Shuffle(low, high, 0b10_00_10_00).As<float, T>();
        }
        second = Gather(cells + 1, row, 2);
        return Gather(cells, row, 2);
    }

    /// <summary>Writes the lanes where <see cref="GatherPairs"/> reads them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScatterPairs<T>(T* cells, int* row, Vector128<T> first, Vector128<T> second) where T : unmanaged
    {
        if (sizeof(T) == sizeof(float) && Sse.IsSupported)
        {
            var pairs = (double*)cells;
            var low = Sse.UnpackLow(first.As<T, float>(), second.As<T, float>()).AsDouble();
            var high = Sse.UnpackHigh(first.As<T, float>(), second.As<T, float>()).AsDouble();
            pairs[row[0]] = low[0];
            pairs[row[1]] = low[1];
            pairs[row[2]] = high[0];
            pairs[row[3]] = high[1];
            return;
        }
        Scatter(cells, row, 2, first);
        Scatter(cells + 1, row, 2, second);
    }
}
