using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace StreamMLOps.Learning;

/// <summary>
/// Multinomial: a row is a bag of counts, <c>P(f | c) = (n_fc + alpha) / (N_c + alpha V)</c> (McCallum and Nigam, "A Comparison of Event Models for Naive
/// Bayes Text Classification", 1998). As complement, each class is described by all rows that are not of it, which bears classes of unequal size
/// (Rennie, Shih, Teevan and Karger, "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003). Negative values count as 0.
/// </summary>
internal sealed unsafe class MultinomialLikelihood : FeatureLikelihood
{
    private const int Ahead = 8;    // features asked for before they are needed
    private readonly double _alpha;
    private readonly double _logAlpha;
    private readonly bool _complement;
    private NativeArray<double> _records;   // by cell: counts by class, then ln(count + alpha) by class, of the class or of its complement
    private double[] _totals;               // by class
    private double[] _numbers = new double[256];    // numbers of a row whose logarithms are taken together

    public MultinomialLikelihood(double alpha, bool complement)
    {
        _alpha = alpha;
        _logAlpha = DeterministicMath.Log(alpha);
        _complement = complement;
        _records = new(Cells * 2 * Classes);
        ClearFrom(0);
        _totals = new double[Classes];
    }

    public override void AddLogs(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, Span<double> logs)
    {
        var all = 0.0;
        foreach (var total in _totals) all += total;
        var sums = Numbers(logs.Length);
        sums.Clear();
        var length = Classes == 2 && logs.Length == 2 ? SumsOfTwo(cells, values, sums) : Sums(cells, values, sums);
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
        GC.KeepAlive(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private double SumsOfTwo(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, Span<double> sums)
    {
        var records = _records.Pointer;
        var length = 0.0;
        var both = Vector128<double>.Zero;
        if (Sse.IsSupported)
            foreach (var cell in cells[..Math.Min(Ahead, cells.Length)]) Sse.Prefetch0(records + (nint)cell * 4);
        for (var k = 0; k < cells.Length; k++)
        {
            if (Sse.IsSupported && k + Ahead < cells.Length) Sse.Prefetch0(records + (nint)cells[k + Ahead] * 4);
            if (cells[k] == 0 || values[k] <= 0) continue;
            var value = Math.Min(values[k], LargestValue);
            both += Vector128.Create(value) * Vector128.Load(records + (nint)cells[k] * 4 + 2);
            length += value;
        }
        GC.KeepAlive(this);
        (sums[0], sums[1]) = (both.GetElement(0), both.GetElement(1));
        return length;
    }

    private double Sums(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, Span<double> sums)
    {
        var length = 0.0;
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0 || values[k] <= 0) continue;
            var value = Math.Min(values[k], LargestValue);
            var of = Logs(cells[k]);
            for (var c = 0; c < sums.Length; c++) sums[c] += value * of[c];
            length += value;
        }
        return length;
    }

    private void LearnClass(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int label, double weight)
    {
        var numbers = Numbers(cells.Length);
        var total = 0.0;
        var stride = 2 * Classes;
        var counts = _records.Pointer + label;
        for (var k = 0; k < cells.Length; k++)
        {
            var count = values[k] > 0 ? weight * Math.Min(values[k], LargestValue) : 0;
            total += count;
            numbers[k] = (counts[(nint)cells[k] * stride] += count) + _alpha;
        }
        _totals[label] += total;
        DeterministicLogs.InPlace(numbers);
        var logs = counts + Classes;
        for (var k = 0; k < cells.Length; k++) logs[(nint)cells[k] * stride] = numbers[k];
    }

    // The row counts for all classes but its own.
    private void LearnComplement(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int label, double weight)
    {
        var numbers = Numbers(cells.Length);
        var stride = 2 * Classes;
        var counts = _records.Pointer + label;
        var total = _totals[label];
        for (var k = 0; k < cells.Length; k++)
        {
            var count = values[k] > 0 ? weight * Math.Min(values[k], LargestValue) : 0;
            total += count;
            numbers[k] = (counts[(nint)cells[k] * stride] += count) + _alpha;
            if (count > 0 && Classes > 2) SetComplementLogs(cells[k]);
        }
        _totals[label] = total;
        if (Classes > 2) return;
        DeterministicLogs.InPlace(numbers);
        var logs = _records.Pointer + 2 + (1 - label);
        for (var k = 0; k < cells.Length; k++) logs[(nint)cells[k] * stride] = numbers[k];
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
        for (var cell = 1; cell <= features; cell++)
            foreach (var count in Counts(cell)[..classes]) writer.Double(count);
    }

    public override void Load(StateReader reader, int classes, int features)
    {
        reader.Section(_complement ? "complement" : "multinomial", 1);
        for (var c = 0; c < classes; c++) _totals[c] = NotNegative(reader);
        for (var cell = 1; cell <= features; cell++)
        {
            var counts = Counts(cell);
            for (var c = 0; c < classes; c++)
            {
                counts[c] = NotNegative(reader);
                if (!_complement) Logs(cell)[c] = DeterministicMath.Log(counts[c] + _alpha);
            }
            if (_complement) SetComplementLogs(cell);
        }
    }

    /// <summary>Counts of a feature, of all classes together.</summary>
    public double Count(int cell)
    {
        var sum = 0.0;
        foreach (var count in Counts(cell)) sum += count;
        return sum;
    }

    /// <summary>Forgets all features but some, which get the cells 1, 2, 3, ...; not for complements.</summary>
    /// <param name="cells">Cells to keep, ascending.</param>
    public void Keep(ReadOnlySpan<int> cells)
    {
        for (var k = 0; k < cells.Length; k++) Record(cells[k]).CopyTo(Record(k + 1));
        ClearFrom(cells.Length + 1);
    }

    protected override void Resize(int oldClasses, int oldCells)
    {
        var old = _records;
        _records = new(Cells * 2 * Classes);
        ClearFrom(Classes == oldClasses ? oldCells : 0);
        if (Classes == oldClasses) old.Span.CopyTo(_records.Span);
        else
            for (var part = 0; part < 2 * oldCells; part++)
                old.Span.Slice(part * oldClasses, oldClasses).CopyTo(_records.Span[(part * Classes)..]);
        old.Free();
        Array.Resize(ref _totals, Classes);
        // A class that is new has every row for its complement.
        if (_complement)
            for (var cell = 1; cell < oldCells; cell++) SetComplementLogs(cell);
    }

    private Span<double> Record(int cell) => _records.Span.Slice(cell * 2 * Classes, 2 * Classes);

    private Span<double> Counts(int cell) => Record(cell)[..Classes];

    private Span<double> Logs(int cell) => Record(cell)[Classes..];

    private void ClearFrom(int cell)
    {
        for (; cell < Cells; cell++)
        {
            Counts(cell).Clear();
            Logs(cell).Fill(_logAlpha);
        }
    }

    // Summed over the others each time: a difference of sums could fall below 0.
    private void SetComplementLogs(int cell)
    {
        var counts = Counts(cell);
        var logs = Logs(cell);
        for (var c = 0; c < Classes; c++)
        {
            var others = 0.0;
            for (var o = 0; o < Classes; o++)
                if (o != c) others += counts[o];
            logs[c] = DeterministicMath.Log(others + _alpha);
        }
    }

    private static double NotNegative(StateReader reader)
    {
        var number = reader.Finite();
        return number >= 0 ? number : throw new StateFormatException($"a count is {number}: the bytes are damaged");
    }
}
