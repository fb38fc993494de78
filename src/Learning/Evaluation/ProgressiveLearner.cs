using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace StreamMLOps.Learning;

/// <summary>
/// The fold over rows: predict, measure, learn, and chain a fingerprint over the row's content and the score's bits. The
/// learner, its replicas, recovery and audit all run this one method, so a difference anywhere shows at the row where it begins.
/// </summary>
public sealed class ProgressiveLearner
{
    private const string SectionName = "progressive-learner";
    private readonly bool _unsupervised;
    private double[] _scores = new double[1];

    /// <summary>Starts untrained.</summary>
    public ProgressiveLearner(ModelSpec spec)
    {
        Model = spec.Create();
        _unsupervised = spec.Kind.Supervision == Supervision.Unsupervised;
        Metrics = ProgressiveMetrics.For(spec.Kind.Task);
        // The chain starts from what is learned with, so that equal rows under other settings never look equal.
        Fingerprint = XxHash3.HashToUInt64(System.Text.Encoding.UTF8.GetBytes(spec.ToCanonicalString()));
    }

    /// <summary>The model.</summary>
    public IModel Model { get; }

    /// <summary>Progressive metrics: each row was scored before it was learned.</summary>
    public ProgressiveMetrics Metrics { get; }

    /// <summary>Rows learned.</summary>
    public long Rows { get; private set; }

    /// <summary>Chained over every row learned and its score; equal fingerprints mean equal histories.</summary>
    public ulong Fingerprint { get; private set; }

    /// <summary>Scores the row with the state as it is.</summary>
    /// <returns>The model's scores, valid until the next call.</returns>
    public ReadOnlySpan<double> Predict(in Row features)
    {
        var scores = Scores();
        Model.Predict(features, scores);
        return scores;
    }

    /// <summary>Folds one labelled row.</summary>
    /// <param name="features">The row as the model takes it, canonical.</param>
    /// <param name="content">Fingerprint of the row as it was decoded: <see cref="ContentOf"/>.</param>
    /// <param name="label">Its label.</param>
    /// <param name="weight">Importance of the row, finite and above 0.</param>
    /// <returns>The scores from before the row was learned, valid until the next call.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A value is not finite, or the label is not, or is missing where the kind needs one; nothing has changed.</exception>
    public ReadOnlySpan<double> Learn(in Row features, ulong content, double label, double weight = 1)
    {
        if (!(weight > 0 && double.IsFinite(weight))) throw new ArgumentOutOfRangeException(nameof(weight), weight, "a row's weight is finite and above 0");
        RequireFinite(features, label);
        var scores = Scores();
        // Where labels only measure, the model must not see them: with and without them its state is the same.
        Model.PredictThenLearn(features, _unsupervised ? double.NaN : label, weight, scores);
        Metrics.Update(label, scores);
        var fingerprint = Mix(Fingerprint ^ content);
        foreach (var score in scores) fingerprint = Mix(fingerprint ^ BitConverter.DoubleToUInt64Bits(score));
        if (weight != 1) fingerprint = Mix(fingerprint ^ BitConverter.DoubleToUInt64Bits(weight));
        Fingerprint = fingerprint;
        Rows++;
        return scores;
    }

    /// <summary>Measures the answer to a row that was learned without its label, now that the label is there. The model does not change.</summary>
    /// <param name="label">The label, finite.</param>
    /// <param name="scores">What was answered before the row was learned.</param>
    public void Evaluate(double label, ReadOnlySpan<double> scores)
    {
        if (!double.IsFinite(label)) throw new ArgumentOutOfRangeException(nameof(label), label, "a row is measured by a finite label");
        Metrics.UpdateLater(label, scores);
        var fingerprint = Mix(Fingerprint ^ BitConverter.DoubleToUInt64Bits(label));
        foreach (var score in scores) fingerprint = Mix(fingerprint ^ BitConverter.DoubleToUInt64Bits(score));
        Fingerprint = fingerprint;
    }

    /// <summary>Takes back the current group of pseudo-labels of a self-training model.</summary>
    /// <exception cref="InvalidOperationException">The model has none.</exception>
    public void Revoke()
    {
        var model = Model as ISelfTraining ?? throw new InvalidOperationException($"{Model.Spec.Kind.Name} has no pseudo-labels");
        Fingerprint = Mix(Fingerprint ^ (ulong)model.Group);
        model.Revoke();
    }

    /// <summary>Fingerprint of a row's content (indices, values, names) and label.</summary>
    public static ulong ContentOf(RowBatch batch, int row)
    {
        var r = batch[row];
        var hash = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(r.Indices), BitConverter.DoubleToInt64Bits(batch.Labels[row]));
        hash = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(r.Values), (long)hash);
        if (!batch.HasNames) return hash;
        for (var k = batch.Starts[row]; k < batch.Starts[row + 1]; k++)
        {
            var name = batch.NameOf(k);
            if (!name.IsEmpty) hash = XxHash3.HashToUInt64(name, (long)hash);
        }
        return hash;
    }

    /// <summary>Writes model, metrics and fingerprint as canonical bytes.</summary>
    public void Save(StateWriter writer)
    {
        writer.Section(SectionName, 1);
        writer.Int64(Rows);
        writer.UInt64(Fingerprint);
        Metrics.Save(writer);
        Model.Save(writer);
    }

    /// <summary>Replaces the state by saved bytes.</summary>
    public void Load(StateReader reader)
    {
        reader.Section(SectionName, 1);
        Rows = reader.Int64();
        Fingerprint = reader.UInt64();
        Metrics.Load(reader);
        Model.Load(reader);
    }

    // Rows of a batch have passed this already; rows made by hand have not, and one NaN in the state is there for ever.
    private void RequireFinite(in Row row, double label)
    {
        var kind = Model.Spec.Kind;
        var needed = !kind.LearnsUnlabelled && kind.Task is (LearningTask.Binary or LearningTask.MultiClass or LearningTask.Regression);
        if (double.IsInfinity(label) || (needed && double.IsNaN(label))) throw new ArgumentOutOfRangeException(nameof(label), label, "a row that is learned has a finite label");
        var values = row.Values;
        var k = 0;
        var infinite = Vector256<long>.Zero;
        var exponent = Vector256.Create(0x7FF0_0000_0000_0000);
        for (; k <= values.Length - Vector256<double>.Count; k += Vector256<double>.Count)
            infinite |= Vector256.Equals(Vector256.Create(values[k..]).AsInt64() & exponent, exponent);
        var fault = infinite != Vector256<long>.Zero;
        for (; k < values.Length; k++) fault |= !double.IsFinite(values[k]);
        if (fault) throw new ArgumentOutOfRangeException(nameof(row), "a row that is learned has finite values");
    }

    private Span<double> Scores()
    {
        var outputs = Model.Outputs;
        if (_scores.Length < outputs) _scores = new double[Math.Max(outputs, _scores.Length * 2)];
        return _scores.AsSpan(0, outputs);
    }

    // splitmix64's finalizer: full avalanche, two multiplications.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
