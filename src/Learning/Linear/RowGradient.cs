using System.Numerics;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>The part of a gradient rule that has to do with the loss: score, slope, the range of labels and the rows learned.</summary>
internal struct RowGradient<T>(ParameterValues values, bool clamp) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly LinearLoss _loss = LinearLoss.Create(values.Choice("loss"));
    private readonly T _l2 = T.CreateTruncating(values.Number("l2"));
    private LabelRange _range = new(clamp);

    /// <summary>Rows learned.</summary>
    public long Rows { get; private set; }

    /// <summary>Slope of the last row's loss, times its weight.</summary>
    public Vector128<T> Slope { get; private set; }

    public readonly double Score(double margin) => _range.Hold(_loss.Score(margin));

    /// <param name="margin">The row's.</param>
    /// <param name="label">Its label.</param>
    /// <param name="weight">Its weight.</param>
    /// <param name="shrinks">Whether weights move where the gradient is zero too.</param>
    /// <returns>Whether anything moves.</returns>
    public bool Take(double margin, double label, double weight, bool shrinks = false)
    {
        // A row of weight 0 was not there.
        if (weight == 0) return false;
        _range.Widen(label);
        var slope = weight * _loss.Slope(margin, Score(margin), label);
        Slope = Vector128.Create(T.Clamp(T.CreateTruncating(slope), -LinearLimits<T>.Gradient, LinearLimits<T>.Gradient));
        Rows++;
        return slope != 0 || _l2 != T.Zero || shrinks;
    }

    /// <summary>The gradient of a few weights, held so that its square is finite.</summary>
    public readonly Vector128<T> Of(Vector128<T> x, Vector128<T> weight) =>
        Vector128.ClampNative(Slope * x + Vector128.Create(_l2) * weight, Vector128.Create(-LinearLimits<T>.Gradient), Vector128.Create(LinearLimits<T>.Gradient));

    public readonly void Save(StateWriter writer)
    {
        writer.Int64(Rows);
        _range.Save(writer);
    }

    public void Load(StateReader reader)
    {
        Rows = reader.Count64();
        _range.Load(reader);
    }
}
