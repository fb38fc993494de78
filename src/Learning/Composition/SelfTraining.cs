using System.Buffers;

namespace StreamMLOps.Learning;

/// <summary>
/// Learns rows without labels too, by its own answers where it is sure enough (Yarowsky, "Unsupervised Word Sense Disambiguation Rivaling Supervised Methods", ACL 1995;
/// weighted as in Lee, "Pseudo-Label", ICML workshop on challenges in representation learning 2013).
/// </summary>
/// <remarks>
/// Two models: the teacher learns true labels alone and gives the pseudo-labels; the student learns both and gives the scores. A group of pseudo-labels is
/// everything between two revocations; to revoke it, the student becomes what the teacher is. So a fold can take back as a whole what it cannot unlearn row by row, at the cost of a second
/// model, and the same rows always give the same revocations: when, over the labelled rows, the student errs more than the teacher by a margin.
/// </remarks>
public static class SelfTraining
{
    /// <summary>The kind <c>self-training</c>.</summary>
    public static ModelKind Kind { get; } = new(
        "self-training", 1, LearningTask.Binary,
        "Learns from rows without labels by its own confident answers, and takes these back as a group when they turn out to harm: for few labels and many rows.",
        "Yarowsky, ACL 1995, 189-196; Lee, ICML workshop 2013",
        [
            new Parameter.Model("model", ConfigNode.Of(("algorithm", "logistic-regression")), "The classifier.", LearningTask.Binary),
            new Parameter.Number("confidence", 0.95, 0.5, 1, "Probability of the likelier class from which on an answer is taken for a label."),
            new Parameter.Number("weight", 0.5, 0, 1, "How much a pseudo-labelled row weighs."),
            new Parameter.Number("fading", 0.999, 0, 1, "What remains of the counted errors at each labelled row.", Open: true),
            new Parameter.Number("margin", 0.02, 0, 1, "How much more often the student may err than the teacher before its pseudo-labels are revoked."),
        ],
        spec => new SelfTrainingModel(spec))
    { LearnsUnlabelled = true };
}

/// <summary>A classifier that learns by its own answers, which can be told and taken back.</summary>
public interface ISelfTraining : IModel
{
    /// <summary>Number of the current group of pseudo-labels, from 1.</summary>
    long Group { get; }

    /// <summary>Number of the learned row (labelled or not, from 0) from which on the group's rows are.</summary>
    long GroupStart { get; }

    /// <summary>Pseudo-labels of the current group: negative and positive.</summary>
    (long Negative, long Positive) PseudoLabels { get; }

    /// <summary>Takes the group's pseudo-labels back: the model is then what the true labels alone made of it. Part of the state: an owner that calls this in a fold must journal the call.</summary>
    void Revoke();
}

internal sealed class SelfTrainingModel(ModelSpec spec) : ISelfTraining
{
    private readonly double _confidence = spec.Values.Number("confidence");
    private readonly double _weight = spec.Values.Number("weight");
    private readonly double _fading = spec.Values.Number("fading");
    private readonly double _margin = spec.Values.Number("margin");
    private IModel _teacher = Make(spec);
    private IModel _student = Make(spec);
    private double _lead;      // fading mean of the student's errors less the teacher's
    private long _rows;
    private long _negative;
    private long _positive;

    public ModelSpec Spec => spec;

    public int Outputs => 1;

    public long Features => _student.Features;

    public long Group { get; private set; } = 1;

    public long GroupStart { get; private set; }

    public (long Negative, long Positive) PseudoLabels => (_negative, _positive);

    public void Predict(in Row row, Span<double> scores) => _student.Predict(row, scores);

    public void Learn(in Row row, double label, double weight = 1)
    {
        // A row of weight 0 was not there.
        if (weight == 0) return;
        Span<double> teacher = stackalloc double[1];
        Span<double> student = stackalloc double[1];
        if (double.IsNaN(label))
        {
            _teacher.Predict(row, teacher);
            LearnPseudo(row, teacher[0], weight);
            _rows++;
            return;
        }
        _teacher.PredictThenLearn(row, label, weight, teacher);
        _student.PredictThenLearn(row, label, weight, student);
        _lead = _fading * _lead + (1 - _fading) * (Error(student[0], label) - Error(teacher[0], label));
        _rows++;
        if (_lead > _margin) Revoke();
    }

    public void Revoke()
    {
        var bytes = new ArrayBufferWriter<byte>();
        _teacher.Save(new StateWriter(bytes));
        _student = Make(spec);
        _student.Load(new StateReader(bytes.WrittenMemory));
        (_lead, _negative, _positive, GroupStart) = (0, 0, 0, _rows);
        Group++;
    }

    public void Save(StateWriter writer)
    {
        writer.Section("self-training", 1);
        writer.Int64(_rows);
        writer.Int64(Group);
        writer.Int64(GroupStart);
        writer.Int64(_negative);
        writer.Int64(_positive);
        writer.Double(_lead);
        _teacher.Save(writer);
        _student.Save(writer);
    }

    public void Load(StateReader reader)
    {
        reader.Section("self-training", 1);
        var (rows, group, start, negative, positive) = (reader.Count64(), reader.Count64(), reader.Count64(), reader.Count64(), reader.Count64());
        var lead = reader.Finite();
        if (group == 0 || start > rows || Math.Abs(lead) > 1) throw new StateFormatException($"group {group} from row {start} of {rows}: the bytes are damaged");
        var (teacher, student) = (Make(spec), Make(spec));
        teacher.Load(reader);
        student.Load(reader);
        (_rows, Group, GroupStart, _negative, _positive, _lead, _teacher, _student) = (rows, group, start, negative, positive, lead, teacher, student);
    }

    private void LearnPseudo(in Row row, double score, double weight)
    {
        if (Math.Max(score, 1 - score) < _confidence) return;
        if (score > 0.5) _positive++;
        else _negative++;
        _student.Learn(row, score > 0.5 ? 1 : 0, weight * _weight);
    }

    private static double Error(double score, double label) => score > 0.5 == label > 0 ? 0 : 1;

    private static IModel Make(ModelSpec spec)
    {
        var model = spec.Values.Model("model");
        return model.WithSeed(model.Seed ^ spec.Seed).Create();
    }
}
