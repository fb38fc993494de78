using StreamMLOps.Tests;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>Rows of <see cref="SyntheticRows"/> whose labels are turned over every 500: detectors of errors find each turn.</summary>
internal static class TurnedRows
{
    private const int Every = 500;

    /// <summary>Row <paramref name="n"/> as svmlight, without a line end.</summary>
    public static string SvmLight(int n)
    {
        var line = SyntheticRows.SvmLight(n, n + 1).TrimEnd('\n');
        return n / Every % 2 == 0 ? line : $"{(line[0] == '-' ? '+' : '-')}{line[1..]}";
    }
}
