namespace StreamMLOps.Learning;

/// <summary>Probabilities from logarithms or from counts.</summary>
internal static class Probabilities
{
    /// <summary>Turns logarithms, up to a common constant, into probabilities: the softmax.</summary>
    public static void FromLogs(Span<double> logs)
    {
        var largest = double.NegativeInfinity;
        foreach (var log in logs) largest = Math.Max(largest, log);
        var sum = 0.0;
        for (var c = 0; c < logs.Length; c++) sum += logs[c] = DeterministicMath.Exp(logs[c] - largest);
        for (var c = 0; c < logs.Length; c++) logs[c] /= sum;
    }

    /// <summary>Turns weights into shares; equal ones where all are 0.</summary>
    public static void FromWeights(Span<double> weights)
    {
        var sum = 0.0;
        foreach (var weight in weights) sum += weight;
        for (var c = 0; c < weights.Length; c++) weights[c] = sum > 0 ? weights[c] / sum : 1.0 / weights.Length;
    }
}
