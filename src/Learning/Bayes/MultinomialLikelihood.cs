namespace StreamMLOps.Learning;

/// <summary>
/// Multinomial: a row is a bag of counts, <c>P(f | c) = (n_fc + alpha) / (N_c + alpha V)</c> (McCallum and Nigam, "A Comparison of Event Models for Naive
/// Bayes Text Classification", 1998). As complement, each class is described by all rows that are not of it, which bears classes of unequal size
/// (Rennie, Shih, Teevan and Karger, "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003). Negative values count as 0.
/// </summary>
internal sealed class MultinomialLikelihood : FeatureLikelihood
{
    private readonly double _alpha;
    private readonly double _logAlpha;
    private readonly bool _complement;
    private double[] _counts;       // by cell and class
    private double[] _logs;         // ln(count + alpha), of the class or of its complement
    private double[] _totals;       // by class
    private double[] _numbers = new double[256];    // numbers of a row whose logarithms are taken together

    public MultinomialLikelihood(double alpha, bool complement)
    {
        _alpha = alpha;
        _logAlpha = DeterministicMath.Log(alpha);
        _complement = complement;
        _counts = new double[Cells * Classes];
        _logs = new double[Cells * Classes];
        Array.Fill(_logs, _logAlpha);
        _totals = new double[Classes];
    }

    public override void AddLogs(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, Span<double> logs)
    {
        var all = 0.0;
        foreach (var total in _totals) all += total;
        var length = 0.0;
        var sums = Numbers(logs.Length);
        sums.Clear();
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0 || values[k] <= 0) continue;
            var value = Math.Min(values[k], LargestValue);
            var of = _logs.AsSpan(cells[k] * Classes, sums.Length);
            for (var c = 0; c < sums.Length; c++) sums[c] += value * of[c];
            length += value;
        }
        for (var c = 0; c < logs.Length; c++)
        {
            var sum = sums[c] - length * DeterministicMath.Log((_complement ? all - _totals[c] : _totals[c]) + _alpha * Math.Max(features, 1));
            logs[c] += _complement ? -sum : sum;
        }
    }

    public override void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight)
    {
        if (_complement) LearnComplement(cells, values, label, weight);
        else LearnClass(cells, values, label, weight);
    }

    private void LearnClass(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int label, double weight)
    {
        var numbers = Numbers(cells.Length);
        var total = 0.0;
        for (var k = 0; k < cells.Length; k++)
        {
            var count = values[k] > 0 ? weight * Math.Min(values[k], LargestValue) : 0;
            total += count;
            numbers[k] = (_counts[cells[k] * Classes + label] += count) + _alpha;
        }
        _totals[label] += total;
        DeterministicLogs.InPlace(numbers);
        for (var k = 0; k < cells.Length; k++) _logs[cells[k] * Classes + label] = numbers[k];
    }

    // The row counts for all classes but its own.
    private void LearnComplement(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int label, double weight)
    {
        for (var k = 0; k < cells.Length; k++)
        {
            if (values[k] <= 0) continue;
            var count = weight * Math.Min(values[k], LargestValue);
            var at = cells[k] * Classes;
            _counts[at + label] += count;
            _totals[label] += count;
            if (Classes > 2) SetComplementLogs(at);
        }
        if (Classes > 2) return;
        var numbers = Numbers(cells.Length);
        for (var k = 0; k < cells.Length; k++) numbers[k] = _counts[cells[k] * Classes + label] + _alpha;
        DeterministicLogs.InPlace(numbers);
        for (var k = 0; k < cells.Length; k++) _logs[cells[k] * Classes + 1 - label] = numbers[k];
    }

    private Span<double> Numbers(int count)
    {
        if (count > _numbers.Length) _numbers = new double[Math.Max(count, 2 * _numbers.Length)];
        return _numbers.AsSpan(0, count);
    }

    public override void Save(StateWriter writer, int classes, int features)
    {
        writer.Section(_complement ? "complement" : "multinomial", 1);
        for (var c = 0; c < classes; c++) writer.Double(_totals[c]);
        SaveTable(writer, _counts, classes, features);
    }

    public override void Load(StateReader reader, int classes, int features)
    {
        reader.Section(_complement ? "complement" : "multinomial", 1);
        for (var c = 0; c < classes; c++) _totals[c] = NotNegative(reader);
        LoadTable(reader, _counts, classes, features);
        for (var cell = 1; cell <= features; cell++)
        {
            for (var c = 0; c < classes; c++)
            {
                var count = _counts[cell * Classes + c];
                if (count < 0) throw new StateFormatException($"a count is {count}: the bytes are damaged");
                if (!_complement) _logs[cell * Classes + c] = DeterministicMath.Log(count + _alpha);
            }
            if (_complement) SetComplementLogs(cell * Classes);
        }
    }

    /// <summary>Counts of a feature, of all classes together.</summary>
    public double Count(int cell)
    {
        var sum = 0.0;
        foreach (var count in _counts.AsSpan(cell * Classes, Classes)) sum += count;
        return sum;
    }

    /// <summary>Forgets all features but some, which get the cells 1, 2, 3, ...; not for complements.</summary>
    /// <param name="cells">Cells to keep, ascending.</param>
    public void Keep(ReadOnlySpan<int> cells)
    {
        for (var k = 0; k < cells.Length; k++)
        {
            _counts.AsSpan(cells[k] * Classes, Classes).CopyTo(_counts.AsSpan((k + 1) * Classes));
            _logs.AsSpan(cells[k] * Classes, Classes).CopyTo(_logs.AsSpan((k + 1) * Classes));
        }
        var used = (cells.Length + 1) * Classes;
        _counts.AsSpan(used).Clear();
        _logs.AsSpan(used).Fill(_logAlpha);
    }

    protected override void Resize(int oldClasses, int oldCells)
    {
        _counts = Resized(_counts, oldClasses, oldCells);
        _logs = Resized(_logs, oldClasses, oldCells, _logAlpha);
        Array.Resize(ref _totals, Classes);
        // A class that is new has every row for its complement.
        if (_complement)
            for (var cell = 1; cell < oldCells; cell++) SetComplementLogs(cell * Classes);
    }

    // Summed over the others each time: a difference of sums could fall below 0.
    private void SetComplementLogs(int at)
    {
        for (var c = 0; c < Classes; c++)
        {
            var others = 0.0;
            for (var o = 0; o < Classes; o++)
                if (o != c) others += _counts[at + o];
            _logs[at + c] = DeterministicMath.Log(others + _alpha);
        }
    }

    private static double NotNegative(StateReader reader)
    {
        var number = reader.Finite();
        return number >= 0 ? number : throw new StateFormatException($"a count is {number}: the bytes are damaged");
    }
}
