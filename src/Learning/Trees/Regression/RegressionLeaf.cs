namespace StreamMLOps.Learning;

/// <summary>What a leaf of a regression tree answers.</summary>
internal enum RegressionAnswer
{
    /// <summary>The mean label.</summary>
    Mean,

    /// <summary>A linear model over the rows of the leaf and of the leaves it grew from.</summary>
    Linear,

    /// <summary>Whichever of these two erred less of late.</summary>
    MeanOrLinear,

    /// <summary>Whichever erred least of late: the mean, the linear model, or a second one of constant rate.</summary>
    Adaptive,
}

/// <summary>
/// A leaf of a regression tree: its labels, for each feature the labels by value, and a linear model. A feature that is not named in a row is 0, and 0 is a value like any other for a split.
/// </summary>
internal sealed class RegressionLeaf
{
    private const double SmallestBranch = 0.01;
    private const double MostInherited = 50;        // rows (their weights) that a leaf takes its parent's estimate for
    private const double LeastGain = 0.01;          // share of the deviation: what is less is chance, even where it is the best
    private const double Fading = 0.95;             // of errors, from one row to the next
    private static readonly ModelSpec LinearSpec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-regression"), ("optimizer", "coin")));
    private static readonly ModelSpec TrackingSpec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-regression"), ("optimizer", "sgd")));
    private readonly TreeSettings _settings;
    private readonly RegressionAnswer _kind;
    private readonly ulong _salt;
    private readonly IModel? _linear;
    private readonly IModel? _tracking;             // steps as long at the end as at the beginning: follows labels that go on rising, where the other has settled
    private readonly double[] _score = new double[1];
    private readonly List<TargetHistogram> _histograms = [];    // by cell - 1
    private LeafIndex _index = new();
    private TargetStatistic _answered;              // what the parent estimated included
    private TargetStatistic _own;
    private double _sinceAttempt;
    private double _meanError;                      // faded squared errors
    private double _linearError;
    private double _trackingError;

    public RegressionLeaf(TreeSettings settings, RegressionAnswer kind, ulong salt, in TargetStatistic start, RegressionLeaf? parent)
    {
        (_settings, _kind, _salt, _answered) = (settings, kind, salt, start.HeldTo(MostInherited));
        if (kind == RegressionAnswer.Mean) return;
        _linear = LinearSpec.Create();
        if (kind == RegressionAnswer.Adaptive) _tracking = TrackingSpec.Create();
        if (parent is null) return;
        // A part of the rows is best described by what described all, until it has rows of its own.
        Copy(parent._linear!, _linear);
        if (_tracking is not null) Copy(parent._tracking!, _tracking);
        (_meanError, _linearError, _trackingError) = (parent._meanError, parent._linearError, parent._trackingError);
    }

    /// <summary>The labels that the leaf answers from, those that its parent estimated for it included.</summary>
    public ref readonly TargetStatistic Labels => ref _answered;

    /// <summary>Whether it is time to try a split.</summary>
    public bool IsDue => _sinceAttempt >= _settings.Grace;

    public double Predict(in Row row, TreeScratch scratch) => Answering is { } model ? Answer(model, Sample(row, scratch)) : _answered.Mean;

    /// <summary>Learns, and tells what the leaf answered before.</summary>
    public double PredictThenLearn(in Row all, double label, double weight, TreeScratch scratch)
    {
        var row = Sample(all, scratch);
        var mean = _answered.Mean;
        var answering = Answering;
        var answer = mean;
        _meanError = Faded(_meanError, label, mean);
        if (_linear is not null)
        {
            _linear.PredictThenLearn(row, label, weight, _score);
            if (answering == _linear) answer = _score[0];
            _linearError = Faded(_linearError, label, _score[0]);
        }
        if (_tracking is not null)
        {
            _tracking.PredictThenLearn(row, label, weight, _score);
            if (answering == _tracking) answer = _score[0];
            _trackingError = Faded(_trackingError, label, _score[0]);
        }

        _answered.Add(label, weight);
        _own.Add(label, weight);
        _sinceAttempt += weight;
        var cells = scratch.Cells(row.Count);
        _index.FindOrAdd(row.Indices, cells);
        while (_histograms.Count < _index.Count) _histograms.Add(new());
        for (var k = 0; k < cells.Length; k++)
            _histograms[cells[k] - 1].Add(Math.Clamp(row.Values[k], -FeatureLikelihood.LargestValue, FeatureLikelihood.LargestValue), label, weight);
        if (_index.Count > _settings.LeafFeatures) ForgetRare(scratch);
        return answer;
    }

    /// <summary>Looks for the split that lessens the labels' deviation most, and whether the second best is worse by more than chance.</summary>
    public bool TrySplit(out uint feature, out double threshold, out TargetStatistic left, out TargetStatistic right)
    {
        _sinceAttempt = 0;
        (feature, threshold, left, right) = (0, 0, default, default);
        var (best, second) = (0.0, 0.0);
        for (var cell = 1; cell <= _index.Count; cell++)
        {
            var gain = Best(_histograms[cell - 1], out var at, out var below);
            if (gain > best)
            {
                (second, best) = (best, gain);
                (feature, threshold, left, right) = (_index.Features[cell - 1], at, below, _own.Without(below));
            }
            else second = Math.Max(second, gain);
        }
        if (best < LeastGain * _own.Deviation) return false;
        var bound = Math.Sqrt(-DeterministicMath.Log(_settings.Delta) / (2 * _own.Weight));
        return second / best < 1 - bound || bound < _settings.Tie;
    }

    public void Save(StateWriter writer)
    {
        writer.UInt64(_salt);
        _answered.Save(writer);
        _own.Save(writer);
        writer.Double(_sinceAttempt);
        writer.Double(_meanError);
        writer.Double(_linearError);
        _linear?.Save(writer);
        if (_tracking is not null)
        {
            writer.Double(_trackingError);
            _tracking.Save(writer);
        }
        writer.Array(_index.Features);
        foreach (var histogram in _histograms) histogram.Save(writer);
    }

    /// <summary>Reads a leaf; one of format 1 has no model of constant rate, which begins then.</summary>
    public static RegressionLeaf Load(StateReader reader, int format, TreeSettings settings, RegressionAnswer kind)
    {
        var leaf = new RegressionLeaf(settings, kind, reader.UInt64(), default, null)
        {
            _answered = TargetStatistic.Load(reader),
            _own = TargetStatistic.Load(reader),
            _sinceAttempt = reader.Finite(),
            _meanError = reader.Finite(),
            _linearError = reader.Finite(),
        };
        leaf._linear?.Load(reader);
        // It must prove itself before it is asked.
        leaf._trackingError = format == 1 ? leaf._meanError + leaf._linearError : reader.Finite();
        if (format > 1) leaf._tracking!.Load(reader);
        leaf._index = LeafIndex.Restore(reader.Array<uint>());
        for (var cell = 1; cell <= leaf._index.Count; cell++) leaf._histograms.Add(TargetHistogram.Load(reader));
        return leaf;
    }

    // Null where it is the mean.
    private IModel? Answering => _kind switch
    {
        RegressionAnswer.Mean => null,
        RegressionAnswer.Linear => _linear,
        RegressionAnswer.Adaptive when _trackingError < Math.Min(_linearError, _meanError) => _tracking,
        _ => _linearError < _meanError ? _linear : null,
    };

    private double Answer(IModel model, in Row row)
    {
        model.Predict(row, _score);
        return _score[0];
    }

    private static double Faded(double errors, double label, double answer) => Fading * errors + (label - answer) * (label - answer);

    private static void Copy(IModel from, IModel to)
    {
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        from.Save(new StateWriter(bytes));
        to.Load(new StateReader(bytes.WrittenMemory));
    }

    private Row Sample(in Row row, TreeScratch scratch) => scratch.Sample.Of(row, scratch.Features.Hashes, _salt, _settings.Share);

    // The largest reduction of the deviation among the places between two bins; the rows without the feature are a bin at 0.
    private double Best(TargetHistogram histogram, out double threshold, out TargetStatistic below)
    {
        (threshold, below) = (0, default);
        var present = default(TargetStatistic);
        foreach (ref readonly var target in histogram.Targets) present.Add(target);
        if (present.Weight < SmallestBranch * _own.Weight) return 0;
        var absent = _own.Without(present);
        var best = 0.0;
        var left = default(TargetStatistic);
        var (waiting, last) = (absent.Weight > 0, double.NaN);
        for (var i = 0; i <= histogram.Count; i++)
        {
            var value = i < histogram.Count ? histogram.Values[i] : double.PositiveInfinity;
            if (waiting && value > 0)
            {
                Try(last, 0, left, ref best, ref threshold, ref below);
                left.Add(absent);
                (waiting, last) = (false, 0);
            }
            if (i == histogram.Count) break;
            Try(last, value, left, ref best, ref threshold, ref below);
            left.Add(histogram.Targets[i]);
            last = value;
        }
        return best;
    }

    private void Try(double from, double to, in TargetStatistic left, ref double best, ref double threshold, ref TargetStatistic below)
    {
        if (left.Weight < SmallestBranch * _own.Weight) return;
        var right = _own.Without(left);
        if (right.Weight < SmallestBranch * _own.Weight) return;
        var gain = _own.Deviation - left.Weight / _own.Weight * left.Deviation - right.Weight / _own.Weight * right.Deviation;
        if (gain > best) (best, threshold, below) = (gain, from + (to - from) / 2, left);
    }

    // The rarer half; of equally rare ones those seen later.
    private void ForgetRare(TreeScratch scratch)
    {
        var counts = scratch.Counts(_index.Count);
        for (var k = 0; k < counts.Length; k++) counts[k] = _histograms[k].Weight;
        var cells = scratch.Cells(counts.Length);
        cells = cells[..LargestCounts.Find(counts, _settings.LeafFeatures / 2, cells)];
        for (var k = 0; k < cells.Length; k++) _histograms[k] = _histograms[cells[k] - 1];
        _histograms.RemoveRange(cells.Length, _histograms.Count - cells.Length);
        _index.Keep(cells);
    }
}
