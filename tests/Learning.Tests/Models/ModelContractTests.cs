namespace StreamMLOps.Learning.Tests.Models;

/// <summary>What every model of the registry keeps, whatever it computes.</summary>
public class ModelContractTests
{
    private const int Rows = 300;

    public static TheoryData<string> Variants => ModelVariants.Names;

    [Theory, MemberData(nameof(Variants))]
    public void Predicting_changes_nothing(string name)
    {
        var variant = ModelVariants.Find(name);
        var learner = variant.LearnerAfter(Rows);
        var before = StateHash.Of(learner.Save);
        using var unseen = ProbeStream.Rows(variant.Spec.Kind.Task, Rows, Rows + 100);
        for (var i = 0; i < unseen.Count; i++) learner.Predict(unseen[i]);
        Assert.Equal(before, StateHash.Of(learner.Save));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Predicting_and_learning_at_once_gives_the_bits_of_one_after_the_other(string name)
    {
        var variant = ModelVariants.Find(name);
        var (fused, apart) = (variant.Create(), variant.Create());
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, Rows);
        for (var i = 0; i < rows.Count; i++)
        {
            var (a, b) = (new double[fused.Outputs], new double[apart.Outputs]);
            fused.PredictThenLearn(rows[i], rows.Labels[i], 1 + i % 3, a);
            apart.Predict(rows[i], b);
            apart.Learn(rows[i], rows.Labels[i], 1 + i % 3);
            Assert.Equal(a.Select(BitConverter.DoubleToInt64Bits), b.Select(BitConverter.DoubleToInt64Bits));
        }
        Assert.Equal(StateHash.Of(fused), StateHash.Of(apart));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Saving_and_loading_at_any_point_goes_on_as_if_never_stopped(string name)
    {
        var variant = ModelVariants.Find(name);
        var whole = variant.LearnerAfter(Rows);
        foreach (var stop in new[] { 0, 1, 7, 150, Rows })
        {
            var bytes = ProbeStream.Bytes(variant.LearnerAfter(stop).Save);
            var resumed = new ProgressiveLearner(variant.Spec);
            var reader = new StateReader(bytes);
            resumed.Load(reader);
            Assert.Equal(0, reader.Remaining);
            Assert.Equal(bytes, ProbeStream.Bytes(resumed.Save));
            variant.Fold(resumed, stop, Rows);
            Assert.Equal(whole.Fingerprint, resumed.Fingerprint);
            Assert.Equal(ProbeStream.Bytes(whole.Save), ProbeStream.Bytes(resumed.Save));
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Loading_replaces_whatever_was_learned_before(string name)
    {
        var variant = ModelVariants.Find(name);
        var bytes = ProbeStream.Bytes(variant.LearnerAfter(20).Save);
        var learner = variant.LearnerAfter(Rows);
        learner.Load(new StateReader(bytes));
        Assert.Equal(bytes, ProbeStream.Bytes(learner.Save));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Equal_rows_give_equal_bytes_and_other_rows_other_bytes(string name)
    {
        var variant = ModelVariants.Find(name);
        Assert.Equal(ProbeStream.Bytes(variant.LearnerAfter(Rows).Save), ProbeStream.Bytes(variant.LearnerAfter(Rows).Save));
        Assert.NotEqual(variant.HashAfter(Rows), variant.HashAfter(Rows - 1));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Bytes_cut_short_or_of_a_newer_format_are_a_clear_error_and_the_model_stays(string name)
    {
        var variant = ModelVariants.Find(name);
        var bytes = ProbeStream.Bytes(variant.LearnerAfter(30).Model.Save);
        var model = variant.LearnerAfter(10).Model;
        var before = StateHash.Of(model);
        for (var length = 0; length < bytes.Length; length += 1 + bytes.Length / 200)
            Assert.Throws<StateFormatException>(() => model.Load(new StateReader(bytes.AsMemory(0, length))));

        // The head is the section's name with its length, then the format.
        var newer = (byte[])bytes.Clone();
        newer[4 + BitConverter.ToInt32(bytes)] = 99;
        var error = Assert.Throws<StateFormatException>(() => model.Load(new StateReader(newer)));
        Assert.Contains("newer", error.Message);
        Assert.Equal(before, StateHash.Of(model));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Damaged_bytes_load_as_some_state_or_are_refused_and_never_crash(string name)
    {
        var variant = ModelVariants.Find(name);
        var bytes = ProbeStream.Bytes(variant.LearnerAfter(30).Model.Save);
        var random = new Random(11);
        for (var trial = 0; trial < 300; trial++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            var model = variant.Create();
            try
            {
                model.Load(new StateReader(damaged));
            }
            catch (StateFormatException)
            {
                continue;
            }
            using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, 5);
            for (var i = 0; i < rows.Count; i++) model.PredictThenLearn(rows[i], rows.Labels[i], 1, new double[model.Outputs]);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Empty_dense_unseen_huge_and_tiny_rows_leave_finite_scores_and_a_state_that_loads(string name)
    {
        var variant = ModelVariants.Find(name);
        var model = variant.Create();
        double[] values = [1e308, -1e308, double.MaxValue, double.Epsilon, -double.Epsilon, 1e-300, 1e38, -1e20, 1, -1];
        using var batch = new RowBatch();
        for (var i = 0; i < 400; i++)
        {
            batch.BeginRow();
            // Empty, one feature, dense, and features at both ends of the range.
            var count = (i % 5) switch { 0 => 0, 1 => 1, 2 => 300, _ => 10 };
            for (var k = 0; k < count; k++) batch.Add(i % 5 == 4 ? uint.MaxValue - (uint)k : (uint)k, values[(i * 7 + k * 3) % values.Length]);
            Assert.Equal(RowFault.None, batch.TryEndRow(i % 3 == 0 ? 1 : 0));
        }
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var scores = new double[model.Outputs];
                model.PredictThenLearn(batch[i], batch.Labels[i], i % 7 == 0 ? 1e300 : 1, scores);
                Assert.All(scores, s => Assert.True(double.IsFinite(s), $"row {i}: {s}"));
            }
        }
        variant.Create().Load(new StateReader(ProbeStream.Bytes(model.Save)));
    }

    [Theory, MemberData(nameof(Variants))]
    public void What_is_not_a_finite_number_is_refused_before_it_can_touch_the_state(string name)
    {
        var variant = ModelVariants.Find(name);
        var learner = variant.LearnerAfter(50);
        var before = StateHash.Of(learner.Save);
        foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
        {
            for (var at = 0; at < 9; at++)
            {
                var values = Enumerable.Repeat(1.0, 9).ToArray();
                values[at] = bad;
                Assert.Contains("finite", Assert.Throws<ArgumentOutOfRangeException>(() => learner.Learn(new Row([1, 2, 3, 4, 5, 6, 7, 8, 9], values), 0, 1)).Message);
            }
            if (double.IsNaN(bad) && (variant.Spec.Kind.LearnsUnlabelled || variant.Spec.Kind.Task is LearningTask.Anomaly or LearningTask.Clustering)) continue;
            Assert.Contains("finite", Assert.Throws<ArgumentOutOfRangeException>(() => learner.Learn(new Row([1], [1]), 0, bad)).Message);
        }
        Assert.Equal(before, StateHash.Of(learner.Save));
    }

    [Theory, MemberData(nameof(Variants))]
    public void Constant_labels_are_learned_and_give_finite_scores(string name)
    {
        var variant = ModelVariants.Find(name);
        var model = variant.Create();
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, 200);
        for (var i = 0; i < rows.Count; i++)
        {
            var scores = new double[model.Outputs];
            model.PredictThenLearn(rows[i], 0, 1, scores);
            Assert.All(scores, s => Assert.True(double.IsFinite(s)));
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void A_single_class_is_learned_without_complaint(string name)
    {
        var variant = ModelVariants.Find(name);
        var model = variant.Create();
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, 100);
        for (var i = 0; i < rows.Count; i++)
        {
            var scores = new double[model.Outputs];
            model.PredictThenLearn(rows[i], 1, 1, scores);
            Assert.All(scores, s => Assert.True(double.IsFinite(s)));
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Where_bounded_memory_is_promised_rows_of_ever_new_features_do_not_add_to_the_state(string name)
    {
        var variant = ModelVariants.Find(name);
        if (!variant.Spec.Kind.BoundedMemory) return;
        var model = variant.Create();
        using var batch = new RowBatch();
        var sizes = new List<int>();
        for (var i = 0; i < 6_000; i++)
        {
            batch.Clear();
            batch.BeginRow();
            for (var k = 0; k < 10; k++) batch.Add((uint)(i * 10 + k), 1 + k % 3);
            Assert.Equal(RowFault.None, batch.TryEndRow(i % 2));
            model.Learn(batch[0], batch.Labels[0]);
            if ((i + 1) % 3_000 == 0) sizes.Add(ProbeStream.Bytes(model.Save).Length);
        }
        Assert.InRange(sizes[1], 0, sizes[0] * 1.05);
    }

    [Theory, MemberData(nameof(Variants))]
    public void Learning_allocates_nothing_once_the_features_are_known(string name)
    {
        var variant = ModelVariants.Find(name);
        // Trees grow, micro-clusters take in features and drifts start models as long as they learn; nothing else may.
        if (Growing.Any(variant.Spec.ToCanonicalString().Contains)) return;
        var learner = variant.LearnerAfter(Rows);
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, Rows);
        var scores = new double[learner.Model.Outputs];
        // The metrics of many classes make room for pairs of label and answer.
        var measured = variant.Spec.Kind.Task != LearningTask.MultiClass;
        // The runtime may allocate for itself while it compiles the loop better; some pass is free of that.
        Assert.Contains(0, Enumerable.Range(0, 20).Select(_ =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < rows.Count; i++)
            {
                if (measured) learner.Learn(rows[i], (ulong)i, rows.Labels[i]);
                else learner.Model.PredictThenLearn(rows[i], rows.Labels[i], 1, scores);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }));
    }

    private static readonly string[] Growing = ["tree", "forest", "bagging", "patches", "den-stream", "drift-retraining"];
}
