namespace StreamMLOps.Learning;

/// <summary>
/// Area under the precision-recall curve (average precision) in constant memory: scores from 0 to 1 are counted in 1,024 equal bins. Rows of one
/// bin count as ties.
/// </summary>
public sealed class PrecisionRecallHistogram
{
    private const int Bins = 1024;
    private readonly long[] _negatives = new long[Bins];
    private readonly long[] _positives = new long[Bins];

    /// <summary>Mean precision over the positives, from the highest score down (Davis and Goadrich, ICML 2006, without interpolation); NaN until a positive was seen.</summary>
    public double Auc
    {
        get
        {
            long found = 0, answered = 0;
            var sum = 0.0;
            for (var bin = Bins - 1; bin >= 0; bin--)
            {
                found += _positives[bin];
                answered += _positives[bin] + _negatives[bin];
                if (_positives[bin] > 0) sum += _positives[bin] * ((double)found / answered);
            }
            return found == 0 ? double.NaN : sum / found;
        }
    }

    /// <summary>Counts one score from 0 to 1.</summary>
    public void Add(double score, bool positive)
    {
        var bin = (int)Math.Clamp(score * Bins, 0, Bins - 1);
        if (positive) _positives[bin]++; else _negatives[bin]++;
    }

    /// <summary>Takes a score back out, for windows.</summary>
    public void Remove(double score, bool positive)
    {
        var bin = (int)Math.Clamp(score * Bins, 0, Bins - 1);
        if (positive) _positives[bin]--; else _negatives[bin]--;
    }

    /// <summary>Adds the counts of another.</summary>
    public void Merge(PrecisionRecallHistogram other)
    {
        for (var bin = 0; bin < Bins; bin++)
        {
            _negatives[bin] += other._negatives[bin];
            _positives[bin] += other._positives[bin];
        }
    }

    /// <summary>Writes all bins.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section("precision-recall-histogram", 1);
        writer.Array<long>(_negatives);
        writer.Array<long>(_positives);
    }

    /// <summary>Replaces the counts by saved bytes.</summary>
    public void Load(StateReader reader)
    {
        reader.Section("precision-recall-histogram", 1);
        if (reader.Array<long>(_negatives) != Bins || reader.Array<long>(_positives) != Bins) throw new StateFormatException("bins are missing: the bytes are damaged");
        for (var bin = 0; bin < Bins; bin++)
            if (_negatives[bin] < 0 || _positives[bin] < 0) throw new StateFormatException($"bin {bin} has a negative count: the bytes are damaged");
    }
}
