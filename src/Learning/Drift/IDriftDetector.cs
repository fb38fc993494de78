namespace StreamMLOps.Learning;

/// <summary>What a drift detector says after a value.</summary>
public enum DriftState
{
    /// <summary>The values come from where they came from before.</summary>
    Stable,

    /// <summary>Something may be changing; detectors without a warning level never say so.</summary>
    Warning,

    /// <summary>The distribution has changed. The detector starts again with the next value.</summary>
    Drift,
}

/// <summary>
/// Watches one stream of numbers (errors, losses, scores or a feature) for a change of its distribution. Deterministic to the
/// last bit, randomness included, and without allocation per value. A detector has one user at a time.
/// </summary>
public interface IDriftDetector
{
    /// <summary>Takes one value.</summary>
    /// <param name="value">A finite number up to 1e100; detectors of errors take 0 (right) and 1 (wrong) or anything between.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of these; the state is unchanged.</exception>
    DriftState Update(double value);

    /// <summary>Writes the whole state as canonical bytes.</summary>
    void Save(StateWriter writer);

    /// <summary>Replaces the state by what <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateFormatException">The bytes are of a newer format, of another kind, or damaged.</exception>
    void Load(StateReader reader);
}
