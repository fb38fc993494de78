using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Evaluation;

public class DelayedValidationTests
{
    private static readonly ModelSpec Spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression")));

    [Fact]
    public void Without_a_delay_it_is_plain_progressive_validation()
    {
        var delayed = Create();
        var plain = new ProgressiveLearner(Spec);
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 300);
        for (var i = 0; i < rows.Count; i++)
        {
            var score = delayed.Add(rows[i], rows.Labels[i], i, 0)[0];
            Assert.Equal(plain.Learn(rows[i], 0, rows.Labels[i])[0], score);
        }
        delayed.LearnUntil(long.MaxValue);
        Assert.Equal(StateHash.Of(plain.Model), StateHash.Of(delayed.Model));
        Assert.Equal(((BinaryMetrics)plain.Metrics).Accuracy, delayed.Metrics[0].Value, 14);
        Assert.Equal((300, 300, 0), (delayed.Rows, delayed.Learned, delayed.Pending));
    }

    [Fact]
    public void Each_row_is_scored_by_what_was_known_when_it_came_and_learned_when_its_label_comes()
    {
        var delayed = Create();
        var model = Spec.Create();
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 200);
        var due = new List<(long Due, int Row)>();
        for (var i = 0; i < rows.Count; i++)
        {
            // In the plainest way: labels due by now, the earliest first, of equal ones the row that came first.
            foreach (var (_, row) in due.Where(d => d.Due <= i).Order().ToArray()) model.Learn(rows[row], rows.Labels[row]);
            due.RemoveAll(d => d.Due <= i);
            var expected = new double[1];
            model.Predict(rows[i], expected);
            Assert.Equal(expected[0], delayed.Add(rows[i], rows.Labels[i], i, Delay(i))[0]);
            due.Add((i + Delay(i), i));
        }
        Assert.Equal(due.Count, delayed.Pending);
        Assert.Equal(StateHash.Of(model), StateHash.Of(delayed.Model));
    }

    [Fact]
    public void Saved_while_labels_are_awaited_it_goes_on_as_if_it_had_not_been()
    {
        var (whole, other) = (Create(), Create());
        using var rows = ProbeStream.Rows(LearningTask.Binary, 0, 300);
        for (var i = 0; i < rows.Count; i++)
        {
            whole.Add(rows[i], rows.Labels[i], i, Delay(i));
            other.Add(rows[i], rows.Labels[i], i, Delay(i));
            if (i % 61 != 0) continue;
            var bytes = ProbeStream.Bytes(other.Save);
            other = Create();
            var reader = new StateReader(bytes);
            other.Load(reader);
            Assert.Equal(0, reader.Remaining);
            Assert.Equal(bytes, ProbeStream.Bytes(other.Save));
        }
        whole.LearnUntil(long.MaxValue);
        other.LearnUntil(long.MaxValue);
        Assert.Equal(ProbeStream.Bytes(whole.Save), ProbeStream.Bytes(other.Save));
    }

    [Fact]
    public void A_row_whose_label_never_comes_is_scored_and_not_waited_for()
    {
        var delayed = Create();
        delayed.Add(new Row([1], [1]), double.NaN, 5, 3);
        Assert.Equal((1, 0), (delayed.Rows, delayed.Pending));
        Assert.Throws<ArgumentOutOfRangeException>(() => delayed.Add(new Row([1], [1]), 1, 4, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => delayed.Add(new Row([1], [1]), 1, 6, -1));
        delayed.Add(new Row([1], [1]), 1, 6, long.MaxValue);
        delayed.LearnUntil(long.MaxValue);
        Assert.Equal(1, delayed.Learned);
    }

    private static long Delay(int row) => row % 4 * 7 % 30;

    private static DelayedValidation Create() => new(Spec.Create(), MetricRegistry.Create("accuracy", LearningTask.Binary), MetricRegistry.Create("roc-auc", LearningTask.Binary, ("span", "fading")));
}
