using Akka.Actor;

namespace StreamMLOps.Actors;

/// <summary>Serves replicas from the ring of newest events: as many events as a replica has asked for, and none that it has not.</summary>
internal sealed class ReplicaFeed(long maxBytes)
{
    private readonly EventRing _ring = new(maxBytes);
    private readonly Dictionary<IActorRef, Pull> _waiting = [];
    private bool _started;

    /// <summary>All events up to <paramref name="sequence"/> are in the journal; from here on they are served from memory.</summary>
    public void Start(long sequence)
    {
        if (_started && _ring.Newest == sequence) return;
        _started = true;
        _ring.Reset(sequence);
        ServeWaiting();
    }

    /// <summary>An event is in the journal.</summary>
    public void Publish(Published published)
    {
        _ring.Add(published);
        ServeWaiting();
    }

    /// <summary>Answers a request, now or when there is something to answer with.</summary>
    public void Serve(IActorRef replica, Pull pull)
    {
        if (!_started || pull.After >= _ring.Newest)
        {
            _waiting[replica] = pull;
            return;
        }
        _waiting.Remove(replica);
        if (pull.After < _ring.CompleteAfter)
        {
            replica.Tell(new Behind(_ring.CompleteAfter, _ring.Newest));
            return;
        }
        foreach (var published in _ring.After(pull.After, pull.Credit)) replica.Tell(published);
    }

    /// <summary>The replica is gone.</summary>
    public void Forget(IActorRef replica) => _waiting.Remove(replica);

    private void ServeWaiting()
    {
        foreach (var (replica, pull) in _waiting.ToArray()) Serve(replica, pull);
    }
}
