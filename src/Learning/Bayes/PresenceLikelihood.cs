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
    private readonly double _alpha;
    private readonly bool _gaussian;
    private double[] _present;      // by cell and class: rows with the feature
    private double[] _means;
    private double[] _squares;      // sum of squared deviations from the mean
    private double[] _rows;         // by class
    private double[] _absent;       // by class: sum of ln(1 - p)
    private double[] _refreshed;    // by class: rows when that sum was last made anew
    private int[] _counted;         // by class: features in that sum
    private double[] _numbers = new double[256];    // numbers of a row whose logarithms are taken together

    public PresenceLikelihood(double alpha, bool gaussian)
    {
        (_alpha, _gaussian) = (alpha, gaussian);
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
        var classes = logs.Length;
        // Features that came after the class's sum was made were never there in its rows.
        for (var c = 0; c < classes; c++) logs[c] += _absent[c] + (features - _counted[c]) * LogAbsent(0, c);
        // The logarithms of all ratios at once, and then of all variances.
        var numbers = Numbers(2 * classes * cells.Length);
        var used = 0;
        foreach (var cell in cells)
        {
            if (cell == 0) continue;
            var at = cell * Classes;
            for (var c = 0; c < classes; c++) numbers[used++] = (_present[at + c] + _alpha) / (Math.Max(_rows[c] - _present[at + c], 0) + _alpha);
        }
        var ratios = used;
        if (_gaussian)
            for (var k = 0; k < cells.Length; k++)
                if (cells[k] != 0 && AddNormals(cells[k] * Classes, Math.Clamp(values[k], -LargestValue, LargestValue), logs, numbers[used..])) used += classes;
        DeterministicLogs.InPlace(numbers[..used]);
        for (var i = 0; i < ratios; i += classes)
            for (var c = 0; c < classes; c++) logs[c] += numbers[i + c];
        for (var i = ratios; i < used; i += classes)
            for (var c = 0; c < classes; c++) logs[c] -= 0.5 * numbers[i + c];
    }

    public override void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight)
    {
        _absent[label] += (features - _counted[label]) * LogAbsent(0, label);
        _counted[label] = features;
        var before = _rows[label];
        _rows[label] += weight;
        var (old, now) = (before + 2 * _alpha, _rows[label] + 2 * _alpha);
        var numbers = Numbers(2 * cells.Length);
        for (var k = 0; k < cells.Length; k++)
        {
            var at = cells[k] * Classes + label;
            numbers[2 * k] = (Math.Max(before - _present[at], 0) + _alpha) / old;
            _present[at] += weight;
            numbers[2 * k + 1] = (Math.Max(_rows[label] - _present[at], 0) + _alpha) / now;
            if (!_gaussian) continue;
            var value = Math.Clamp(values[k], -LargestValue, LargestValue);
            var deviation = value - _means[at];
            if (deviation == 0) continue;
            _means[at] += weight / _present[at] * deviation;
            _squares[at] += weight * deviation * (value - _means[at]);
        }
        if (features <= Few || before == 0 || _rows[label] >= 1.125 * _refreshed[label])
        {
            Refresh(label, features);
            return;
        }
        DeterministicLogs.InPlace(numbers);
        var change = 0.0;
        for (var i = 0; i < numbers.Length; i += 2) change += numbers[i + 1] - numbers[i];
        _absent[label] += change;
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

    /// <summary>Rows of a class.</summary>
    public double Rows(int label) => _rows[label];

    /// <summary>What is known of a feature within a class: rows that have it, and mean and population variance of its values there.</summary>
    public (double Present, double Mean, double Variance) Of(int cell, int label)
    {
        var at = cell * Classes + label;
        return _present[at] > 0 ? (_present[at], _means[at], Math.Max(_squares[at] / _present[at], 0)) : (0, 0, 0);
    }

    /// <summary>Rows that have a feature, of all classes together.</summary>
    public double Present(int cell)
    {
        var sum = 0.0;
        for (var c = 0; c < Classes; c++) sum += _present[cell * Classes + c];
        return sum;
    }

    /// <summary>Forgets all features but some, which get the cells 1, 2, 3, ...</summary>
    /// <param name="cells">Cells to keep, ascending.</param>
    public void Keep(ReadOnlySpan<int> cells)
    {
        for (var k = 0; k < cells.Length; k++)
        {
            Move(_present, cells[k], k + 1);
            if (!_gaussian) continue;
            Move(_means, cells[k], k + 1);
            Move(_squares, cells[k], k + 1);
        }
        var used = (cells.Length + 1) * Classes;
        Array.Clear(_present, used, _present.Length - used);
        if (_gaussian) Array.Clear(_means, used, _means.Length - used);
        if (_gaussian) Array.Clear(_squares, used, _squares.Length - used);
        for (var c = 0; c < Classes; c++) Refresh(c, cells.Length);
    }

    private void Move(double[] table, int from, int to) => table.AsSpan(from * Classes, Classes).CopyTo(table.AsSpan(to * Classes));

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

    private Span<double> Numbers(int count)
    {
        if (count > _numbers.Length) _numbers = new double[Math.Max(count, 2 * _numbers.Length)];
        return _numbers.AsSpan(0, count);
    }

    // The variance within a class is drawn to that of all classes together, which counts as one row more: a class with few values, or all alike, is
    // then not certain of anything. A feature that has one value besides 0 says nothing by it: no variances then, which otherwise are left for their logarithms.
    private bool AddNormals(int at, double value, Span<double> logs, Span<double> variances)
    {
        double count = 0, mean = 0, squares = 0;
        for (var c = 0; c < logs.Length; c++)
        {
            var n = _present[at + c];
            if (n == 0) continue;
            var difference = _means[at + c] - mean;
            if (count == 0) mean = _means[at + c];
            else if (difference != 0)
            {
                squares += difference * difference * count * n / (count + n);
                mean += difference * n / (count + n);
            }
            squares += _squares[at + c];
            count += n;
        }
        if (!(squares > 0)) return false;
        var pooled = squares / count;
        for (var c = 0; c < logs.Length; c++)
        {
            var n = _present[at + c];
            var variance = (_squares[at + c] + pooled) / (n + 1);
            var distance = value - (n > 0 ? _means[at + c] : mean);
            // No value is stranger than 30 deviations: one wild value must not outweigh all other features.
            logs[c] -= Math.Min(distance * distance / (2 * variance), 450);
            variances[c] = variance;
        }
        return true;
    }

    private void Refresh(int label, int features)
    {
        var sum = 0.0;
        var all = _rows[label] + 2 * _alpha;
        for (var cell = 1; cell <= features;)
        {
            var numbers = Numbers(Math.Min(features - cell + 1, 256));
            for (var k = 0; k < numbers.Length; k++, cell++) numbers[k] = (Math.Max(_rows[label] - _present[cell * Classes + label], 0) + _alpha) / all;
            DeterministicLogs.InPlace(numbers);
            foreach (var log in numbers) sum += log;
        }
        (_absent[label], _refreshed[label], _counted[label]) = (sum, _rows[label], features);
    }
}
