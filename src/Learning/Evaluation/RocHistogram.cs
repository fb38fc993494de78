using System.Runtime.CompilerServices;

namespace StreamMLOps.Learning;

/// <summary>
/// Area under the ROC curve in constant memory. Scores are counted in bins whose edges are fixed: 32 to each halving of the
/// distance to 0 or 1, down to 2^-32, so that the crowds near certainty are still told apart.
/// </summary>
public sealed class RocHistogram
{
    private const int MantissaBits = 5;
    private const int Halvings = 32;
    private const int Side = (Halvings << MantissaBits) + 1;   // bin 0 of a side: nearer to certainty than 2^-(Halvings + 1)
    private const long Lowest = (1023L - Halvings - 1) << MantissaBits;
    internal const int Bins = 2 * Side;

    private readonly long[] _negatives = new long[Bins];
    private readonly long[] _positives = new long[Bins];

    /// <summary>
    /// Probability that a positive row scores above a negative one, ties half. Rows of both classes in one bin count as ties, so the
    /// exact area is at most <see cref="ErrorBound"/> away; NaN until both classes were seen.
    /// </summary>
    public double Auc
    {
        get
        {
            long below = 0, positives = 0;
            var wins = 0.0;
            for (var bin = 0; bin < Bins; bin++)
            {
                wins += _positives[bin] * (below + 0.5 * _negatives[bin]);
                below += _negatives[bin];
                positives += _positives[bin];
            }
            return below == 0 || positives == 0 ? double.NaN : wins / ((double)below * positives);
        }
    }

    /// <summary>Half the share of pairs (one row of each class) that fall into one bin: how far <see cref="Auc"/> can be off.</summary>
    public double ErrorBound
    {
        get
        {
            long negatives = 0, positives = 0;
            var tied = 0.0;
            for (var bin = 0; bin < Bins; bin++)
            {
                tied += 0.5 * _positives[bin] * _negatives[bin];
                negatives += _negatives[bin];
                positives += _positives[bin];
            }
            return negatives == 0 || positives == 0 ? double.NaN : tied / ((double)negatives * positives);
        }
    }

    /// <summary>Counts one score from 0 to 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(double score, bool positive)
    {
        var bin = BinOf(score);
        if (positive) _positives[bin]++; else _negatives[bin]++;
    }

    /// <summary>Writes the bins in use, ascending.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section("roc-histogram", 1);
        var used = 0;
        for (var bin = 0; bin < Bins; bin++) used += (_negatives[bin] | _positives[bin]) != 0 ? 1 : 0;
        writer.Int32(used);
        for (var bin = 0; bin < Bins; bin++)
        {
            if ((_negatives[bin] | _positives[bin]) == 0) continue;
            writer.Int32(bin);
            writer.Int64(_negatives[bin]);
            writer.Int64(_positives[bin]);
        }
    }

    /// <summary>Replaces the counts by saved bytes.</summary>
    public void Load(StateReader reader)
    {
        reader.Section("roc-histogram", 1);
        Array.Clear(_negatives);
        Array.Clear(_positives);
        var used = reader.Int32();
        var last = -1;
        for (var i = 0; i < used; i++)
        {
            var bin = reader.Int32();
            var negatives = reader.Int64();
            var positives = reader.Int64();
            if (bin <= last || bin >= Bins || negatives < 0 || positives < 0 || (negatives | positives) == 0)
                throw new StateFormatException($"bin {bin} with {negatives} and {positives} rows is impossible: the bytes are damaged");
            _negatives[bin] = negatives;
            _positives[bin] = positives;
            last = bin;
        }
    }

    // The top bits of a double are its exponent and the head of its mantissa: equal steps of the logarithm, nearly.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int BinOf(double score)
    {
        var low = score < 0.5;
        var distance = low ? score : 1 - score;
        var step = (BitConverter.DoubleToInt64Bits(distance) >> (52 - MantissaBits)) - Lowest;
        var bin = (int)Math.Clamp(step, 0, Side - 1);
        return low ? bin : Bins - 1 - bin;
    }
}
