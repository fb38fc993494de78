using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>The rows that an audit needs, by position.</summary>
internal sealed class AuditRows : IDisposable
{
    private readonly SortedDictionary<(int Partition, ulong Epoch, long Offset), (RowBatch Batch, string Origin)?> _rows = [];
    private readonly SortedDictionary<(int Partition, ulong Epoch), SortedSet<long>> _missing = [];

    public bool Complete => _missing.Values.All(m => m.Count == 0);

    public void Want(Prediction p)
    {
        if (!_rows.TryAdd(Key(p), null)) return;
        if (!_missing.TryGetValue((p.Partition, p.Epoch), out var offsets)) _missing[(p.Partition, p.Epoch)] = offsets = [];
        offsets.Add(p.Offset);
    }

    public bool Wants(int partition, ulong epoch, long offset) => _missing.TryGetValue((partition, epoch), out var offsets) && offsets.Contains(offset);

    /// <summary>The epoch of the partition in which a row at this offset is wanted; null: none is.</summary>
    public ulong? EpochOf(int partition, long offset)
    {
        foreach (var ((p, epoch), offsets) in _missing)
            if (p == partition && offsets.Contains(offset)) return epoch;
        return null;
    }

    public bool WantsAnyIn(OffsetRange range) =>
        _missing.TryGetValue((range.Partition, range.Epoch), out var offsets) && range.Length > 0 && offsets.GetViewBetween(range.From, range.To - 1).Count > 0;

    public bool Has(Prediction p) => _rows[Key(p)] is not null;

    public string OriginOf(Prediction p) => _rows[Key(p)]!.Value.Origin;

    public void Take(int partition, ulong epoch, long offset, RowBatch batch, string origin) => Keep(partition, epoch, offset, batch, 0, origin);

    public void TakeAll(Chunk chunk, string origin)
    {
        for (var i = 0; i < chunk.Count; i++)
            if (Wants(chunk.Range.Partition, chunk.Range.Epoch, chunk.OffsetOf(i))) Keep(chunk.Range.Partition, chunk.Range.Epoch, chunk.OffsetOf(i), chunk.Rows, i, origin);
    }

    public double[] Scores(Prediction p, LearnerFold fold)
    {
        var batch = _rows[Key(p)]!.Value.Batch;
        var features = fold.Definition.Featurizer.Featurize(batch);
        try
        {
            return fold.Learner.Predict(features[0]).ToArray();
        }
        finally
        {
            if (!ReferenceEquals(features, batch)) features.Dispose();
        }
    }

    /// <summary>Why the model of a version answers so; null if it cannot tell.</summary>
    public PredictionExplanation? Explain(Prediction p, LearnerFold fold, int output, int most)
    {
        if (fold.Learner.Model is not IExplainable model) return null;
        var batch = _rows[Key(p)]!.Value.Batch;
        var names = new FeatureNames(RowBatch.MaxFeatures);
        var features = fold.Definition.Featurizer.Featurize(batch, names);
        try
        {
            var explanation = new Explanation();
            model.Explain(features[0], output, explanation);
            return PredictionExplanation.Of(explanation, output, names, most);
        }
        finally
        {
            if (!ReferenceEquals(features, batch)) features.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var row in _rows.Values) row?.Batch.Dispose();
    }

    private static (int, ulong, long) Key(Prediction p) => (p.Partition, p.Epoch, p.Offset);

    private void Keep(int partition, ulong epoch, long offset, RowBatch from, int row, string origin)
    {
        var copy = new RowBatch(1, 256);
        copy.TryCopy(from, row);
        _rows[(partition, epoch, offset)] = (copy, origin);
        _missing[(partition, epoch)].Remove(offset);
    }
}
