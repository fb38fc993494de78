using Akka.Actor;

namespace StreamMLOps.Actors;

/// <summary>
/// Keeps learners running: wakes each of them every second, from every node, so that a learner whose node died is started elsewhere
/// although nothing happens to be scored. A wake that finds its learner running does nothing.
/// </summary>
public sealed class LearnerDaemon : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public LearnerDaemon(IActorRef learners, IReadOnlyCollection<string> entities) =>
        Receive<Tick>(_ =>
        {
            foreach (var entity in entities) learners.Tell(new LearnerEnvelope(entity, Wake.Instance));
        });

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Timers.StartPeriodicTimer("wake", Tick.Instance, TimeSpan.Zero, Interval);

    private sealed record Tick
    {
        public static Tick Instance { get; } = new();
    }
}
