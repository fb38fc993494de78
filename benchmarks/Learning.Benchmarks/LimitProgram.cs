using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace StreamMLOps.Learning.Benchmarks;

/// <summary>What one run of the plain C program printed, rows a second.</summary>
internal sealed record LimitFigures(double Parse, double Learn, double Text, double Error);

/// <summary>A plain C program that does the same on the same file (<c>limit.c</c> of the shared material): how fast a core of this machine is, to hold our figures against.</summary>
internal sealed partial class LimitProgram(string path)
{
    /// <summary>Compiles it; by <paramref name="clock"/> of the processor, what it calls the time is the processor's time of its process.</summary>
    public static LimitProgram Compile(string source, WorkClock clock)
    {
        var folder = Directory.CreateTempSubdirectory("limit").FullName;
        var program = Path.Combine(folder, "limit");
        string[] arguments = ["-O3", "-march=native", "-o", program, source];
        if (clock == WorkClock.Processor)
        {
            var wrapper = Path.Combine(folder, "clock.c");
            File.WriteAllText(wrapper, """
                #include <time.h>
                int __real_clock_gettime(clockid_t clock, struct timespec *time);
                int __wrap_clock_gettime(clockid_t clock, struct timespec *time) { return __real_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, time); }

                """);
            arguments = [.. arguments, wrapper, "-Wl,--wrap=clock_gettime"];
        }
        using var gcc = Process.Start("gcc", [.. arguments, "-lm"]);
        gcc.WaitForExit();
        return gcc.ExitCode == 0 ? new(program) : throw new InvalidOperationException($"gcc could not compile {source}");
    }

    public LimitFigures Run(string data)
    {
        using var process = Process.Start(new ProcessStartInfo(path, [data]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double Rate(string stage) => double.Parse(Regex.Match(output, Regex.Escape(stage) + @"\s+(\d+) rows/s").Groups[1].Value, CultureInfo.InvariantCulture);
        return new(Rate("parse"), Rate("learn (parsed)"), Rate("text to learned"), double.Parse(ErrorPattern().Matches(output)[^1].Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"error (\d\.\d+)")]
    private static partial Regex ErrorPattern();
}
