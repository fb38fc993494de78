using System.Globalization;
using Xunit.Abstractions;

namespace StreamMLOps.EndToEnd.Tests;

/// <summary>How often and how long the cluster's specs do what they do: little by default, all that was promised by tests/chaos.sh.</summary>
internal static class Rounds
{
    /// <summary>A count or a number of seconds that an environment variable sets.</summary>
    public static int Of(string variable, int reduced) =>
        int.Parse(Environment.GetEnvironmentVariable(variable) ?? reduced.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>A seeded generator whose seed is printed; STREAMMLOPS_SEED repeats it.</summary>
    public static Random Seeded(ITestOutputHelper output)
    {
        var seed = Of("STREAMMLOPS_SEED", Random.Shared.Next(1_000_000));
        output.WriteLine($"seed {seed.ToString(CultureInfo.InvariantCulture)}: STREAMMLOPS_SEED repeats it");
        return new Random(seed);
    }
}
