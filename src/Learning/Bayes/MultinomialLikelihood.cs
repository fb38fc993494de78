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
        for (var c = 0; c < logs.Length; c++)
        {
            var sum = 0.0;
            var length = 0.0;
            for (var k = 0; k < cells.Length; k++)
            {
                if (cells[k] == 0 || values[k] <= 0) continue;
                var value = Math.Min(values[k], LargestValue);
                sum += value * _logs[cells[k] * Classes + c];
                length += value;
            }
            sum -= length * DeterministicMath.Log((_complement ? all - _totals[c] : _totals[c]) + _alpha * Math.Max(features, 1));
            logs[c] += _complement ? -sum : sum;
        }
    }

    public override void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight)
    {
        for (var k = 0; k < cells.Length; k++)
        {
            if (values[k] <= 0) continue;
            var count = weight * Math.Min(values[k], LargestValue);
            var at = cells[k] * Classes;
            _counts[at + label] += count;
            _totals[label] += count;
            if (_complement) SetComplementLogs(at);
            else _logs[at + label] = DeterministicMath.Log(_counts[at + label] + _alpha);
        }
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
