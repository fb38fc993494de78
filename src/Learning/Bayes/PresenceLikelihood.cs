namespace StreamMLOps.Learning;

/// <summary>
/// Bernoulli: a feature is there (not zero) or not, <c>p = (n_fc + alpha) / (N_c + 2 alpha)</c>, and absence speaks too
/// (McCallum and Nigam, "A Comparison of Event Models for Naive Bayes Text Classification", 1998). As Gaussian, the value of a feature that is there
/// is normally distributed within the class, so that zero is a value of its own: the one reading of sparse rows that is right for dense ones too
/// (John and Langley, "Estimating Continuous Distributions in Bayesian Classifiers", UAI 1995, for the normal part).
/// </summary>
/// <remarks>
/// The part of all absent features, the sum of <c>ln(1 - p)</c> over features, is kept for each class. A row changes the features it has, at once; the
/// slow change of the others with N_c is made up for each time the class has grown by an eighth, and each time while there are few features.
/// </remarks>
internal sealed class PresenceLikelihood : FeatureLikelihood
{
    private const int Few = 256;
    private const double HalfLogTwoPi = 0.91893853320467274;
    private readonly double _alpha;
    private readonly bool _gaussian;
    private readonly double _smallestVariance;
    private double[] _present;      // by cell and class: rows with the feature
    private double[] _means;
    private double[] _squares;      // sum of squared deviations from the mean
    private double[] _rows;         // by class
    private double[] _absent;       // by class: sum of ln(1 - p)
    private double[] _refreshed;    // by class: rows when that sum was last made anew
    private int[] _counted;         // by class: features in that sum

    public PresenceLikelihood(double alpha, bool gaussian, double smallestVariance = 1e-9)
    {
        (_alpha, _gaussian, _smallestVariance) = (alpha, gaussian, smallestVariance);
        _present = new double[Cells * Classes];
        _means = gaussian ? new double[Cells * Classes] : [];
        _squares = gaussian ? new double[Cells * Classes] : [];
        _rows = new double[Classes];
        _absent = new double[Classes];
        _refreshed = new double[Classes];
        _counted = new int[Classes];
    }

    public override void AddLogs(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, Span<double> logs)
    {
        for (var c = 0; c < logs.Length; c++)
        {
            // Features that came after the class's sum was made were never there in its rows.
            var sum = _absent[c] + (features - _counted[c]) * LogAbsent(0, c);
            for (var k = 0; k < cells.Length; k++)
            {
                if (cells[k] == 0) continue;
                var at = cells[k] * Classes + c;
                var present = _present[at];
                sum += DeterministicMath.Log((present + _alpha) / (_rows[c] - present + _alpha));
                if (_gaussian) sum += LogNormal(at, cells[k] * Classes, logs.Length, Math.Clamp(values[k], -LargestValue, LargestValue));
            }
            logs[c] += sum;
        }
    }

    public override void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight)
    {
        _absent[label] += (features - _counted[label]) * LogAbsent(0, label);
        _counted[label] = features;
        foreach (var cell in cells) _absent[label] -= LogAbsent(_present[cell * Classes + label], label);
        var before = _rows[label];
        _rows[label] += weight;
        for (var k = 0; k < cells.Length; k++)
        {
            var at = cells[k] * Classes + label;
            _present[at] += weight;
            _absent[label] += LogAbsent(_present[at], label);
            if (!_gaussian) continue;
            var value = Math.Clamp(values[k], -LargestValue, LargestValue);
            var deviation = value - _means[at];
            _means[at] += weight / _present[at] * deviation;
            _squares[at] += weight * deviation * (value - _means[at]);
        }
        if (features <= Few || before == 0 || _rows[label] >= 1.125 * _refreshed[label]) Refresh(label, features);
    }

    public override void Save(StateWriter writer, int classes, int features)
    {
        writer.Section(_gaussian ? "gaussian" : "bernoulli", 1);
        for (var c = 0; c < classes; c++)
        {
            writer.Double(_rows[c]);
            writer.Double(_absent[c]);
            writer.Double(_refreshed[c]);
            writer.Int32(_counted[c]);
        }
        SaveTable(writer, _present, classes, features);
        if (!_gaussian) return;
        SaveTable(writer, _means, classes, features);
        SaveTable(writer, _squares, classes, features);
    }

    public override void Load(StateReader reader, int classes, int features)
    {
        reader.Section(_gaussian ? "gaussian" : "bernoulli", 1);
        for (var c = 0; c < classes; c++)
        {
            _rows[c] = reader.Finite();
            _absent[c] = reader.Finite();
            _refreshed[c] = reader.Finite();
            _counted[c] = reader.Count32(features);
            if (_rows[c] < 0) throw new StateFormatException($"a class has {_rows[c]} rows: the bytes are damaged");
        }
        LoadTable(reader, _present, classes, features);
        for (var cell = 1; cell <= features; cell++)
            for (var c = 0; c < classes; c++)
                if (!(_present[cell * Classes + c] >= 0 && _present[cell * Classes + c] <= _rows[c] * (1 + 1e-9))) throw new StateFormatException("a feature is in more rows than there are: the bytes are damaged");
        if (!_gaussian) return;
        LoadTable(reader, _means, classes, features);
        LoadTable(reader, _squares, classes, features);
    }

    protected override void Resize(int oldClasses, int oldCells)
    {
        _present = Resized(_present, oldClasses, oldCells);
        if (_gaussian) _means = Resized(_means, oldClasses, oldCells);
        if (_gaussian) _squares = Resized(_squares, oldClasses, oldCells);
        Array.Resize(ref _rows, Classes);
        Array.Resize(ref _absent, Classes);
        Array.Resize(ref _refreshed, Classes);
        Array.Resize(ref _counted, Classes);
    }

    private double LogAbsent(double present, int label) =>
        DeterministicMath.Log((Math.Max(_rows[label] - present, 0) + _alpha) / (_rows[label] + 2 * _alpha));

    // A class that has too few values of a feature borrows what all classes together know of it.
    private double LogNormal(int at, int feature, int classes, double value)
    {
        double count = _present[at], mean = _means[at], squares = _squares[at];
        if (count < 2)
        {
            (count, mean, squares) = (0, 0, 0);
            for (var c = 0; c < classes; c++)
            {
                var n = _present[feature + c];
                if (n == 0) continue;
                var difference = _means[feature + c] - mean;
                squares += _squares[feature + c] + difference * difference * count * n / (count + n);
                mean += difference * n / (count + n);
                count += n;
            }
            if (count < 2) return 0;
        }
        var variance = Math.Max(squares / count, _smallestVariance);
        var distance = value - mean;
        // No value is stranger than 30 deviations: one wild value must not outweigh all other features.
        return -Math.Min(distance * distance / (2 * variance), 450) - 0.5 * DeterministicMath.Log(variance) - HalfLogTwoPi;
    }

    private void Refresh(int label, int features)
    {
        var sum = 0.0;
        for (var cell = 1; cell <= features; cell++) sum += LogAbsent(_present[cell * Classes + label], label);
        (_absent[label], _refreshed[label], _counted[label]) = (sum, _rows[label], features);
    }
}
