using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// A linear model over features that appear at any time, for one number type and one rule of learning. The intercept, where there
/// is one, is a feature that every row has with value 1.
/// </summary>
/// <remarks>
/// A row is gathered into contiguous columns, summed in interleaved accumulators that are added in one fixed order, worked on there, and
/// scattered back: its bits depend on the row alone.
/// </remarks>
internal sealed unsafe class LinearModel<T, TRule> : ILinearModel
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
    where TRule : struct, ILinearRule<T>
{
    private const int Format = 1;
    private const int InterceptCell = -1;

    private readonly string _kind;
    private readonly bool _intercept;
    private TRule _rule;
    private FeatureIndex _index = new();
    private NativeArray<T> _numbers;         // cell c owns [(c + 1) * Width, (c + 2) * Width): the intercept's, then one of zeros, then the features'
    private NativeArray<int> _row = new(0);  // the row's cells
    private NativeArray<T> _values = new(0);
    private NativeArray<T> _columns = new(0);    // Width columns of the row's numbers

    public LinearModel(ModelSpec spec, bool intercept, TRule rule)
    {
        Spec = spec;
        _kind = spec.Kind.Name;
        _intercept = intercept;
        _rule = rule;
        _numbers = new(TRule.Width * 64);
        Reserve(64);
    }

    public ModelSpec Spec { get; }

    public int Outputs => 1;

    public long Features => _index.Count;

    public long Bytes => _index.Bytes + _numbers.Bytes;

    private static int Stride => Vector128<T>.Count * 2;

    private T* Cells => _numbers.Pointer + TRule.Width;

    public void Predict(in Row row, Span<double> scores)
    {
        Reserve(row.Count + 1);
        _index.Find(row.Indices, _row.Span);
        scores[0] = _rule.Score(Sum(LoadValues(row)));
        GC.KeepAlive(this);
    }

    public void Learn(in Row row, double label, double weight = 1)
    {
        Span<double> score = stackalloc double[1];
        PredictThenLearn(row, label, weight, score);
    }

    public void PredictThenLearn(in Row row, double label, double weight, Span<double> scores)
    {
        Reserve(row.Count + 1);
        RowPrefetch.Values(row);
        _index.FindOrAdd(row.Indices, _row.Span);
        ReserveCells(_index.Count);
        var count = LoadValues(row);
        var sums = Sum(count);
        scores[0] = _rule.Score(sums);
        if (_rule.Decide(sums, label, weight)) Update(count);
        GC.KeepAlive(this);
    }

    public void CopyFeatures(Span<uint> target) => _index.CopyTo(target);

    /// <summary>Forgets all features but these; those of them that were never seen stay unseen.</summary>
    public void Keep(ReadOnlySpan<uint> features)
    {
        var cells = new int[features.Length];
        _index.Find(features, cells);
        var kept = features.ToArray();
        var count = 0;
        var numbers = new NativeArray<T>((features.Length + 2) * TRule.Width);
        _numbers.Span[..(2 * TRule.Width)].CopyTo(numbers.Span);
        for (var k = 0; k < cells.Length; k++)
        {
            if (cells[k] == 0) continue;
            _numbers.Span.Slice((cells[k] + 1) * TRule.Width, TRule.Width).CopyTo(numbers.Span[((count + 2) * TRule.Width)..]);
            kept[count++] = features[k];
        }
        (_index, _numbers) = (FeatureIndex.Restore(kept.AsSpan(0, count)), numbers);
    }

    public void Explain(in Row row, int output, Explanation explanation)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output, 0);
        explanation.Reset(ContributionUnit.Margin);
        Reserve(row.Count + 1);
        _index.Find(row.Indices, _row.Span);
        var count = LoadValues(row);
        for (var k = 0; k < count; k++)
        {
            // The rule itself says what a feature adds: the first lane alone, since zeros add nothing.
            var cell = Cells + (nint)_row.Pointer[k] * TRule.Width;
            Vector128<T> margin = default, second = default, third = default;
            _rule.Add(Vector128.CreateScalar(_values.Pointer[k]), Number(cell, 0), Number(cell, 1), Number(cell, 2), Number(cell, 3), ref margin, ref second, ref third);
            var contribution = double.CreateTruncating(margin[0]);
            if (k < row.Count) explanation.Add(row.Indices[k], contribution);
            else explanation.Baseline = contribution;
        }
        GC.KeepAlive(this);

        static Vector128<T> Number(T* cell, int i) => i < TRule.Width ? Vector128.CreateScalar(cell[i]) : default;
    }

    public void Save(StateWriter writer)
    {
        writer.Section(_kind, Format);
        writer.Text(TRule.Name);
        writer.Int32(Unsafe.SizeOf<T>());
        _rule.Save(writer);
        var features = new uint[_index.Count];
        _index.CopyTo(features);
        writer.Array<uint>(features);
        writer.Array<T>(_numbers.Span[..TRule.Width]);
        writer.Array<T>(_numbers.Span.Slice(2 * TRule.Width, features.Length * TRule.Width));
        GC.KeepAlive(this);
    }

    public void Load(StateReader reader)
    {
        reader.Section(_kind, Format);
        var name = reader.Text();
        var size = reader.Int32();
        if (name != TRule.Name || size != Unsafe.SizeOf<T>())
            throw new StateFormatException($"the state is of '{name}' with {size}-byte numbers, this model is '{TRule.Name}' with {Unsafe.SizeOf<T>()}: load it with the settings it was saved with");
        var rule = _rule;
        rule.Load(reader);
        var index = FeatureIndex.Restore(reader.View<uint>());
        var intercept = reader.View<T>();
        var features = reader.View<T>();
        if (intercept.Length != TRule.Width || features.Length != index.Count * TRule.Width)
            throw new StateFormatException($"{features.Length} numbers for {index.Count} features: the bytes are damaged");
        foreach (var number in intercept) RequireFinite(number);
        foreach (var number in features) RequireFinite(number);

        var numbers = new NativeArray<T>(features.Length + 2 * TRule.Width);
        intercept.CopyTo(numbers.Span);
        features.CopyTo(numbers.Span[(2 * TRule.Width)..]);
        (_rule, _index, _numbers) = (rule, index, numbers);
    }

    private static void RequireFinite(T number)
    {
        if (!T.IsFinite(number)) throw new StateFormatException("a parameter is not finite: the bytes are damaged");
    }

    // Leaves the row's numbers in the columns for Update.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private RowSums Sum(int count)
    {
        var cells = Cells;
        var at = _row.Pointer;
        var values = _values.Pointer;
        var columns = _columns.Pointer;
        nint length = _row.Length;
        var rule = _rule;
        Vector128<T> even1 = default, even2 = default, even3 = default, odd1 = default, odd2 = default, odd3 = default;
        for (nint k = 0; k < count; k += Stride)
        {
            AddVector(ref rule, cells, at, values, columns, length, k, ref even1, ref even2, ref even3);
            AddVector(ref rule, cells, at, values, columns, length, k + Vector128<T>.Count, ref odd1, ref odd2, ref odd3);
        }
        return new(Lanes(even1 + odd1), Lanes(even2 + odd2), Lanes(even3 + odd3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddVector(ref TRule rule, T* cells, int* at, T* values, T* columns, nint length, nint k,
        ref Vector128<T> first, ref Vector128<T> second, ref Vector128<T> third)
    {
        Vector128<T> b = default, c = default, d = default;
        var a = TRule.Width == 2 ? Learning.Cells.GatherPairs(cells, at + k, out b) : Learning.Cells.Gather(cells, at + k, TRule.Width);
        Vector128.Store(a, columns + k);
        if (TRule.Width == 2) Vector128.Store(b, columns + length + k);
        if (TRule.Width > 2) Vector128.Store(b = Learning.Cells.Gather(cells + 1, at + k, TRule.Width), columns + length + k);
        if (TRule.Width > 2) Vector128.Store(c = Learning.Cells.Gather(cells + 2, at + k, TRule.Width), columns + 2 * length + k);
        if (TRule.Width > 3) Vector128.Store(d = Learning.Cells.Gather(cells + 3, at + k, TRule.Width), columns + 3 * length + k);
        rule.Add(Vector128.Load(values + k), a, b, c, d, ref first, ref second, ref third);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Update(int count)
    {
        var cells = Cells;
        var at = _row.Pointer;
        var values = _values.Pointer;
        var columns = _columns.Pointer;
        nint length = _row.Length;
        var rule = _rule;
        var largest = Vector128.Create(LinearLimits<T>.Weight);
        for (nint k = 0; k < count; k += Vector128<T>.Count)
        {
            var a = Vector128.Load(columns + k);
            var b = TRule.Width > 1 ? Vector128.Load(columns + length + k) : default;
            var c = TRule.Width > 2 ? Vector128.Load(columns + 2 * length + k) : default;
            var d = TRule.Width > 3 ? Vector128.Load(columns + 3 * length + k) : default;
            rule.Step(Vector128.Load(values + k), ref a, ref b, ref c, ref d);
            a = Vector128.ClampNative(a, -largest, largest);
            if (TRule.Width == 2)
            {
                Learning.Cells.ScatterPairs(cells, at + k, a, b);
                continue;
            }
            Learning.Cells.Scatter(cells, at + k, TRule.Width, a);
            if (TRule.Width > 2) Learning.Cells.Scatter(cells + 1, at + k, TRule.Width, b);
            if (TRule.Width > 2) Learning.Cells.Scatter(cells + 2, at + k, TRule.Width, c);
            if (TRule.Width > 3) Learning.Cells.Scatter(cells + 3, at + k, TRule.Width, d);
        }
    }

    // The row's values as T, clamped, then the intercept's 1, then zeros of the empty cell up to a whole stride.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int LoadValues(in Row row)
    {
        var count = row.Count;
        var at = _row.Pointer;
        var values = _values.Pointer;
        var k = 0;
        if (sizeof(T) == sizeof(float))
        {
            var largest = Vector128.Create(float.CreateTruncating(LinearLimits<T>.Value));
            fixed (double* source = row.Values)
            {
                for (; k <= count - 4; k += 4)
                {
                    var v = Vector128.Narrow(Vector128.Load(source + k), Vector128.Load(source + k + 2));
                    Vector128.Store(Vector128.ClampNative(v, -largest, largest), (float*)values + k);
                }
            }
        }
        for (; k < count; k++) values[k] = T.Clamp(T.CreateTruncating(row.Values[k]), -LinearLimits<T>.Value, LinearLimits<T>.Value);
        if (_intercept)
        {
            values[count] = T.One;
            at[count++] = InterceptCell;
        }
        for (k = count; k < Padded(count); k++)
        {
            values[k] = T.Zero;
            at[k] = 0;
        }
        return count;
    }

    private static double Lanes(Vector128<T> lanes) =>
        double.CreateTruncating(sizeof(T) == sizeof(float) ? (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]) : lanes[0] + lanes[1]);

    private static int Padded(int count) => (count + Stride - 1) / Stride * Stride;

    private void Reserve(int count)
    {
        if (Padded(count) <= _row.Length) return;
        var capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Padded(count));
        _row = new(capacity);
        _values = new(capacity);
        _columns = new(capacity * TRule.Width);
    }

    private void ReserveCells(int features)
    {
        var cells = features + 2;
        if (cells * TRule.Width <= _numbers.Length) return;
        var larger = new NativeArray<T>(Math.Max(cells, (int)(cells * 1.2)) * TRule.Width);
        _numbers.Span.CopyTo(larger.Span);
        GC.KeepAlive(_numbers);
        _numbers = larger;
    }
}
