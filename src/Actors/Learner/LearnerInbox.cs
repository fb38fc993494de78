using System.Threading.Channels;
using Akka.Actor;
using StreamMLOps.Pipeline;

namespace StreamMLOps.Actors;

/// <summary>
/// A few chunks between the learn leg's stream and the learner. The actor is told that there is work; the pooled chunks
/// themselves never travel in a message.
/// </summary>
internal sealed class LearnerInbox(IActorRef learner, object signal, int capacity = 4) : ILearnerInbox
{
    private readonly Channel<Chunk> _chunks = Channel.CreateBounded<Chunk>(new BoundedChannelOptions(capacity) { SingleReader = true, SingleWriter = true });
    private int _signalled;

    public async ValueTask Offer(Chunk chunk)
    {
        try
        {
            await _chunks.Writer.WriteAsync(chunk).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            // The learner is gone; the next one reads these rows again, from the positions that its journal has.
            chunk.Dispose();
            return;
        }
        Signal();
    }

    public bool TryTake(out Chunk? chunk) => _chunks.Reader.TryRead(out chunk);

    /// <summary>Tells the learner again, once, if chunks wait.</summary>
    public void Signal()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0) learner.Tell(signal);
    }

    /// <summary>The learner has seen the signal: the next chunk signals again.</summary>
    public void Seen() => Volatile.Write(ref _signalled, 0);

    /// <summary>No more chunks; those left are disposed.</summary>
    public void Close()
    {
        _chunks.Writer.TryComplete();
        while (_chunks.Reader.TryRead(out var chunk)) chunk.Dispose();
    }
}
