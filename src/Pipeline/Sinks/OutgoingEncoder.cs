namespace StreamMLOps.Pipeline;

/// <summary>A scored chunk as predictions and dead letters in JSON; an alarm, where there is one, counts both.</summary>
public sealed class OutgoingEncoder(PredictionWriter predictions, DeadLetterWriter deadLetters, DeadLetterAlarm? alarm = null) : IOutgoingEncoder
{
    /// <inheritdoc/>
    public Outgoing Encode(Chunk chunk, long time)
    {
        alarm?.Count(chunk.Count, chunk.DeadLetters);
        return new(predictions.Encode(chunk, time), deadLetters.Encode(chunk.DeadLetters), CommitStep.Of(chunk));
    }
}
