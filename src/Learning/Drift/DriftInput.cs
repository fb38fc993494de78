using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>What detectors let in, checked before their state is touched.</summary>
internal static class DriftInput
{
    // Squared and summed for ever it stays finite.
    private const double Largest = 1e100;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RequireFinite(double value)
    {
        if (!(Math.Abs(value) <= Largest)) Refuse(value, "a drift detector takes finite numbers up to 1e100");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RequireError(double value)
    {
        if (!(value >= 0 && value <= 1)) Refuse(value, "a detector of errors takes 0 (right) to 1 (wrong)");
    }

    private static void Refuse(double value, string rule) => throw new ArgumentOutOfRangeException(nameof(value), value, rule);
}
