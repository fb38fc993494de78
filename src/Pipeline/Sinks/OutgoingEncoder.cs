namespace StreamMLOps.Pipeline;

/// <summary>A scored chunk as predictions and dead letters in JSON.</summary>
public sealed class OutgoingEncoder(PredictionWriter predictions, DeadLetterWriter deadLetters) : IOutgoingEncoder
{
    /// <inheritdoc/>
    public Outgoing Encode(Chunk chunk, long time) => new(predictions.Encode(chunk, time), deadLetters.Encode(chunk.DeadLetters), CommitStep.Of(chunk));
}
