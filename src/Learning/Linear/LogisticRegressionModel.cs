using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary><see cref="LogisticRegression"/> for one number type and one optimizer.</summary>
/// <remarks>
/// A row is gathered into contiguous columns (value, weight, optimizer state), worked on there, and scattered back. Columns are
/// padded with zeros to whole strides, and the sum runs in <see cref="Stride"/> interleaved accumulators added in one fixed order, so
/// its bits depend on the row alone.
/// </remarks>
internal sealed unsafe class LogisticRegressionModel<T, TOptimizer> : ILinearModel
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TOptimizer : struct, ILinearOptimizer<T>
{
    private const int Format = 1;

    private readonly T _l2;
    private readonly T _largest;
    private TOptimizer _optimizer;
    private FeatureIndex _index = new();
    private NativeArray<T> _cells;                    // cell c owns [c * Width, (c + 1) * Width); cell 0 is zero and stays so
    private Intercept _intercept;
    private long _rows;

    private NativeArray<int> _row = new(0);               // the row's cells
    private NativeArray<T> _values = new(0);
    private NativeArray<T> _weights = new(0);
    private NativeArray<T> _seconds = new(0);

    public LogisticRegressionModel(ModelSpec spec, TOptimizer optimizer)
    {
        Spec = spec;
        _optimizer = optimizer;
        _l2 = T.CreateTruncating(spec.Values.Number("l2"));
        _intercept = new Intercept(spec.Values);
        // The largest value and gradient let in. Squared and summed for ever it stays finite: the sum stops growing at
        // 2^(bits of the mantissa + 1) times the square, by rounding.
        _largest = T.CreateTruncating(typeof(T) == typeof(float) ? Math.ScaleB(1, 50) : Math.ScaleB(1, 480));
        _cells = new(TOptimizer.Width * 64);
        Reserve(64);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _index.Count;

    public long Bytes => _index.Bytes + _cells.Bytes;

    private static int Stride => Vector128<T>.Count * 2;

    public void Predict(in Row row, Span<double> scores)
    {
        Reserve(row.Count);
        _index.Find(row.Indices, _row.Span);
        scores[0] = DeterministicMath.Sigmoid(Margin(row));
        GC.KeepAlive(this);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> score = stackalloc double[1];
        PredictThenLearn(row, label, weight, score);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        Reserve(row.Count);
        RowPrefetch.Values(row);
        _index.FindOrAdd(row.Indices, _row.Span);
        ReserveCells(_index.Count + 1);

        // p and 1 - p each to full precision, from one exponential: 1 - p computed from p loses its bits where p is near 1.
        var margin = Margin(row);
        var e = DeterministicMath.Exp(-Math.Abs(margin));
        var near = 1 / (1 + e);
        var far = e * near;
        scores[0] = margin >= 0 ? near : far;
        var gradient = weight * (label > 0 ? (margin >= 0 ? -far : -near) : (margin >= 0 ? near : far));

        _intercept.Step(gradient);
        _optimizer.Begin(_rows);
        Update(row.Count, gradient);
        _rows++;
        GC.KeepAlive(this);
    }

    public void CopyFeatures(Span<uint> target) => _index.CopyTo(target);

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output, 0);
        explanation.Reset(ContributionUnit.Margin);
        Reserve(row.Count);
        _index.Find(row.Indices, _row.Span);
        LoadValues(row);
        explanation.Baseline = _intercept.Value;
        for (var k = 0; k < row.Count; k++)
            explanation.Add(row.Indices[k], double.CreateTruncating(_cells.Pointer[(nint)_row.Pointer[k] * TOptimizer.Width] * _values.Pointer[k]));
        GC.KeepAlive(this);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("logistic-regression", Format);
        writer.Text(TOptimizer.Name);
        writer.Int32(Unsafe.SizeOf<T>());
        writer.Int64(_rows);
        _intercept.Save(writer);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        writer.Array<T>(_cells.Span.Slice(TOptimizer.Width, features.Length * TOptimizer.Width));
        GC.KeepAlive(this);
    }

    public void Load(StateReader reader)
    {
        reader.Section("logistic-regression", Format);
        var optimizer = reader.Text();
        var size = reader.Int32();
        if (optimizer != TOptimizer.Name || size != Unsafe.SizeOf<T>())
            throw new StateFormatException($"the state is of optimizer '{optimizer}' with {size}-byte numbers, this model has '{TOptimizer.Name}' with {Unsafe.SizeOf<T>()}: load it with the settings it was saved with");
        var rows = reader.Int64();
        var intercept = _intercept;
        intercept.Load(reader);
        var index = FeatureIndex.Restore(reader.View<uint>());
        var numbers = reader.View<T>();
        if (rows < 0 || numbers.Length != index.Count * TOptimizer.Width)
            throw new StateFormatException($"{numbers.Length} numbers for {index.Count} features after {rows} rows: the bytes are damaged");
        foreach (var number in numbers)
            if (!T.IsFinite(number)) throw new StateFormatException("a parameter is not finite: the bytes are damaged");

        var cells = new NativeArray<T>(numbers.Length + TOptimizer.Width);
        numbers.CopyTo(cells.Span[TOptimizer.Width..]);
        (_rows, _intercept, _index, _cells) = (rows, intercept, index, cells);
    }

    // w·x + b; leaves the row's values and weights in the scratch columns for Update.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private double Margin(in Row row)
    {
        LoadValues(row);
        var cells = _cells.Pointer;
        var at = _row.Pointer;
        var values = _values.Pointer;
        var weights = _weights.Pointer;
        var seconds = _seconds.Pointer;
        var even = Vector128<T>.Zero;
        var odd = Vector128<T>.Zero;
        for (nint k = 0; k < row.Count; k += Stride)
        {
            even += GatherWeights(cells, at + k, weights + k, seconds + k) * Vector128.Load(values + k);
            var next = k + Vector128<T>.Count;
            odd += GatherWeights(cells, at + next, weights + next, seconds + next) * Vector128.Load(values + next);
        }
        var lanes = even + odd;
        var sum = sizeof(T) == sizeof(float) ? (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) : lanes[0] + lanes[1];
        var margin = double.CreateTruncating(sum) + _intercept.Value;
        // Infinite products of both signs: the row says nothing.
        return double.IsNaN(margin) ? 0 : margin;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> GatherWeights(T* cells, int* at, T* weights, T* seconds)
    {
        Vector128<T> weight;
        if (TOptimizer.Width == 2)
        {
            weight = Cells.GatherPairs(cells, at, out var second);
            Vector128.Store(second, seconds);
        }
        else
        {
            weight = Cells.Gather(cells, at, TOptimizer.Width);
        }
        Vector128.Store(weight, weights);
        return weight;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Update(int count, double gradient)
    {
        var cells = _cells.Pointer;
        var at = _row.Pointer;
        var values = _values.Pointer;
        var weights = _weights.Pointer;
        var seconds = _seconds.Pointer;
        var optimizer = _optimizer;
        var scale = Vector128.Create(T.Clamp(T.CreateTruncating(gradient), -_largest, _largest));
        var l2 = Vector128.Create(_l2);
        var largest = Vector128.Create(_largest);
        for (nint k = 0; k < count; k += Vector128<T>.Count)
        {
            var weight = Vector128.Load(weights + k);
            var second = TOptimizer.Width switch { 1 => default, 2 => Vector128.Load(seconds + k), _ => Cells.Gather(cells + 1, at + k, TOptimizer.Width) };
            var third = TOptimizer.Width > 2 ? Cells.Gather(cells + 2, at + k, TOptimizer.Width) : default;
            var g = scale * Vector128.Load(values + k) + l2 * weight;
            g = Vector128.ClampNative(g, -largest, largest);
            optimizer.Step(g, ref weight, ref second, ref third);
            if (TOptimizer.Width == 2)
            {
                Cells.ScatterPairs(cells, at + k, weight, second);
                continue;
            }
            Cells.Scatter(cells, at + k, TOptimizer.Width, weight);
            if (TOptimizer.Width > 2) Cells.Scatter(cells + 1, at + k, TOptimizer.Width, second);
            if (TOptimizer.Width > 2) Cells.Scatter(cells + 2, at + k, TOptimizer.Width, third);
        }
    }

    // The row's values as T, clamped, padded with zeros of cell 0 to a whole stride.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void LoadValues(in Row row)
    {
        var count = row.Count;
        var values = _values.Pointer;
        var k = 0;
        if (sizeof(T) == sizeof(float))
        {
            var largest = Vector128.Create(float.CreateTruncating(_largest));
            fixed (double* source = row.Values)
            {
                for (; k <= count - 4; k += 4)
                {
                    var v = Vector128.Narrow(Vector128.Load(source + k), Vector128.Load(source + k + 2));
                    Vector128.Store(Vector128.ClampNative(v, -largest, largest), (float*)values + k);
                }
            }
        }
        for (; k < count; k++) values[k] = T.Clamp(T.CreateTruncating(row.Values[k]), -_largest, _largest);
        for (; k < Padded(count); k++)
        {
            values[k] = T.Zero;
            _row.Pointer[k] = 0;
        }
    }

    private static int Padded(int count) => (count + Stride - 1) / Stride * Stride;

    private void Reserve(int count)
    {
        if (Padded(count) <= _row.Length) return;
        var capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Padded(count));
        _row = new(capacity);
        _values = new(capacity);
        _weights = new(capacity);
        _seconds = new(capacity);
    }

    private void ReserveCells(int cells)
    {
        if (cells * TOptimizer.Width <= _cells.Length) return;
        var larger = new NativeArray<T>(Math.Max(cells, (int)(cells * 1.2)) * TOptimizer.Width);
        _cells.Span.CopyTo(larger.Span);
        GC.KeepAlive(_cells);
        _cells = larger;
    }
}
