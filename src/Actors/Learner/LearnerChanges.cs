using System.Globalization;
using Akka.Actor;

namespace StreamMLOps.Actors;

/// <summary>
/// What people ask of a learner: freeze, thaw, take pseudo-labels back. Each becomes an event of its own, so it waits for the event under construction; no row is
/// taken meanwhile, else a busy stream would keep it waiting for ever.
/// </summary>
internal sealed class LearnerChanges
{
    private readonly Queue<(object Asked, IActorRef By)> _waiting = [];

    /// <summary>Whether any waits.</summary>
    public bool Any => _waiting.Count > 0;

    /// <summary>Takes one in; it is decided by <see cref="Next"/>.</summary>
    public void Add(object asked, IActorRef by) => _waiting.Enqueue((asked, by));

    /// <summary>Answers all that wait that nothing changes.</summary>
    public void Refuse(string why)
    {
        while (_waiting.TryDequeue(out var change)) change.By.Tell(new Unchanged(why));
    }

    /// <summary>The event of the first that changes something; those that would change nothing are answered on the way.</summary>
    /// <param name="fold">The state, with no event under construction.</param>
    /// <param name="time">When, milliseconds since 1970 UTC.</param>
    public (JournalEvent Event, IActorRef By)? Next(LearnerFold fold, long time)
    {
        while (_waiting.TryDequeue(out var change))
        {
            if (Decide(fold, change.Asked, time, out var why) is { } e) return (e, change.By);
            change.By.Tell(new Unchanged(why));
        }
        return null;
    }

    /// <summary>The event that does what is asked.</summary>
    /// <returns>Null where it makes no sense in this state.</returns>
    public static JournalEvent? Decide(LearnerFold fold, object asked, long time, out string why)
    {
        why = "";
        switch (asked)
        {
            case Freeze when fold.IsFrozen:
                why = "learning is frozen already";
                return null;
            case Freeze f:
                return Frozen.Create(f.Who, f.Why, time);
            case Thaw when !fold.IsFrozen:
                why = "learning is not frozen";
                return null;
            case Thaw t:
                return Thawed.Create(t.Who, t.Why, time);
            case Revoke r:
                if (fold.Revocation(r.Who, r.Why, time) is not { } revoked) why = $"'{fold.Definition.Model.Kind.Name}' has no pseudo-labels to take back";
                else if (r.Group > 0 && r.Group != revoked.Group) why = string.Create(CultureInfo.InvariantCulture, $"group {r.Group} of pseudo-labels is not the current one, which is {revoked.Group}: only the current one can be taken back");
                else return revoked;
                return null;
            default:
                throw new ArgumentException($"{asked.GetType()} is no change of a learner", nameof(asked));
        }
    }
}
