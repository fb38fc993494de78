namespace StreamMLOps.Learning;

/// <summary>Numbers read with the checks that most states need.</summary>
internal static class StateReaderChecks
{
    /// <summary>A count: not negative.</summary>
    public static long Count64(this StateReader reader)
    {
        var count = reader.Int64();
        return count >= 0 ? count : throw new StateFormatException($"a count is {count}: the bytes are damaged");
    }

    /// <summary>A count from 0 to <paramref name="most"/>.</summary>
    public static int Count32(this StateReader reader, int most)
    {
        var count = reader.Int32();
        return count >= 0 && count <= most ? count : throw new StateFormatException($"a count is {count}, at most {most} is possible: the bytes are damaged");
    }

    /// <summary>A number that is not NaN or infinite.</summary>
    public static double Finite(this StateReader reader)
    {
        var number = reader.Double();
        return double.IsFinite(number) ? number : throw new StateFormatException($"a number is {number}: the bytes are damaged");
    }

    /// <summary>A number that is not NaN; infinities stand for bounds not yet met.</summary>
    public static double NotNaN(this StateReader reader)
    {
        var number = reader.Double();
        return !double.IsNaN(number) ? number : throw new StateFormatException("a number is NaN: the bytes are damaged");
    }

    /// <summary>Numbers that are not NaN or infinite, exactly <paramref name="target"/>'s length of them.</summary>
    public static void Finite(this StateReader reader, Span<double> target)
    {
        if (reader.Array(target) != target.Length) throw new StateFormatException($"an array is shorter than {target.Length}: the bytes are damaged");
        foreach (var number in target)
            if (!double.IsFinite(number)) throw new StateFormatException($"a number is {number}: the bytes are damaged");
    }

    /// <summary>A detector's state.</summary>
    public static DriftState DriftState(this StateReader reader)
    {
        var state = (DriftState)reader.Byte();
        return state <= Learning.DriftState.Drift ? state : throw new StateFormatException($"a drift state is {(int)state}: the bytes are damaged");
    }
}
