using System.Diagnostics;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>What is called time: that of the wall, or on a machine that others use too, that of the processor.</summary>
internal enum WorkClock
{
    Wall,
    Processor,
}

/// <summary>What some work took: seconds, and managed bytes allocated on its thread.</summary>
internal readonly record struct Work(double Seconds, long Allocated)
{
    public static Work Of(WorkClock clock, Action work)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var (start, busy, allocated) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime, GC.GetAllocatedBytesForCurrentThread());
        work();
        return new(
            (clock == WorkClock.Wall ? Stopwatch.GetElapsedTime(start) : Environment.CpuUsage.TotalTime - busy).TotalSeconds,
            GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0 ? double.NaN : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
