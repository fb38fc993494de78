using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
/// What is known of a feature lies together, and the logarithms of a row's probabilities are one logarithm of their product.
/// </remarks>
internal sealed unsafe class PresenceLikelihood : FeatureLikelihood
{
    private const int Few = 64;
    private const int Ahead = 8;            // features asked for before they are needed
    private const double LeastSpread = 1e-280;
    private readonly double _alpha;
    private readonly bool _gaussian;
    private readonly bool _ranged;
    private readonly int _parts;            // numbers of a feature and class
    private int _stride;                    // numbers of a feature
    private NativeArray<double> _records;   // by cell: rows with the feature by class, then means by class, then sums of squared deviations by class, then smallest and largest value
    private double[] _rows;                 // by class
    private double[] _absent;               // by class: sum of ln(1 - p)
    private double[] _refreshed;            // by class: rows when that sum was last made anew
    private int[] _counted;                 // by class: features in that sum

    /// <param name="alpha">Smoothing: added to every count.</param>
    /// <param name="gaussian">Whether the values of features that are there matter.</param>
    /// <param name="ranged">Whether the smallest and the largest value of each feature are kept too, for <see cref="Range"/>.</param>
    public PresenceLikelihood(double alpha, bool gaussian, bool ranged = false)
    {
        (_alpha, _gaussian, _ranged, _parts) = (alpha, gaussian, ranged, gaussian ? 3 : 1);
        _stride = Stride();
        _records = new(Cells * _stride);
        ClearRangesFrom(0);
        _rows = new double[Classes];
        _absent = new double[Classes];
        _refreshed = new double[Classes];
        _counted = new int[Classes];
    }

    public override void AddLogs(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, Span<double> logs)
    {
        // Features that came after the class's sum was made were never there in its rows.
        for (var c = 0; c < logs.Length; c++) logs[c] += features == _counted[c] ? _absent[c] : _absent[c] + (features - _counted[c]) * LogAbsent(0, c);
        if (Classes == 2 && logs.Length == 2) AddLogsOfTwo(cells, values, logs);
        else AddLogsOfMany(cells, values, logs);
        GC.KeepAlive(this);
    }

    public override void Learn(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int features, int label, double weight)
    {
        if (features != _counted[label]) _absent[label] += (features - _counted[label]) * LogAbsent(0, label);
        _counted[label] = features;
        var before = _rows[label];
        _rows[label] += weight;
        if (_gaussian) LearnValues(cells, values, label, weight);
        else
            foreach (var cell in cells) _records.Pointer[(nint)cell * _stride + label] += weight;
        GC.KeepAlive(this);
        if (features <= Few || before == 0 || _rows[label] >= 1.125 * _refreshed[label])
            Refresh(label, features);
        else
            // The rows without each of these features are as many as before, among more rows.
            _absent[label] += cells.Length * DeterministicMath.Log((before + 2 * _alpha) / (_rows[label] + 2 * _alpha));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LearnValues(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, int label, double weight)
    {
        var (stride, classes, ranged) = (_stride, Classes, _ranged);
        var records = _records.Pointer;
        for (var k = 0; k < cells.Length; k++)
        {
            var record = records + (nint)cells[k] * stride;
            var value = Math.Clamp(values[k], -LargestValue, LargestValue);
            if (ranged)
            {
                var range = record + 3 * classes;
                if (value < range[0]) range[0] = value;
                if (value > range[1]) range[1] = value;
            }
            record += label;
            record[0] += weight;
            ref var mean = ref record[classes];
            // Of 0 too, which changes nothing: a branch on it would be one that nobody can foresee.
            var deviation = value - mean;
            mean += weight / record[0] * deviation;
            record[2 * classes] += weight * deviation * (value - mean);
        }
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
        for (var part = 0; part < _parts; part++)
            for (var cell = 1; cell <= features; cell++)
                foreach (var number in Record(cell).Slice(part * Classes, classes)) writer.Double(number);
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
        for (var part = 0; part < _parts; part++)
            for (var cell = 1; cell <= features; cell++)
                foreach (ref var number in Record(cell).Slice(part * Classes, classes)) number = reader.Finite();
        for (var cell = 1; cell <= features; cell++)
            for (var c = 0; c < classes; c++)
            {
                var record = Record(cell);
                if (!(record[c] >= 0 && record[c] <= _rows[c] * (1 + 1e-9))) throw new StateFormatException("a feature is in more rows than there are: the bytes are damaged");
                if (_gaussian && record[2 * Classes + c] < 0) record[2 * Classes + c] = 0;
            }
    }

    /// <summary>Rows of a class.</summary>
    public double Rows(int label) => _rows[label];

    /// <summary>What is known of a feature within a class: rows that have it, and mean and population variance of its values there.</summary>
    public (double Present, double Mean, double Variance) Of(int cell, int label)
    {
        var record = Record(cell);
        var present = record[label];
        return present > 0 ? (present, record[Classes + label], Math.Max(record[2 * Classes + label] / present, 0)) : (0, 0, 0);
    }

    /// <summary>Asks for the memory of what is known of the classes: hints.</summary>
    public void Prefetch()
    {
        if (!Sse.IsSupported) return;
        Sse.Prefetch0(_records.Pointer);
        Sse.Prefetch0(Unsafe.AsPointer(ref _rows[0]));
        Sse.Prefetch0(Unsafe.AsPointer(ref _absent[0]));
        Sse.Prefetch0(Unsafe.AsPointer(ref _refreshed[0]));
        Sse.Prefetch0(Unsafe.AsPointer(ref _counted[0]));
    }

    /// <summary>The smallest and the largest value of a feature.</summary>
    public (double Smallest, double Largest) Range(int cell) => (_records.Pointer[(nint)cell * _stride + 3 * Classes], _records.Pointer[(nint)cell * _stride + 3 * Classes + 1]);

    /// <summary>Sets the range of a feature, as it was saved.</summary>
    public void SetRange(int cell, double smallest, double largest)
    {
        var record = Record(cell);
        (record[3 * Classes], record[3 * Classes + 1]) = (smallest, largest);
    }

    /// <summary>Rows that have a feature, of all classes together.</summary>
    public double Present(int cell)
    {
        var present = _records.Pointer + (nint)cell * _stride;
        var sum = 0.0;
        for (var c = 0; c < Classes; c++) sum += present[c];
        return sum;
    }

    /// <summary>Forgets all features but some, which get the cells 1, 2, 3, ...</summary>
    /// <param name="cells">Cells to keep, ascending.</param>
    public void Keep(ReadOnlySpan<int> cells)
    {
        for (var k = 0; k < cells.Length; k++) Record(cells[k]).CopyTo(Record(k + 1));
        _records.Span[((cells.Length + 1) * _stride)..].Clear();
        ClearRangesFrom(cells.Length + 1);
        for (var c = 0; c < Classes; c++) Refresh(c, cells.Length);
    }

    /// <summary>Gives the memory of the features back, for a model that nobody asks any more.</summary>
    public void Free() => _records.Free();

    protected override void Resize(int oldClasses, int oldCells)
    {
        var (old, oldStride) = (_records, _stride);
        _stride = Stride();
        _records = new(Cells * _stride);
        if (Classes == oldClasses) old.Span.CopyTo(_records.Span);
        else
            for (var cell = 0; cell < oldCells; cell++)
            {
                var from = old.Span.Slice(cell * oldStride, oldStride);
                var to = Record(cell);
                for (var part = 0; part < _parts; part++) from.Slice(part * oldClasses, oldClasses).CopyTo(to[(part * Classes)..]);
                if (_ranged) from.Slice(3 * oldClasses, 2).CopyTo(to[(3 * Classes)..]);
            }
        ClearRangesFrom(oldCells);
        old.Free();
        Array.Resize(ref _rows, Classes);
        Array.Resize(ref _absent, Classes);
        Array.Resize(ref _refreshed, Classes);
        Array.Resize(ref _counted, Classes);
    }

    // Of two classes the record of a feature is one cache line.
    private int Stride() => _gaussian && Classes == 2 ? 8 : Classes * _parts + (_ranged ? 2 : 0);

    private void ClearRangesFrom(int cell)
    {
        if (!_ranged) return;
        for (; cell < Cells; cell++) SetRange(cell, double.PositiveInfinity, double.NegativeInfinity);
    }

    private Span<double> Record(int cell) => _records.Span.Slice(cell * _stride, _stride);

    private double LogAbsent(double present, int label) =>
        DeterministicMath.Log((Math.Max(_rows[label] - present, 0) + _alpha) / (_rows[label] + 2 * _alpha));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddLogsOfTwo(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, Span<double> logs)
    {
        var stride = _stride;
        var records = _records.Pointer;
        var rows = Vector128.Create(_rows[0], _rows[1]);
        var alpha = Vector128.Create(_alpha);
        var (there, away) = (LogProduct.One, LogProduct.One);
        var (spreads, counts) = (LogProduct.One, LogProduct.One);
        var distances = Vector128<double>.Zero;
        if (Sse.IsSupported)
            foreach (var cell in cells[..Math.Min(Ahead, cells.Length)]) Sse.Prefetch0(records + (nint)cell * stride);
        for (var k = 0; k < cells.Length; k++)
        {
            if (k % LogProduct.MostFactors == LogProduct.MostFactors - 1) Rebase(ref there, ref away, ref spreads, ref counts);
            if (Sse.IsSupported && k + Ahead < cells.Length) Sse.Prefetch0(records + (nint)cells[k + Ahead] * stride);
            if (cells[k] == 0) continue;
            var record = records + (nint)cells[k] * stride;
            var present = Vector128.Load(record);
            there.Multiply(present + alpha);
            away.Multiply(Vector128.Max(rows - present, Vector128<double>.Zero) + alpha);
            if (!_gaussian) continue;

            // As in the general form below, but without a branch that nobody can foresee: what says nothing multiplies by 1.
            var means = Vector128.Load(record + 2);
            var squares = Vector128.Load(record + 4);
            means = Vector128.ConditionalSelect(Vector128.Equals(present, Vector128<double>.Zero), Vector128.Shuffle(means, Vector128.Create(1L, 0L)), means);
            var (n0, n1) = (present.GetElement(0), present.GetElement(1));
            var apart = means.GetElement(1) - means.GetElement(0);
            var n = n0 + n1;
            var pooled = Vector128.Create(((squares.GetElement(0) + squares.GetElement(1)) * n + apart * apart * n0 * n1) / (n * n));
            var speaks = Vector128.GreaterThan(pooled, Vector128.Create(LeastSpread));
            var spread = squares + pooled;
            var count = present + Vector128<double>.One;
            var distance = Vector128.Create(Math.Clamp(values[k], -LargestValue, LargestValue)) - means;
            distances += Vector128.Min(distance * distance * count / (spread + spread), Vector128.Create(Strangest)) & speaks;
            spread = Vector128.ConditionalSelect(speaks, spread, Vector128<double>.One);
            count = Vector128.ConditionalSelect(speaks, count, Vector128<double>.One);
            spreads.Multiply(spread);
            counts.Multiply(count);
        }
        AddTo(logs, 0, 2, ref there, ref away, ref spreads, ref counts, (distances.GetElement(0), distances.GetElement(1)));
    }

    // No value is stranger than 30 deviations: one wild value must not outweigh all other features.
    private const double Strangest = 450;

    // The variance within a class is drawn to that of all classes together, which counts as one row more: a class with few values, or all alike, is
    // then not certain of anything. A feature that has one value besides 0 says nothing by it.
    private void AddLogsOfMany(ReadOnlySpan<int> cells, ReadOnlySpan<double> values, Span<double> logs)
    {
        var classes = logs.Length;
        for (var c = 0; c < classes; c += 2)
        {
            var (there, away, spreads, counts) = (LogProduct.One, LogProduct.One, LogProduct.One, LogProduct.One);
            var other = Math.Min(c + 1, classes - 1);
            var (distance0, distance1) = (0.0, 0.0);
            for (var k = 0; k < cells.Length; k++)
            {
                if (k % LogProduct.MostFactors == LogProduct.MostFactors - 1) Rebase(ref there, ref away, ref spreads, ref counts);
                if (cells[k] == 0) continue;
                var record = Record(cells[k]);
                there.Multiply(Vector128.Create(record[c] + _alpha, record[other] + _alpha));
                away.Multiply(Vector128.Create(Math.Max(_rows[c] - record[c], 0) + _alpha, Math.Max(_rows[other] - record[other], 0) + _alpha));
                if (!_gaussian || !Pooled(record, out var mean, out var pooled)) continue;
                var value = Math.Clamp(values[k], -LargestValue, LargestValue);
                distance0 += Distance(record, c, value, mean, pooled);
                distance1 += Distance(record, other, value, mean, pooled);
                spreads.Multiply(Vector128.Create(record[2 * Classes + c] + pooled, record[2 * Classes + other] + pooled));
                counts.Multiply(Vector128.Create(record[c] + 1, record[other] + 1));
            }
            AddTo(logs, c, classes, ref there, ref away, ref spreads, ref counts, (distance0, distance1));
        }
    }

    private static void Rebase(ref LogProduct there, ref LogProduct away, ref LogProduct spreads, ref LogProduct counts)
    {
        there.Rebase();
        away.Rebase();
        spreads.Rebase();
        counts.Rebase();
    }

    private void AddTo(Span<double> logs, int c, int classes, ref LogProduct there, ref LogProduct away, ref LogProduct spreads, ref LogProduct counts, (double, double) distances)
    {
        Span<double> of = stackalloc double[8];
        of.Clear();
        LogProduct.Logs(ref there, ref away, of);
        if (_gaussian) LogProduct.Logs(ref spreads, ref counts, of[4..]);
        logs[c] += of[0] - of[2] - 0.5 * (of[4] - of[6]) - distances.Item1;
        if (c + 1 < classes) logs[c + 1] += of[1] - of[3] - 0.5 * (of[5] - of[7]) - distances.Item2;
    }

    // Mean and population variance of a feature over all classes.
    private bool Pooled(ReadOnlySpan<double> record, out double mean, out double pooled)
    {
        double count = 0, squares = 0;
        mean = 0;
        for (var c = 0; c < Classes; c++)
        {
            var n = record[c];
            if (n == 0) continue;
            var difference = record[Classes + c] - mean;
            if (count == 0) mean = record[Classes + c];
            else if (difference != 0)
            {
                squares += difference * difference * count * n / (count + n);
                mean += difference * n / (count + n);
            }
            squares += record[2 * Classes + c];
            count += n;
        }
        pooled = count > 0 ? squares / count : 0;
        return pooled > LeastSpread;
    }

    private double Distance(ReadOnlySpan<double> record, int c, double value, double mean, double pooled)
    {
        var distance = value - (record[c] > 0 ? record[Classes + c] : mean);
        var spread = record[2 * Classes + c] + pooled;
        return Math.Min(distance * distance * (record[c] + 1) / (spread + spread), Strangest);
    }

    private void Refresh(int label, int features)
    {
        var product = LogProduct.One;
        var stride = _stride;
        var present = _records.Pointer + label;
        var rows = Vector128.Create(_rows[label]);
        var alpha = Vector128.Create(_alpha);
        for (nint cell = 1; cell < features; cell += 2)
        {
            product.Multiply(Vector128.Max(rows - Vector128.Create(present[cell * stride], present[(cell + 1) * stride]), Vector128<double>.Zero) + alpha);
            if (cell % LogProduct.MostFactors == 1) product.Rebase();
        }
        if ((features & 1) != 0) product.Multiply(Vector128.Create(Math.Max(_rows[label] - present[(nint)features * stride], 0) + _alpha, 1));
        GC.KeepAlive(this);
        var (even, odd) = product.Logs();
        (_absent[label], _refreshed[label], _counted[label]) = (even + odd - features * DeterministicMath.Log(_rows[label] + 2 * _alpha), _rows[label], features);
    }
}
