using StreamMLOps.Learning;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>Hears from a fold what labels say of answers. For metrics alone: it changes nothing.</summary>
public interface IAnswerObserver
{
    /// <summary>A label measured the fold's own answer.</summary>
    /// <param name="version">The version in which it did.</param>
    /// <param name="age">How long after the row the label came, in milliseconds.</param>
    /// <param name="label">The label.</param>
    /// <param name="scores">The answer, from before the row was learned.</param>
    void Measured(long version, long age, double label, ReadOnlySpan<double> scores);

    /// <summary>A label that came apart has found its row.</summary>
    /// <param name="partition">Partition of the row.</param>
    /// <param name="offset">Its offset.</param>
    /// <param name="time">The stream's time.</param>
    /// <param name="label">The label.</param>
    void Labelled(int partition, long offset, long time, double label);
}

/// <summary>
/// The quality of a pipeline's answers on this node, since it started: <see cref="Progressive"/>, what the fold itself answered to each row just before it learned it, and
/// <see cref="Served"/>, what was really answered, by the version that was there when the row came. Neither is in a state or a journal.
/// </summary>
/// <remarks>
/// What was served is known where it was scored, and nowhere else: neither the log nor the journal has it, and making it again would take the model of that version. So each node
/// keeps its own newest answers in memory, some twenty-four bytes a row, until the label is in an event that its replica applies. What is counted is exact, to the bit that was served; rows that another process served, or
/// that are too long ago, are not counted here. An answer counts when it is committed.
/// </remarks>
/// <param name="apart">Whether labels come apart from their rows.</param>
/// <param name="most">Most rows whose answers are kept for a label.</param>
public sealed class AnswerQuality(bool apart, long most) : IAnswerObserver
{
    private readonly Lock _lock = new();
    private readonly ServedAnswers _answers = new(most);
    private AnswerTable? _progressive;
    private AnswerTable? _served;

    /// <summary>The fold's own answers.</summary>
    public AnswerReport Progressive { get { lock (_lock) return _progressive?.Report() ?? AnswerReport.Empty; } }

    /// <summary>What was really answered.</summary>
    public AnswerReport Served { get { lock (_lock) return _served?.Report() ?? AnswerReport.Empty; } }

    /// <summary>Answers that wait for a label, at most the bound.</summary>
    public long Waiting { get { lock (_lock) return _answers.Rows; } }

    /// <summary>States what is answered; before anything is.</summary>
    internal void Begin(LearningTask task)
    {
        lock (_lock)
        {
            _progressive ??= new AnswerTable(task);
            _served ??= new AnswerTable(task);
        }
    }

    /// <summary>A chunk was scored and is about to be written.</summary>
    internal void Scored(Chunk chunk)
    {
        var served = ServedChunk.Of(chunk, apart);
        lock (_lock) _answers.Add(served);
    }

    /// <summary>What was scored is written and committed. Of labels that come with their rows, this is the moment.</summary>
    internal void Committed(CommitStep step)
    {
        if (apart) return;
        lock (_lock)
        {
            foreach (var range in step.Ranges.Values)
                foreach (var chunk in _answers.Take(range.Range.Partition, range.Range.To))
                    for (var i = 0; i < chunk.Count; i++) _served?.Add(chunk.Version, 0, chunk.Labels[i], chunk.ScoresOf(i));
        }
    }

    void IAnswerObserver.Measured(long version, long age, double label, ReadOnlySpan<double> scores)
    {
        lock (_lock) _progressive?.Add(version, age, label, scores);
    }

    void IAnswerObserver.Labelled(int partition, long offset, long time, double label)
    {
        lock (_lock)
        {
            if (_answers.Find(partition, offset) is not var (chunk, row)) return;
            _served?.Add(chunk.Version, AgeOf(chunk.TimeOf(row), time), label, chunk.ScoresOf(row));
        }
    }

    /// <summary>How long after a row its label came, in milliseconds; 0 where times are not known.</summary>
    internal static long AgeOf(long row, long label) => row == Chunk.NoTime || label == Chunk.NoTime ? 0 : Math.Max(0, label - row);
}

/// <summary>Tells the quality of answers what is about to be written.</summary>
internal sealed class ServedEncoder(IOutgoingEncoder inner, AnswerQuality quality) : IOutgoingEncoder
{
    public Outgoing Encode(Chunk chunk, long time)
    {
        quality.Scored(chunk);
        return inner.Encode(chunk, time);
    }
}
